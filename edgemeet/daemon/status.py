"""From the parts' own views to what `status` tells."""

from __future__ import annotations

import time
from collections.abc import Callable

from edgemeet import control
from edgemeet.errors import EdgemeetError
from edgemeet.health import HealthRegistry
from edgemeet.rtc import EncodingStats, QualityDurations, SenderStats, TransportStats
from edgemeet.supervisor import Device, SessionView, Supervisor, SupervisorView
from edgemeet.version import own_version

# An offer and an answer carry media and nothing else.
NOT_OVER_WHIP = ("roster", "host controls", "messages", "metadata")


class StatusReport:
    """Puts the status together when somebody asks.

    Args:
        supervisor: knows the state and the running session.
        devices: the camera and the microphone.
        health: knows what is wrong.
        participant_id: who this device is in the meeting.
        started: seconds on `clock` at which the process started.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        devices: tuple[Device, ...],
        health: HealthRegistry,
        participant_id: str,
        *,
        started: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._supervisor = supervisor
        self._devices = devices
        self._health = health
        self._participant_id = participant_id
        self._started = started
        self._clock = clock
        self._version = own_version()
        self._first_media: float | None = None

    def __call__(self) -> control.Status:
        """How things stand now."""
        view = self._supervisor.view()
        session = view.session
        return control.Status(
            version=self._version,
            state=view.state.value,
            phase=session.phase.value if session else None,
            for_seconds=view.since,
            uptime=self._clock() - self._started,
            next_join_in=view.next_join_in,
            joins=view.joins,
            attempts=view.attempts,
            meeting=self._meeting(session),
            token=control.TokenStatus(expires_at=session.token_expires_at) if session else None,
            producers=tuple(_producer(p.id, p.stats) for p in session.producers) if session else (),
            captures=tuple(_capture(d) for d in self._devices),
            transport=_transport(session.transport) if session and session.transport else None,
            timing=self._timing(view),
            health=tuple(
                control.HealthStatus(
                    code=c.code, message=c.text, hint=c.hint, severity=c.severity.value, since=c.since
                )
                for c in self._health.conditions()
            ),
        )

    def _meeting(self, session: SessionView | None) -> control.MeetingStatus:
        return control.MeetingStatus(
            id=session.meeting_id if session else None,
            participant_id=self._participant_id,
            name=session.name if session else None,
            peers=tuple(control.PeerStatus(id=p.id, name=p.name) for p in session.peers) if session else (),
            protocol=session.protocol if session else None,
            unavailable=NOT_OVER_WHIP if session and session.protocol == "whip" else (),
        )

    def _timing(self, view: SupervisorView) -> control.TimingStatus:
        timings = view.session.timings if view.session else None
        token = timings.token if timings else None
        media = timings.first_media if timings else None
        if self._first_media is None:
            self._first_media = media
        return control.TimingStatus(
            process_to_first_media=_difference(self._first_media, self._started),
            attempt_to_token=_difference(token, timings.began if timings else None),
            token_to_first_media=_difference(media, token),
        )


def _difference(later: float | None, earlier: float | None) -> float | None:
    return None if later is None or earlier is None else round(later - earlier, 3)


def _producer(producer_id: str, stats: SenderStats) -> control.ProducerStatus:
    return control.ProducerStatus(
        id=producer_id,
        kind=stats.kind,
        codec=stats.codec,
        encodings=tuple(_encoding(e) for e in stats.encodings),
        paused=stats.paused,
    )


def _encoding(stats: EncodingStats) -> control.EncodingStatus:
    return control.EncodingStatus(
        ssrc=stats.ssrc,
        width=stats.frame_width,
        height=stats.frame_height,
        frames_per_second=stats.frames_per_second,
        capture_to_send=stats.capture_to_send,
        bitrate=stats.bitrate,
        target_bitrate=stats.target_bitrate,
        packets_sent=stats.packets_sent,
        bytes_sent=stats.bytes_sent,
        frames_sent=stats.frames_sent,
        key_frames_sent=stats.key_frames_sent,
        frames_dropped=stats.frames_dropped,
        retransmitted_packets_sent=stats.retransmitted_packets_sent,
        nack_count=stats.nack_count,
        pli_count=stats.pli_count,
        packets_lost=stats.packets_lost,
        fraction_lost=stats.fraction_lost,
        round_trip_time=stats.round_trip_time,
        jitter=stats.jitter,
        rid=stats.rid,
        active=stats.active,
        quality_limitation_reason=stats.quality_limitation_reason,
        quality_limitation_durations=_durations(stats.quality_limitation_durations),
        retransmitted_bytes_sent=stats.retransmitted_bytes_sent,
        fir_count=stats.fir_count,
        encode_errors=stats.errors,
        last_report_age=_rounded(stats.last_report_age),
    )


def _transport(stats: TransportStats) -> control.TransportStatus:
    return control.TransportStatus(
        state=stats.state,
        round_trip_time=stats.round_trip_time,
        available_bitrate=stats.available_bitrate,
        bytes_sent=stats.bytes_sent,
        packets_sent=stats.packets_sent,
        bandwidth_feedback=stats.bandwidth_feedback,
        told_bitrate=stats.told_bitrate,
        padding_bytes_sent=stats.padding_bytes_sent,
        packets_dropped=stats.packets_dropped,
        queue_delay=round(stats.queue_delay, 4),
        last_feedback_age=_rounded(stats.last_feedback_age),
    )


def _durations(durations: QualityDurations) -> control.QualityDurations:
    return control.QualityDurations(
        none=round(durations.none, 3),
        bandwidth=round(durations.bandwidth, 3),
        other=round(durations.other, 3),
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _capture(device: Device) -> control.CaptureView:
    status = device.status()
    held_off_by = tuple(sorted(hand.value for hand in device.held_off_by))
    if status is None:
        return control.CaptureView(kind=device.kind, on=device.on, state="off", held_off_by=held_off_by)
    return control.CaptureView(
        kind=device.kind,
        on=device.on,
        held_off_by=held_off_by,
        state=status.state,
        source=status.source,
        encoder=status.encoder,
        frames=status.frames,
        dropped=status.dropped,
        restarts=status.restarts,
        placeholder=status.placeholder,
        audio_level=status.audio_level,
        signal=status.signal,
        problem=_problem(status.last_error),
    )


def _problem(error: EdgemeetError | None) -> control.Problem | None:
    return control.Problem(code=error.code, message=error.message, hint=error.hint) if error else None
