"""What a microphone's process does: read periods, encode, send, obey."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from edgemeet.media import wire
from edgemeet.media.loudness import level_dbov
from edgemeet.media.outlet import Outlet
from edgemeet.media.plan import MicrophonePlan
from edgemeet.media.progress import ProgressReporter
from edgemeet.media.sources.choice import microphone_source
from edgemeet.media.sources.protocols import MicrophoneSource


def run(plan: MicrophonePlan, outlet: Outlet, commands: Iterable[wire.Message]) -> None:
    """Capture until told to stop. `commands` came with the plan.

    Raises:
        DeviceError: the microphone or the encoder failed.
        ParentGone: the parent closed the socket.
    """
    source = microphone_source(plan)
    try:
        _capture(plan, source, outlet, commands)
    finally:
        source.close()


def _capture(
    plan: MicrophonePlan, source: MicrophoneSource, outlet: Outlet, commands: Iterable[wire.Message]
) -> None:
    # libav takes longer to load than alsa-lib to say that there is no device.
    from edgemeet.media.encoders.opus import OpusEncoder  # noqa: PLC0415 - see above

    encoder = OpusEncoder(plan.bitrate)
    gain = _Gain(plan.gain_db)
    outlet.deliver(wire.Opened(source.name, encoder.name))
    progress = ProgressReporter(outlet)
    active = True
    while True:
        for command in commands:
            match command:
                case wire.Stop():
                    return
                case wire.SetActive(_, wanted):
                    active = wanted
                case wire.SetBitrate(_, bits_per_second):
                    encoder.set_bitrate(bits_per_second)
                case _:
                    pass  # every Opus packet is a keyframe
        period = source.read()
        if active:
            samples = gain.apply(period.samples)
            level = level_dbov(samples)
            for packet in encoder.encode(samples):
                header = wire.unit_header(0, period.captured_ns, True, level, len(packet))
                if not outlet.offer(header, packet):
                    progress.dropped += 1
        progress.captured()
        commands = outlet.commands()


class _Gain:
    """Amplifies by a fixed number of decibels; what gets too loud is clipped.

    A table of all 65536 samples, indexed by the sample itself (negative ones from its end), costs a tenth
    of the arithmetic.
    """

    def __init__(self, decibels: float) -> None:
        self._table: array[int] | None = None
        if decibels:
            factor = 10 ** (decibels / 20)
            order = (*range(32_768), *range(-32_768, 0))
            self._table = array("h", (max(-32_768, min(32_767, round(factor * i))) for i in order))

    def apply(self, samples: array[int]) -> array[int]:
        if self._table is None:
            return samples
        return array("h", map(self._table.__getitem__, samples))
