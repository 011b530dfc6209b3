"""The daemon in Prometheus' words. docs/metrics.md lists them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from edgemeet.control import CaptureView, EncodingStatus, State, Status
from edgemeet.telemetry.tally import Histogram, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
_Row = tuple[Sequence[str], float | None]


def exposition(status: Status, tally: Tally, *, thermal: Path = _THERMAL) -> bytes:
    """All metrics in Prometheus' text format 0.0.4."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(status, tally, thermal))
    ProcessCollector(namespace="edgemeet", registry=registry)
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, status: Status, tally: Tally, thermal: Path) -> None:
        self._status = status
        self._tally = tally
        self._thermal = thermal

    def collect(self) -> Iterator[Metric]:
        yield from _daemon(self._status, self._tally)
        yield from _encodings(self._status)
        yield from _captures(self._status, self._tally)
        yield _gauge("temperature_celsius", "of the processor", (), [((), _temperature(self._thermal))])


def _gauge(name: str, text: str, labels: Sequence[str], rows: Sequence[_Row]) -> Metric:
    family = GaugeMetricFamily(f"edgemeet_{name}", text, labels=labels)
    for values, number in rows:
        if number is not None:
            family.add_metric(values, number)
    return family


def _counter(name: str, text: str, labels: Sequence[str], rows: Sequence[_Row]) -> Metric:
    family = CounterMetricFamily(f"edgemeet_{name}", text, labels=labels)
    for values, number in rows:
        if number is not None:
            family.add_metric(values, number)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(f"edgemeet_{name}", text)
    family.add_metric((), buckets=histogram.buckets(), sum_value=histogram.sum)
    return family


def _daemon(status: Status, tally: Tally) -> Iterator[Metric]:
    who = (status.version, status.meeting.participant_id)
    yield _gauge("info", "1; the version and who this is", ("version", "participant_id"), [(who, 1.0)])
    states: tuple[str, ...] = get_args(State)
    yield _gauge(
        "state", "1 for the state it is in", ("state",), [((s,), float(s == status.state)) for s in states]
    )
    yield _counter(
        "state_seconds",
        "spent in each state",
        ("state",),
        [((state,), tally.state_seconds[state]) for state in states],
    )
    yield _gauge("uptime_seconds", "since the process started", (), [((), status.uptime)])
    yield _counter("attempts", "to join", (), [((), status.attempts)])
    yield _counter("joins", "attempts that got into a meeting", (), [((), status.joins)])
    yield _counter(
        "session_ends",
        "sessions that an error ended, by its code",
        ("code",),
        [((code,), count) for code, count in sorted(tally.session_ends.items())],
    )
    yield _histogram("recovery_seconds", "from the loss of a session to the next one", tally.recovery)
    yield _histogram("token_to_media_seconds", "from a session's token to its media", tally.token_to_media)
    first = status.timing.process_to_first_media
    yield _gauge("process_to_media_seconds", "from the start of the process to media", (), [((), first)])
    yield _gauge("peers", "other participants", (), [((), len(status.meeting.peers))])
    expiry = status.token.expires_at if status.token else None
    yield _gauge("token_expiry_timestamp_seconds", "unix time at which the token ends", (), [((), expiry)])
    yield _gauge(
        "health",
        "1 for each condition that holds",
        ("code", "severity"),
        [((code, severity), 1.0) for code, severity in sorted({(c.code, c.severity) for c in status.health})],
    )
    transport = status.transport
    rtt, available = (transport.round_trip_time, transport.available_bitrate) if transport else (None, None)
    yield _gauge("round_trip_seconds", "of the media path", (), [((), rtt)])
    yield _gauge("available_bitrate_bits_per_second", "that the path may carry", (), [((), available)])


# Name, text, field of EncodingStatus.
_ENCODING_GAUGES = (
    ("bitrate_bits_per_second", "sent over the last seconds", "bitrate"),
    ("target_bitrate_bits_per_second", "that the encoder aims at", "target_bitrate"),
    ("frames_per_second", "sent over the last seconds", "frames_per_second"),
    (
        "capture_to_send_seconds",
        "from capture to the last packet, mean of the last seconds",
        "capture_to_send",
    ),
    ("fraction_lost", "0 to 1, from the last receiver report", "fraction_lost"),
    ("packets_lost", "as the server counts them; duplicates count against it", "packets_lost"),
    ("jitter_seconds", "as the server measures it", "jitter"),
)
_ENCODING_COUNTERS = (
    ("packets_sent", "of this producer", "packets_sent"),
    ("bytes_sent", "payload of this producer", "bytes_sent"),
    ("frames_sent", "pictures, or packets of sound", "frames_sent"),
    ("key_frames_sent", "pictures that a decoder can begin with", "key_frames_sent"),
    ("frames_dropped", "not sent: no connection, no room, or no keyframe yet", "frames_dropped"),
    ("retransmitted_packets", "sent again", "retransmitted_packets_sent"),
    ("nacks", "times the server asked for packets again", "nack_count"),
    ("plis", "times the server asked for a keyframe", "pli_count"),
)


def _encodings(status: Status) -> Iterator[Metric]:
    encodings: list[tuple[tuple[str, str], EncodingStatus]] = [
        ((producer.kind, str(layer)), encoding)
        for producer in status.producers
        for layer, encoding in enumerate(producer.encodings)
    ]
    labels = ("kind", "layer")
    for name, text, key in _ENCODING_GAUGES:
        yield _gauge(name, text, labels, [(which, getattr(each, key)) for which, each in encodings])
    for name, text, key in _ENCODING_COUNTERS:
        yield _counter(name, text, labels, [(which, getattr(each, key)) for which, each in encodings])


def _captures(status: Status, tally: Tally) -> Iterator[Metric]:
    captures: list[tuple[tuple[str], CaptureView]] = [((each.kind,), each) for each in status.captures]
    running = [(which, float(each.state == "running")) for which, each in captures]
    yield _gauge("capture_on", "1 when others may see or hear it", ("kind",), _rows(captures, "on"))
    yield _gauge("capture_running", "1 when its process gives frames", ("kind",), running)
    yield _gauge("capture_placeholder", "1 when a still is shown", ("kind",), _rows(captures, "placeholder"))
    frames, dropped = _rows(captures, "frames"), _rows(captures, "dropped")
    yield _counter("capture_frames", "pictures, or periods of 20 ms", ("kind",), frames)
    yield _counter("capture_dropped", "that nobody took in time", ("kind",), dropped)
    yield _counter("capture_restarts", "of its process", ("kind",), _rows(captures, "restarts"))
    useless = [(which, count) for which, count in sorted(tally.useless.items())]
    yield _counter("capture_useless", "times that it gave nothing of worth", ("kind", "signal"), useless)
    level = [((), each.audio_level) for _, each in captures if each.kind == "audio" and each.on]
    yield _gauge("audio_level_dbov", "0 is full scale, -127 silence", (), level)


def _rows(captures: Sequence[tuple[tuple[str], CaptureView]], key: str) -> list[_Row]:
    return [(which, float(getattr(each, key))) for which, each in captures]


def _temperature(file: Path) -> float | None:
    try:
        return int(file.read_text()) / 1000
    except (OSError, ValueError):
        return None
