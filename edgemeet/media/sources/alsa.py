"""An ALSA microphone through pyalsaaudio."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edgemeet.errors import (
    DeviceBusy,
    DeviceError,
    DeviceFailed,
    DeviceForbidden,
    DeviceNotFound,
    DeviceNotInstalled,
    FormatNotOffered,
)
from edgemeet.media.plan import PERIOD_NS, PERIOD_SAMPLES, SAMPLE_RATE
from edgemeet.media.sources.device_clock import CaptureClock, Throttle
from edgemeet.media.sources.protocols import Period

_SECOND = 1_000_000_000
_BUFFER_PERIODS = 8  # 160 ms: what the encoder may be kept from the processor without losing sound
_STALL_NS = 300_000_000  # a read that took longer: what was buffered meanwhile is old, and dropped
_BLOCKED_NS = 5_000_000  # a read that took this long waited for new sound
_MAX_OVERRUNS = 25  # in a row, half a second of nothing


class Pcm(Protocol):
    """What is used of alsaaudio.PCM."""

    def read(self) -> tuple[int, bytes]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PcmFormat:
    """What the device really delivers. `sample_format` is libav's name."""

    rate: int
    channels: int
    sample_format: str
    buffer_ns: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * {"u8": 1, "s16": 2, "s32": 4, "flt": 4, "dbl": 8}[self.sample_format]


class AlsaMicrophone:
    """Blocks in alsa-lib until 20 ms of sound are there.

    Raises:
        DeviceError: not installed, not found, busy, forbidden, or failed.
    """

    def __init__(
        self,
        device: str,
        *,
        open_pcm: Callable[[str], tuple[Pcm, PcmFormat]] | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = f"alsa {device}"
        self._device = device
        self._pcm, self._format = (open_pcm or _open_pcm)(device)
        self._convert = _converter(self._format)
        self._clock, self._sleep = clock, sleep
        self._ready: deque[array[int]] = deque()
        self._capture_clock = CaptureClock()
        self._throttle = Throttle(self._format.buffer_ns, clock=clock, sleep=sleep)
        self._read_at = 0
        self._stale_ns = 0
        self.overruns = 0

    def read(self) -> Period:
        while not self._ready:
            data = self._read_fresh()
            self._ready.extend(self._convert(data))
        samples = self._ready.popleft()
        # Of several periods that became complete in one read the first is the oldest.
        return Period(samples, self._capture_clock.stamp(self._read_at - len(self._ready) * PERIOD_NS))

    def close(self) -> None:
        self._pcm.close()

    def _read_fresh(self) -> bytes:
        """Sound that has just been captured: what piled up during a stall is thrown away."""
        while True:
            data, sound_ns, blocked_ns = self._read_device()
            if blocked_ns > _STALL_NS:
                self._stale_ns = blocked_ns
            elif blocked_ns > _BLOCKED_NS:
                self._stale_ns = 0
            if self._stale_ns <= 0:
                self._throttle.hold(sound_ns, blocked_ns)
                self._read_at = self._clock()
                return data
            self._stale_ns -= sound_ns
            self._capture_clock.lost()

    def _read_device(self) -> tuple[bytes, int, int]:
        """Sound, how much of it and how long it took, in nanoseconds. Overruns are survived."""
        for _ in range(_MAX_OVERRUNS):
            before = self._clock()
            try:
                length, data = self._pcm.read()
            except Exception as error:  # ALSAAudioError, by whichever way the module was found
                raise _device_error(self._device, error) from error
            if length > 0 and data:
                sound = len(data) // self._format.frame_bytes * _SECOND // self._format.rate
                return data, sound, self._clock() - before
            # The buffer ran over (-EPIPE) or nothing came: what was handed over is garbage. alsa-lib has
            # prepared the device again; the next read starts it.
            self.overruns += 1
            self._capture_clock.lost()
            self._sleep(PERIOD_NS / _SECOND if length == 0 else 0)
        raise DeviceFailed(
            f'the microphone "{self._device}" delivers no sound: {_MAX_OVERRUNS} overruns in a row'
        )


def _converter(pcm: PcmFormat) -> Callable[[bytes], list[array[int]]]:
    if (pcm.rate, pcm.channels, pcm.sample_format) == (SAMPLE_RATE, 1, "s16"):
        return _Chopper().convert
    from edgemeet.media.sources.conversion import Converter  # noqa: PLC0415 - libav only where needed

    return Converter(rate=pcm.rate, channels=pcm.channels, sample_format=pcm.sample_format).convert


class _Chopper:
    """Cuts what is already 48 kHz mono S16 into periods."""

    def __init__(self) -> None:
        self._samples = array("h")

    def convert(self, data: bytes) -> list[array[int]]:
        self._samples.frombytes(data[: len(data) & ~1])
        whole = len(self._samples) // PERIOD_SAMPLES * PERIOD_SAMPLES
        periods = [self._samples[start : start + PERIOD_SAMPLES] for start in range(0, whole, PERIOD_SAMPLES)]
        del self._samples[:whole]
        return periods


def _open_pcm(device: str) -> tuple[Pcm, PcmFormat]:
    try:
        import alsaaudio  # noqa: PLC0415 - an optional library of this source alone
    except ImportError as error:
        raise DeviceNotInstalled(
            "pyalsaaudio is not installed",
            hint="pip install 'edgemeet[alsa]'; it needs the system's alsa-lib",
        ) from error
    try:
        pcm = alsaaudio.PCM(
            type=alsaaudio.PCM_CAPTURE,
            mode=alsaaudio.PCM_NORMAL,
            rate=SAMPLE_RATE,
            channels=1,
            format=alsaaudio.PCM_FORMAT_S16_LE,
            periodsize=PERIOD_SAMPLES,
            periods=_BUFFER_PERIODS,
            device=device,
        )
    except alsaaudio.ALSAAudioError as error:
        raise _device_error(device, error) from error
    info = pcm.info()
    formats = {
        alsaaudio.PCM_FORMAT_U8: "u8",
        alsaaudio.PCM_FORMAT_S16_LE: "s16",
        alsaaudio.PCM_FORMAT_S32_LE: "s32",
        alsaaudio.PCM_FORMAT_FLOAT_LE: "flt",
        alsaaudio.PCM_FORMAT_FLOAT64_LE: "dbl",
    }
    sample_format = formats.get(info["format"])
    if sample_format is None:
        pcm.close()
        raise FormatNotOffered(
            f'the microphone "{device}" offers only the format {info["format_name"]}',
            hint=f'use "plug{device}", which converts' if device.startswith("hw:") else None,
        )
    rate = info["rate"]
    buffer_ns = info["buffer_size"] * _SECOND // rate
    return pcm, PcmFormat(rate, info["channels"], sample_format, buffer_ns)


_MEANINGS: tuple[tuple[str, type[DeviceError], str, str | None], ...] = (
    ("No such", DeviceNotFound, "there is no microphone", "arecord -L lists the names of this device"),
    ("busy", DeviceBusy, "another program has the microphone", None),
    (
        "Permission denied",
        DeviceForbidden,
        "no permission for the microphone",
        'add the user of the service to the group "audio"',
    ),
    ("Operation not permitted", DeviceForbidden, "no permission for the microphone", None),
)


def _device_error(device: str, error: Exception) -> DeviceError:
    """The error a person understands; alsa-lib tells its errors apart by text alone."""
    for text, kind, meaning, hint in _MEANINGS:
        if text in str(error):
            return kind(f'{meaning} "{device}"', hint=hint)
    return DeviceFailed(f'the microphone "{device}" failed: {error}')
