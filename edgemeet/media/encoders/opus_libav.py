"""Opus through libav, for machines where libopus cannot be loaded by itself."""

from __future__ import annotations

from array import array
from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext

from edgemeet.errors import DeviceFailed
from edgemeet.media.encoders.protocols import EXPECTED_LOSS
from edgemeet.media.plan import PERIOD_SAMPLES, SAMPLE_RATE


class LibavOpusEncoder:
    """See `AudioEncoder`.

    libavcodec's wrapper offers no change of rate while running: `set_bitrate` opens a new encoder, which is
    inaudible at a packet's boundary in speech. Nor does it offer DTX: silence is sent as small packets.

    Raises:
        DeviceFailed: it does not take the rate.
    """

    name = "libopus"

    def __init__(self, bits_per_second: int) -> None:
        self._rate = bits_per_second
        self._context = _open(bits_per_second)
        self._count = 0

    def encode(self, samples: array[int]) -> list[bytes]:
        frame = audio_frame(samples)
        frame.pts = self._count * PERIOD_SAMPLES
        frame.time_base = self._context.time_base
        self._count += 1
        try:
            return [bytes(packet) for packet in self._context.encode(frame)]
        except av.FFmpegError as error:
            raise DeviceFailed("libopus could not encode", code="device.encoder_failed") from error

    def set_bitrate(self, bits_per_second: int) -> None:
        if bits_per_second != self._rate:
            self._rate = bits_per_second
            self._context = _open(bits_per_second)
            self._count = 0


def audio_frame(samples: array[int]) -> av.AudioFrame:
    """A frame of libav's with these samples, 48 kHz mono."""
    frame = av.AudioFrame("s16", "mono", len(samples))
    frame.planes[0].update(samples.tobytes())
    frame.sample_rate = SAMPLE_RATE
    frame.time_base = Fraction(1, SAMPLE_RATE)
    return frame


def _open(bits_per_second: int) -> AudioCodecContext:
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate = SAMPLE_RATE
    context.layout = "mono"
    context.format = "s16"
    context.time_base = Fraction(1, SAMPLE_RATE)
    context.bit_rate = bits_per_second
    context.options = {
        "application": "voip",
        "frame_duration": "20",
        "fec": "1",
        "packet_loss": str(EXPECTED_LOSS),
        "vbr": "on",
    }
    try:
        context.open()
    except av.FFmpegError as error:
        raise DeviceFailed(f"libopus does not take {bits_per_second} bits/s") from error
    return context
