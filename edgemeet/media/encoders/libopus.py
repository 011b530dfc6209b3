"""libopus itself, through ctypes.

A microphone's process that loads libav for this has twice the memory: libav brings 60 libraries. The API is
opus(3) and has been stable since 2012; the numbers are from opus_defines.h.
"""

from __future__ import annotations

import ctypes
import weakref
from array import array
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from edgemeet.errors import DeviceFailed
from edgemeet.media.encoders.protocols import EXPECTED_LOSS
from edgemeet.media.plan import PERIOD_SAMPLES, SAMPLE_RATE

_APPLICATION_VOIP: Final = 2048
_SET_BITRATE: Final = 4002
_SET_VBR: Final = 4006
_SET_INBAND_FEC: Final = 4012
_SET_PACKET_LOSS_PERC: Final = 4014
_SET_DTX: Final = 4016
_SET_VBR_CONSTRAINT: Final = 4020
_LARGEST_PACKET: Final = 1275  # bytes of a frame of 20 ms (RFC 6716, section 3.4)
_NOTHING_TO_SEND: Final = 2  # bytes; opus_encode(3): a packet of so many need not be transmitted


class LibopusEncoder:
    """See `AudioEncoder`. The rate changes in place, and silence is not sent (DTX).

    After 200 ms without a sound, or of steady noise far below the loudest, one packet comes every 400 ms.

    Args:
        bits_per_second: to begin with.
        library: as `load` found it.

    Raises:
        DeviceFailed: it does not take the rate.
    """

    name = "libopus"

    def __init__(self, bits_per_second: int, library: ctypes.CDLL) -> None:
        self._library = library
        error = ctypes.c_int()
        self._encoder = ctypes.c_void_p(
            library.opus_encoder_create(SAMPLE_RATE, 1, _APPLICATION_VOIP, ctypes.byref(error))
        )
        if not self._encoder:
            raise DeviceFailed(f"libopus cannot be used: {self._why(error.value)}")
        weakref.finalize(self, library.opus_encoder_destroy, self._encoder)
        self._set(_SET_VBR, 1)
        self._set(_SET_VBR_CONSTRAINT, 0)
        self._set(_SET_INBAND_FEC, 1)
        self._set(_SET_PACKET_LOSS_PERC, EXPECTED_LOSS)
        self._set(_SET_DTX, 1)
        self.set_bitrate(bits_per_second)
        self._packet = ctypes.create_string_buffer(_LARGEST_PACKET)

    def encode(self, samples: array[int]) -> list[bytes]:
        if len(samples) != PERIOD_SAMPLES:
            raise DeviceFailed(f"a period has {PERIOD_SAMPLES} samples, not {len(samples)}")
        address, _ = samples.buffer_info()
        size = self._library.opus_encode(
            self._encoder, address, PERIOD_SAMPLES, self._packet, _LARGEST_PACKET
        )
        if size < 0:
            raise DeviceFailed(f"libopus could not encode: {self._why(size)}", code="device.encoder_failed")
        return [ctypes.string_at(self._packet, size)] if size > _NOTHING_TO_SEND else []

    def set_bitrate(self, bits_per_second: int) -> None:
        if self._set(_SET_BITRATE, bits_per_second) < 0:
            raise DeviceFailed(f"libopus does not take {bits_per_second} bits/s")

    def _set(self, request: int, value: int) -> int:
        done: int = self._library.opus_encoder_ctl(self._encoder, request, ctypes.c_int(value))
        return done

    def _why(self, error: int) -> str:
        text: bytes = self._library.opus_strerror(error)
        return text.decode()


def load() -> ctypes.CDLL | None:
    """libopus: the one that comes with PyAV, or else the system's; None where there is neither."""
    for place in _places():
        try:
            library = ctypes.CDLL(place)
            _declare(library)
        except (OSError, AttributeError):  # it cannot be loaded, or is something else
            continue
        return library
    return None


def _places() -> Iterator[str]:
    """Where libopus may be. auditwheel puts the libraries of a wheel beside its package."""
    spec = find_spec("av")
    if spec is not None and spec.origin is not None:
        libraries = Path(spec.origin).parent.with_name("av.libs")
        yield from sorted(str(path) for path in libraries.glob("libopus[-.]*so*"))
    yield "libopus.so.0"


def _declare(library: ctypes.CDLL) -> None:
    library.opus_encoder_create.restype = ctypes.c_void_p
    library.opus_encoder_destroy.argtypes = (ctypes.c_void_p,)
    library.opus_encoder_destroy.restype = None
    library.opus_encode.argtypes = (
        ctypes.c_void_p,
        ctypes.c_void_p,  # 16-bit samples
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int32,
    )
    library.opus_encode.restype = ctypes.c_int32
    library.opus_encoder_ctl.restype = ctypes.c_int
    library.opus_strerror.restype = ctypes.c_char_p
