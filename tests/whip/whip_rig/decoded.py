"""What comes out of a decoder, looked at: pictures that change, and the tone."""

from __future__ import annotations

import asyncio
import zlib
from array import array
from itertools import pairwise

import pytest
from aiortc.mediastreams import MediaStreamTrack
from av import AudioFrame, VideoFrame

_RATE = 48_000  # hertz; what Opus is decoded to
_AUDIBLE = 300  # of 32767; the tone has thousands


async def expect_moving(track: MediaStreamTrack, *, frames: int = 30, within: float = 90) -> tuple[int, int]:
    """So many different decoded pictures; gives the size of the last one."""
    seen: set[int] = set()
    size = (0, 0)
    try:
        async with asyncio.timeout(within):
            while len(seen) < frames:
                frame = await _picture(track)
                size = (frame.width, frame.height)
                seen.add(zlib.crc32(bytes(frame.planes[0])))
    except TimeoutError:
        pytest.fail(f"{len(seen)} different pictures of {frames} within {within:g} s")
    return size


async def expect_width(track: MediaStreamTrack, width: int, *, within: float = 90) -> None:
    """Pictures of this width come."""
    last = 0
    try:
        async with asyncio.timeout(within):
            while last != width:
                last = (await _picture(track)).width
    except TimeoutError:
        pytest.fail(f"pictures are {last} wide, not {width}")


async def expect_tone(track: MediaStreamTrack, hertz: float = 440.0, *, within: float = 30) -> None:
    """A second of sound that swings so often."""
    heard = 0.0
    try:
        async with asyncio.timeout(within):
            while abs(heard - hertz) > 2:
                samples = array("h")
                while len(samples) < _RATE:
                    samples += await _sound(track)
                ups = sum(1 for before, after in pairwise(samples) if before < 0 <= after)
                heard = ups * _RATE / len(samples) if max(samples) > _AUDIBLE else 0.0
    except TimeoutError:
        pytest.fail(f"no tone of {hertz} Hz; the last second had {heard:.1f} Hz")


async def _picture(track: MediaStreamTrack) -> VideoFrame:
    frame = await track.recv()
    assert isinstance(frame, VideoFrame)
    return frame


async def _sound(track: MediaStreamTrack) -> array[int]:
    """The left channel."""
    frame = await track.recv()
    assert isinstance(frame, AudioFrame)
    samples = array("h", bytes(frame.planes[0])[: frame.samples * len(frame.layout.channels) * 2])
    return samples[:: len(frame.layout.channels)]
