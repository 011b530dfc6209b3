"""Real children, and what is read out of their access units."""

import asyncio
import contextlib
import math
import os
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest
from rigging.plans import SMALL

from edgemeet.encoded import AccessUnit, VideoEncoding
from edgemeet.media import counter
from edgemeet.media.capture import CaptureProcess

PATIENCE = 30.0  # seconds; six others share this machine


@dataclass
class Recording:
    """The access units of a capture, and a way to wait for them."""

    capture: CaptureProcess
    units: list[AccessUnit] = field(default_factory=list)

    def layer(self, layer: int) -> list[AccessUnit]:
        return [unit for unit in self.units if unit.layer == layer]

    async def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        async with asyncio.timeout(timeout):
            while not condition():
                await asyncio.sleep(0.01)

    async def more(self, count: int, timeout: float = PATIENCE) -> list[AccessUnit]:
        """The next `count` units."""
        start = len(self.units)
        await self.until(lambda: len(self.units) >= start + count, timeout)
        return self.units[start : start + count]


@contextlib.asynccontextmanager
async def _recording(capture: CaptureProcess) -> AsyncIterator[Recording]:
    recording = Recording(capture)
    capture.attach(recording.units.append)
    task = asyncio.create_task(capture.run())
    try:
        yield recording
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def recording() -> Callable[[CaptureProcess], contextlib.AbstractAsyncContextManager[Recording]]:
    return _recording


@pytest.fixture
def small() -> VideoEncoding:
    return SMALL


@pytest.fixture
def decode_video() -> Callable[[Iterable[AccessUnit], str], list[av.VideoFrame]]:
    def decode(units: Iterable[AccessUnit], codec: str = "h264") -> list[av.VideoFrame]:
        decoder = av.CodecContext.create(codec, "r")
        decoder.thread_count = 1
        frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
        return frames + decoder.decode(None)

    return decode


@pytest.fixture
def counter_of() -> Callable[[av.VideoFrame], int | None]:
    def read(frame: av.VideoFrame) -> int | None:
        luma = memoryview(frame.planes[0])
        stride = frame.planes[0].line_size
        return counter.read(lambda x, y: luma[y * stride + x], frame.width)

    return read


@pytest.fixture
def decode_audio() -> Callable[[Iterable[AccessUnit]], array]:
    def decode(units: Iterable[AccessUnit]) -> array:
        decoder = av.CodecContext.create("libopus", "r")
        decoder.sample_rate = 48_000
        decoder.layout = "mono"
        decoder.format = "s16"
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        samples = array("h")
        for unit in units:
            for frame in decoder.decode(av.Packet(unit.data)):
                for converted in resampler.resample(frame):
                    samples.frombytes(bytes(converted.planes[0])[: 2 * converted.samples])
        return samples

    return decode


@dataclass(frozen=True)
class Tone:
    """The tone in some samples: its frequency, and which share of the power it has."""

    hertz: float
    purity: float


@pytest.fixture
def find_tone() -> Callable[[Sequence[int]], Tone]:
    def find(samples: Sequence[int], rate: int = 48_000) -> Tone:
        rising = [
            i - samples[i] / (samples[i] - samples[i - 1])
            for i in range(1, len(samples))
            if samples[i - 1] < 0 <= samples[i]
        ]
        if len(rising) < 3:
            return Tone(0.0, 0.0)
        hertz = (len(rising) - 1) * rate / (rising[-1] - rising[0])
        step = 2 * math.pi * hertz / rate
        cosine = sum(sample * math.cos(step * i) for i, sample in enumerate(samples))
        sine = sum(sample * math.sin(step * i) for i, sample in enumerate(samples))
        power = sum(sample * sample for sample in samples)
        return Tone(hertz, 2 * (cosine**2 + sine**2) / len(samples) / power)

    return find


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Whether a process is no more, not even as a zombie."""
    return lambda pid: not Path(f"/proc/{pid}").exists()


@pytest.fixture
def open_files() -> Callable[[], int]:
    return lambda: len(os.listdir("/proc/self/fd"))


@pytest.fixture
def children() -> Callable[[], list[int]]:
    """Pids of this process's children, zombies too."""

    def read() -> list[int]:
        found = []
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that ended meanwhile
                found += [int(pid) for pid in (task / "children").read_text().split()]
        return found

    return read


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    async def wait(condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            await asyncio.sleep(0.01)

    return wait
