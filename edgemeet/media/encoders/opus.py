"""Which encoder of Opus this machine has."""

from __future__ import annotations

from edgemeet.media.encoders import libopus
from edgemeet.media.encoders.protocols import AudioEncoder


def opus_encoder(bits_per_second: int) -> AudioEncoder:
    """Libopus itself where it can be loaded, else libav's.

    Raises:
        DeviceFailed: it does not take the rate.
    """
    library = libopus.load()
    if library is not None:
        return libopus.LibopusEncoder(bits_per_second, library)
    from edgemeet.media.encoders.opus_libav import LibavOpusEncoder  # noqa: PLC0415 - loads libav

    return LibavOpusEncoder(bits_per_second)
