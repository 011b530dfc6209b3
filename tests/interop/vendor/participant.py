"""A participant made of VideoSDK's own Python SDK. Runs in the SDK's venv; tells what it sees as JSON lines.

    participant.py '{"base_url": "127.0.0.1:8443", "token": ..., "room": ..., "id": ..., "publish": true}'

With "pictures" it publishes those of a file, 1280x720 and yuv420p, 30 a second; with "sound": false no sound.
It leaves and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import fractions
import hashlib
import json
import logging
import math
import mmap
import struct
import sys
import time
from array import array
from typing import Any

from av import AudioFrame, VideoFrame
from videosdk import (
    CustomAudioTrack,
    CustomVideoTrack,
    MeetingEventHandler,
    ParticipantEventHandler,
    VideoSDK,
)

TELL_EVERY = 10  # pictures, or pieces of sound
TONE_HZ = 660.0
RATE = 48_000
PIECE = RATE // 50


def tell(event: str, **values: object) -> None:
    sys.stdout.write(json.dumps({"event": event, "at": time.time(), **values}) + "\n")
    sys.stdout.flush()


class TestPicture(CustomVideoTrack):
    """A bar that moves; 320x240 at 15 a second."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    async def recv(self) -> VideoFrame:
        await self.next_timestamp()  # 30 a second
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(width=320, height=240, format="yuv420p")
        self._count += 1
        bar = self._count * 8 % 320
        row = bytes(255 if bar <= x < bar + 32 else 40 for x in range(320))
        luma = frame.planes[0]
        luma.update(b"".join(row.ljust(luma.line_size, b"\0") for _ in range(240)))
        for plane in frame.planes[1:]:
            plane.update(b"\x80" * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


class PreparedPictures(CustomVideoTrack):
    """Pictures of a file, over and over; each is copied once."""

    def __init__(self, path: str) -> None:
        super().__init__()
        with open(path, "rb") as file:
            self._memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._next = 0

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(width=1280, height=720, format="yuv420p")
        for plane in frame.planes:
            plane.update(self._memory[self._next : self._next + plane.buffer_size])
            self._next += plane.buffer_size
        self._next %= len(self._memory)
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(CustomAudioTrack):
    """A tone of TONE_HZ."""

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._began = time.monotonic()

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(max(0.0, self._began + self._sent / RATE - time.monotonic()))
        frame = AudioFrame(format="s16", layout="mono", samples=PIECE)
        step = 2 * math.pi * TONE_HZ / RATE
        samples = (int(8000 * math.sin(step * (self._sent + n))) for n in range(PIECE))
        frame.planes[0].update(struct.pack(f"<{PIECE}h", *samples))
        frame.pts, frame.sample_rate, frame.time_base = self._sent, RATE, fractions.Fraction(1, RATE)
        self._sent += PIECE
        return frame


class Watcher(ParticipantEventHandler):
    """Decodes what another participant sends."""

    def __init__(self, participant: Any, tasks: set[asyncio.Task[None]]) -> None:
        super().__init__()
        self._id = participant.id
        self._tasks = tasks

    def on_stream_enabled(self, stream: Any) -> None:
        watch = self._watch_video if stream.kind == "video" else self._watch_audio
        self._tasks.add(asyncio.ensure_future(watch(stream.track)))

    async def _watch_video(self, track: Any) -> None:
        count, hashes = 0, set()
        while True:
            frame = await track.recv()
            count += 1
            hashes.add(hashlib.sha256(bytes(frame.planes[0])).digest())
            if count == 1 or count % TELL_EVERY == 0:
                size = {"width": frame.width, "height": frame.height}
                tell("video", peer=self._id, count=count, distinct=len(hashes), **size)

    async def _watch_audio(self, track: Any) -> None:
        heard, count = array("h"), 0
        while True:
            frame = await track.recv()
            channels = len(frame.layout.channels)
            piece = array("h", bytes(frame.planes[0])[: 2 * channels * frame.samples])
            heard.extend(piece[::channels])
            count += 1
            if len(heard) >= frame.sample_rate:
                tell("audio", peer=self._id, count=count, hertz=_pitch(heard, frame.sample_rate))
                heard = array("h")


def _pitch(samples: array[int], rate: int) -> float:
    """The frequency of a pure tone, from its upward crossings of zero."""
    crossings = [n for n in range(1, len(samples)) if samples[n - 1] < 0 <= samples[n]]
    if len(crossings) < 2:
        return 0.0
    return rate * (len(crossings) - 1) / (crossings[-1] - crossings[0])


class Events(MeetingEventHandler):
    def __init__(self, tasks: set[asyncio.Task[None]]) -> None:
        super().__init__()
        self._tasks = tasks

    def on_meeting_joined(self, data: Any) -> None:
        tell("joined")

    def on_meeting_left(self, data: Any) -> None:
        tell("left")

    def on_error(self, data: Any) -> None:
        tell("error", data=str(data))

    def on_participant_joined(self, participant: Any) -> None:
        tell("participant", peer=participant.id, name=participant.display_name)
        participant.add_event_listener(Watcher(participant, self._tasks))

    def on_participant_left(self, participant: Any) -> None:
        tell("participant-left", peer=participant.id)


async def main(options: dict[str, Any]) -> None:
    tasks: set[asyncio.Task[None]] = set()
    publish = bool(options.get("publish"))
    pictures = options.get("pictures")
    meeting = VideoSDK.init_meeting(
        meeting_id=options["room"],
        participant_id=options["id"],
        name=options["id"],
        token=options["token"],
        mic_enabled=publish and options.get("sound", True),
        webcam_enabled=publish,
        custom_camera_video_track=PreparedPictures(pictures) if pictures else TestPicture(),
        custom_microphone_audio_track=Tone(),
        signaling_base_url=options["base_url"],
        preferred_protocol=options.get("protocol", "UDP_OVER_TCP"),
    )
    meeting.add_event_listener(Events(tasks))
    await meeting.async_join()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    meeting.leave()
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main(json.loads(sys.argv[1])))
