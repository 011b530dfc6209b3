"""Tries of the encoder and the microphone, each in a process of its own: drivers hang and crash.

`python -P -m edgemeet.doctor.probes` reads a capture plan from its input and prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from edgemeet.errors import DeviceError, DeviceFailed
from edgemeet.media.child_process import child_environment
from edgemeet.media.plan import CameraPlan, CapturePlan, MicrophonePlan, from_json, to_json

# ruff: noqa: PLC0415 - the microphone's process needs no libav, the encoder's no alsa-lib

T = TypeVar("T")

PROGRAM = (sys.executable, "-P", "-m", "edgemeet.doctor.probes")
DEADLINE = 11.0  # seconds for a process: loading libav takes a slow board three, the probe five
ENCODED_SECONDS = 5.0  # of video, and of time that may be spent on it
LISTENED_SECONDS = 1.0
_PICTURES = 8  # different ones, shown again and again


@dataclass(frozen=True, slots=True)
class Encoding:
    """What encoding costs.

    Attributes:
        encoder: what encodes the largest layer.
        busy: seconds of work for one second of video, all layers; above 1 it cannot keep up.
        cpu: likewise, seconds of this machine's processor; 1 is one core.
    """

    encoder: str
    busy: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Listening:
    """What was heard in a second: the loudest 20 ms in dBov, 0 is full scale; -127 is silence."""

    source: str
    level: float


_ENCODING, _LISTENING = TypeAdapter(Encoding), TypeAdapter(Listening)


async def encode(plan: CameraPlan) -> Encoding:
    """Encode up to five seconds of moving noise as the plan says, without the camera.

    Raises:
        DeviceError: there is no encoder, or it gives up, hangs or crashes.
    """
    return _parsed(_ENCODING, await _probe(plan, "the encoder"), "the encoder")


async def listen(plan: MicrophonePlan) -> Listening:
    """Record one second.

    Raises:
        DeviceError: the microphone cannot be opened, hangs or fails.
    """
    return _parsed(_LISTENING, await _probe(plan, "the microphone"), "the microphone")


def _parsed(adapter: TypeAdapter[T], answer: bytes, what: str) -> T:
    try:
        return adapter.validate_json(answer)
    except ValidationError:
        pass
    try:
        fault = json.loads(answer)["fault"]
        raise DeviceFailed(fault["message"], code=fault["code"], hint=fault["hint"])
    except (ValueError, KeyError, TypeError):
        raise DeviceFailed(f"{what} ended its process", code="device.process_ended") from None


async def _probe(plan: CapturePlan, what: str, program: Sequence[str] = PROGRAM) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # alsa-lib and libav tell their lives there
        env=child_environment(os.environ),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            out, _ = await process.communicate(to_json(plan).encode())
    except TimeoutError:
        raise DeviceFailed(f"{what} hangs", code="device.stalled") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return out.strip().rpartition(b"\n")[2]


def _encode(plan: CameraPlan) -> Encoding:
    import av

    from edgemeet.media.encoders.choice import video_encoder

    encoders = [(video_encoder(plan, layer), layer) for layer in plan.encodings]
    pictures = {
        (layer.width, layer.height): [_noise(av, layer.width, layer.height) for _ in range(_PICTURES)]
        for layer in plan.encodings
    }
    wall, cpu, shown = time.monotonic(), time.process_time(), 0
    while shown < ENCODED_SECONDS * plan.fps and time.monotonic() - wall < ENCODED_SECONDS:
        for encoder, layer in encoders:
            if shown * layer.fps // plan.fps != (shown - 1) * layer.fps // plan.fps:
                picture = pictures[layer.width, layer.height][shown % _PICTURES]
                encoder.encode(picture, keyframe=shown == 0)
        shown += 1
    video = shown / plan.fps
    return Encoding(
        encoders[-1][0].name, (time.monotonic() - wall) / video, (time.process_time() - cpu) / video
    )


def _noise(av, width: int, height: int):  # type: ignore[no-untyped-def]  # av is not loaded by who imports this
    """A picture with detail in its upper half and none below, as rooms have it."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in frame.planes:
        half = plane.buffer_size // 2
        plane.update(os.urandom(half // 4) * 4 + bytes([128]) * (plane.buffer_size - half // 4 * 4))
    return frame


def _listen(plan: MicrophonePlan) -> Listening:
    from edgemeet.media.sources.choice import microphone_source

    source = microphone_source(plan)
    try:
        began, loudest = time.monotonic(), 0.0
        while time.monotonic() - began < LISTENED_SECONDS:
            loudest = max(loudest, _power(source.read().samples))
    finally:
        source.close()
    level = 10 * math.log10(loudest) if loudest else -127.0
    return Listening(source.name, round(level + plan.gain_db, 1))


def _power(samples: array[int]) -> float:
    return sum(sample * sample for sample in samples) / len(samples) / 32_768**2 if samples else 0.0


def main() -> None:
    """Do what the plan on standard input asks for."""
    plan = from_json(sys.stdin.read())
    answer: object
    try:
        answer = asdict(_encode(plan) if isinstance(plan, CameraPlan) else _listen(plan))
    except DeviceError as error:
        answer = {"fault": {"code": error.code, "message": error.message, "hint": error.hint}}
    print("\n" + json.dumps(answer), flush=True)  # noqa: T201 - this is the answer


if __name__ == "__main__":
    main()
