"""The Pi's camera with picamera2's hardware encoder: pictures go from one to the other without the processor.

Waits for hardware: the encoder of the Pi 4 and older was not at hand. It follows picamera2's H264Encoder and
V4L2Encoder (0.3.38): `force_key_frame`, one call of the output for each picture from a thread of its own,
times in microseconds after the first, and the open file `vd`, whose controls may change while it runs.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgemeet.errors import DeviceError, DeviceFailed, DeviceNotInstalled
from edgemeet.media.annexb import ParameterSets
from edgemeet.media.encoders import hardware
from edgemeet.media.encoders.x264 import GOP_SECONDS
from edgemeet.media.plan import CameraPlan
from edgemeet.media.sources import picamera2_library
from edgemeet.media.sources.capture_time import from_boot_time
from edgemeet.media.sources.picamera2_camera import PATIENCE, OpenCamera
from edgemeet.media.sources.protocols import EncodedPicture
from edgemeet.media.sources.v4l2_ioctl import BITRATE, set_control

logger = logging.getLogger(__name__)

_WAITING = 4  # pictures between the encoder's thread and ours; more would only be old


@dataclass(frozen=True, slots=True)
class EncoderLibrary:
    """picamera2's classes `H264Encoder` and `Output`; no types are published."""

    encoder: Any
    output: Any

    @classmethod
    def load(cls) -> EncoderLibrary:
        """Import them: they need more than the camera does."""
        from picamera2.encoders import H264Encoder  # noqa: PLC0415 - only where there is such an encoder
        from picamera2.outputs import Output  # noqa: PLC0415 - likewise

        return cls(H264Encoder, Output)


def fits(plan: CameraPlan, opened: OpenCamera, *, is_there: Callable[[], bool]) -> bool:
    """Whether picamera2's encoder is to encode: it makes one layer, of the pictures as they come.

    Raises:
        DeviceNotInstalled: the plan names it, and it cannot.
    """
    if plan.codec != "h264" or plan.encoder not in {"auto", "picamera2"}:
        return False
    layer, stream = plan.encodings[-1], opened.main
    whole = (layer.width, layer.height, layer.fps) == (stream.width, stream.height, opened.fps)
    one = len(plan.encodings) == 1 and whole and not opened.flip.needed
    if one and is_there():
        return True
    if plan.encoder == "auto":
        return False
    why = (
        f"there is no encoder at {hardware.PI_ENCODER}, which the Pi 4 and older have"
        if one
        else "it makes one layer of the camera's own size and rate"
    )
    raise DeviceNotInstalled(
        f'the encoder "picamera2" cannot be used: {why}',
        code="device.no_encoder",
        hint='set camera.encoder to "auto"',
    )


class Picamera2EncodedCamera:
    """Gives what the hardware encodes."""

    encoded = True
    encoder_name = "picamera2 H264Encoder"

    def __init__(
        self,
        plan: CameraPlan,
        opened: OpenCamera,
        library: EncoderLibrary,
        *,
        set_control: Callable[[int, int, int], None] = set_control,
    ) -> None:
        self.name = opened.name
        self.width, self.height, self.fps = opened.main.width, opened.main.height, opened.fps
        self._opened = opened
        self._set_control = set_control
        self._sets = ParameterSets()
        self._patience = max(plan.deadlines.first_frame, plan.deadlines.gap) + PATIENCE
        self._waiting: queue.Queue[tuple[bytes, int | None]] = queue.Queue(_WAITING)
        self._lost = False
        self._keeps_rate = False
        self._encoder = library.encoder(
            bitrate=plan.encodings[0].max_bitrate,
            repeat=True,
            iperiod=GOP_SECONDS * self.fps,
            framerate=self.fps,
            profile="constrained baseline",
        )
        try:
            opened.camera.start_encoder(self._encoder, _output(library, self._take), name="main")
        except (RuntimeError, OSError) as error:
            raise self._failure(error) from error

    def read(self) -> EncodedPicture:
        while True:
            try:
                data, after_first_us = self._waiting.get(timeout=self._patience)
            except queue.Empty:
                raise DeviceFailed(
                    f"the camera gave no picture for {self._patience:g} s", code="device.stalled"
                ) from None
            complete = self._sets.complete(data)
            if complete:
                return EncodedPicture(*complete, from_boot_time(self._stamp(after_first_us)))

    def request_keyframe(self) -> None:
        self._encoder.force_key_frame()

    def set_bitrate(self, bits_per_second: int) -> None:
        try:
            self._set_control(self._encoder.vd.fileno(), BITRATE, bits_per_second)
        except OSError as error:
            if not self._keeps_rate:
                logger.warning("the encoder keeps its rate: %s", error.strerror)
            self._keeps_rate = True

    def close(self) -> None:
        self._opened.camera.stop_encoder()
        self._opened.close()

    def _take(self, data: bytes, keyframe: bool, after_first_us: int | None) -> None:
        """In the encoder's thread. What cannot wait is lost, and so is all that builds on it."""
        if self._lost and not keyframe:
            return
        try:
            self._waiting.put_nowait((bytes(data), after_first_us))
            self._lost = False
        except queue.Full:
            self._lost = True
            self._encoder.force_key_frame()

    def _stamp(self, after_first_us: int | None) -> int | None:
        """The sensor's time of a picture: the encoder keeps that of the first."""
        first_us = self._encoder.firsttimestamp
        return None if first_us is None or after_first_us is None else 1000 * (first_us + after_first_us)

    @staticmethod
    def _failure(error: BaseException) -> DeviceError:
        return picamera2_library.failure("the encoder of picamera2", error)


def _output(library: EncoderLibrary, take: Callable[[bytes, bool, int | None], None]) -> Any:
    class Output(library.output):  # type: ignore[misc, name-defined]  # no types are published
        """picamera2 calls `outputframe` for each encoded picture."""

        def outputframe(
            self,
            frame: bytes,
            keyframe: bool = True,
            timestamp: int | None = None,
            packet: object = None,
            audio: bool = False,
        ) -> None:
            if not audio:
                take(frame, keyframe, timestamp)

    return Output()
