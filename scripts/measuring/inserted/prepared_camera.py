"""The test camera of a measured daemon: pictures of a file in memory, each copied once, as drivers do."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from av import VideoFrame

from edgemeet.media.pacing import Pacer
from edgemeet.media.plan import CameraPlan
from edgemeet.media.sources.protocols import RawPicture


class PatternCamera:
    """Stands where edgemeet.media.sources.pattern has its own."""

    encoded = False
    encoder_name = ""

    def __init__(self, plan: CameraPlan) -> None:
        self.name = "prepared pictures"
        self.width, self.height, self.fps = plan.width, plan.height, plan.fps
        with Path(os.environ["MEASURED_PICTURES"]).open("rb") as file:
            self._memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._size = plan.width * plan.height * 3 // 2
        self._pictures = len(self._memory) // self._size
        self._count = 0
        self._pacer = Pacer(plan.fps)

    def read(self) -> RawPicture:
        captured = self._pacer.wait()
        start = self._count % self._pictures * self._size
        self._count += 1
        frame = VideoFrame(self.width, self.height, "yuv420p")
        for plane in frame.planes:
            plane.update(self._memory[start : start + plane.buffer_size])
            start += plane.buffer_size
        return RawPicture(frame, captured)

    def request_keyframe(self) -> None:
        """Nothing to do: the encoder makes it."""

    def set_bitrate(self, bits_per_second: int) -> None:
        """Nothing to do: the encoder follows it."""

    def close(self) -> None:
        """Nothing to give back."""
