"""What a microphone's process does: read periods, encode, send, obey."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from edgemeet.media import messages, wire
from edgemeet.media.encoders.opus import opus_encoder
from edgemeet.media.loudness import energy, level_dbov
from edgemeet.media.outlet import Outlet
from edgemeet.media.plan import PERIOD_SAMPLES, MicrophonePlan
from edgemeet.media.progress import ProgressReporter
from edgemeet.media.signal_watch import Signal, SilenceWatch
from edgemeet.media.sources.choice import microphone_source
from edgemeet.media.sources.protocols import MicrophoneSource, Period


def run(plan: MicrophonePlan, outlet: Outlet, commands: Iterable[messages.Message]) -> None:
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
    plan: MicrophonePlan, source: MicrophoneSource, outlet: Outlet, commands: Iterable[messages.Message]
) -> None:
    stream = _Stream(plan, outlet)
    outlet.deliver(messages.Opened(source.name, stream.encoder_name))
    progress = ProgressReporter(outlet)
    while True:
        period = source.read()
        for command in (*commands, *outlet.commands()):
            if isinstance(command, messages.Stop):
                return
            stream.obey(command)
        commands = ()
        stream.send(period)
        if progress.captured():
            progress.tell(stream.dropped, stream.signal)


class _Stream:
    """Sound on its way from a period to the socket."""

    def __init__(self, plan: MicrophonePlan, outlet: Outlet) -> None:
        self.dropped = 0
        self._encoder = opus_encoder(plan.bitrate)
        self.encoder_name = self._encoder.name
        self._outlet = outlet
        self._gain = _Gain(plan.gain_db)
        self._watch = SilenceWatch(plan.silent_after)
        self._active = True
        self._muted = False

    @property
    def signal(self) -> Signal:
        """Whether there is anything to hear."""
        return self._watch.signal

    def obey(self, command: messages.Message) -> None:
        """Carry out a command. A request for a keyframe is none: every Opus packet is one."""
        match command:
            case messages.SetActive(_, active):
                self._active = active
            case messages.SetMuted(muted):
                self._muted = muted
                self._watch.reset()
            case messages.SetBitrate(_, bits_per_second):
                self._encoder.set_bitrate(bits_per_second)
            case _:
                pass

    def send(self, period: Period) -> None:
        """Encode and send the period, or silence in its place."""
        if self._muted:
            samples, squares = _SILENCE, 0
        else:
            samples = self._gain.apply(period.samples)
            squares = energy(samples)
            self._watch.hear(samples, squares)
        if not self._active:
            return
        level = level_dbov(samples, squares)
        for packet in self._encoder.encode(samples):
            header = wire.unit_header(0, period.captured_ns, True, level, len(packet))
            if not self._outlet.offer(header, packet):
                self.dropped += 1


_SILENCE = array("h", bytes(2 * PERIOD_SAMPLES))


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
