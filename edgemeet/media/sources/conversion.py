"""Sound of any rate, format and channels into periods of 960 samples, 48 kHz, mono, by libav."""

from __future__ import annotations

from array import array
from fractions import Fraction

import av

from edgemeet.media.plan import PERIOD_SAMPLES, SAMPLE_RATE


def new_resampler() -> av.AudioResampler:
    """Takes frames of one format, whatever the first one has, and gives whole periods."""
    return av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE, frame_size=PERIOD_SAMPLES)


def samples_of(frame: av.AudioFrame) -> array[int]:
    """The samples of a frame in 16 bits, mono."""
    samples = array("h")
    samples.frombytes(memoryview(frame.planes[0])[: 2 * frame.samples])
    return samples


class Converter:
    """Interleaved sound of one device, as ALSA gives it, into periods."""

    def __init__(self, *, rate: int, channels: int, sample_format: str) -> None:
        """`sample_format` is libav's name of an interleaved format: u8, s16, s32, flt, dbl."""
        self._rate = rate
        self._layout = "mono" if channels == 1 else "stereo" if channels == 2 else f"{channels}c"
        self._format = sample_format
        self._frame_bytes = channels * av.AudioFormat(sample_format).bytes
        self._resampler = new_resampler()
        self._position = 0

    def convert(self, data: bytes) -> list[array[int]]:
        """The periods that are complete now."""
        count = len(data) // self._frame_bytes
        if not count:
            return []
        frame = av.AudioFrame(self._format, self._layout, count)
        frame.planes[0].update(data[: count * self._frame_bytes])
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._position
        self._position += count
        return [samples_of(period) for period in self._resampler.resample(frame)]
