"""The daemon's status for a person at a terminal."""

from __future__ import annotations

import datetime

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgemeet.control import CaptureView, EncodingStatus, HealthStatus, ProducerStatus, Status

COLOURS = {"joined": "green", "joining": "yellow", "waiting": "yellow", "held": "red", "left": "blue"}
_SEVERITY = {"info": "blue", "warning": "yellow", "error": "red"}


def show(status: Status, *, json: bool, console: Console | None = None) -> None:
    """Print `status`; as JSON, or laid out for reading."""
    if json:
        typer.echo(status.model_dump_json(indent=2))
        return
    console = console or Console(highlight=False)
    colour = COLOURS[status.state]
    doing = f" ({status.phase})" if status.phase and status.state == "joining" else ""
    console.print(f"[bold {colour}]{status.state}[/]{doing} for {duration(status.for_seconds)}")
    console.print(facts_table(status))
    if status.producers:
        console.print(producers_table(status.producers))
    for line in condition_lines(status.health):
        console.print(line)


def condition_lines(conditions: tuple[HealthStatus, ...]) -> list[str]:
    """What is wrong and what to do about it, in rich's markup."""
    lines = []
    for condition in conditions:
        since = datetime.datetime.fromtimestamp(condition.since).astimezone()
        lines.append(
            f"[{_SEVERITY[condition.severity]}]{condition.severity}[/] {escape(condition.message)} "
            f"({condition.code}, since {since:%H:%M:%S})"
        )
        if condition.hint:
            lines.append(f"  {escape(condition.hint)}")
    return lines


def duration(seconds: float) -> str:
    """The two largest units: 42 s, 3 min 5 s, 2 h 7 min, 4 d 3 h."""
    whole = int(seconds)
    for size, unit, smaller, smaller_unit in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {smaller_unit}"
    return f"{whole} s"


def facts_table(status: Status) -> Table:
    """Meeting, token, devices and path, a row each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    meeting = status.meeting
    others = ", ".join(escape(p.name or p.id) for p in meeting.peers) or "nobody else"
    table.add_row(
        "meeting", f"{escape(meeting.id or '-')} as {escape(meeting.name or meeting.participant_id)}"
    )
    if meeting.protocol == "whip":
        table.add_row("over", f"WHIP, without: {escape(', '.join(meeting.unavailable))}")
    elif status.state == "joined":
        table.add_row("with", others)
    if status.next_join_in is not None:
        table.add_row("next try", f"in {duration(status.next_join_in)}")
    if status.token:
        table.add_row("token", _expiry(status.token.expires_at))
    for capture in status.captures:
        table.add_row("camera" if capture.kind == "video" else "microphone", _capture(capture))
    if status.transport:
        rtt = status.transport.round_trip_time
        table.add_row("path", f"{status.transport.state}, round trip {_milliseconds(rtt)}")
    if status.timing.process_to_first_media is not None:
        after = status.timing.token_to_first_media
        table.add_row(
            "first media",
            f"{status.timing.process_to_first_media:.2f} s after the process started"
            + (f"; this session {after:.2f} s after its token" if after is not None else ""),
        )
    table.add_row("joins", f"{status.joins} of {status.attempts} attempts, up {duration(status.uptime)}")
    return table


def _expiry(expires_at: float | None) -> str:
    if expires_at is None:
        return "names no expiry"
    left = expires_at - datetime.datetime.now(datetime.UTC).timestamp()
    return f"expires in {duration(left)}" if left > 0 else f"expired {duration(-left)} ago"


def _capture(capture: CaptureView) -> str:
    parts = [capture.state, capture.source, capture.encoder]
    if capture.held_off_by:
        by = f"turned off by {' and '.join(capture.held_off_by)}"
        parts.append(by if capture.state == "off" else f"{by}, sends silence")
    if capture.placeholder:
        parts.append("viewers see a placeholder")
    if capture.restarts:
        parts.append(f"restarted {capture.restarts} time(s)")
    text = ", ".join(escape(p) for p in parts if p)
    return f"{text}: {escape(capture.problem.message)}" if capture.problem else text


def _milliseconds(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds * 1000:.1f} ms"


def producers_table(producers: tuple[ProducerStatus, ...]) -> Table:
    """What is sent, a row for each layer."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("sending", "codec", "size", "fps", "kb/s", "lost", "keyframes", "NACK", "PLI"):
        table.add_column(heading, justify="left" if heading in ("sending", "codec", "size") else "right")
    for producer in producers:
        for encoding in producer.encodings:
            table.add_row(producer.kind, producer.codec, *_encoding(producer, encoding))
    return table


def _encoding(producer: ProducerStatus, encoding: EncodingStatus) -> tuple[str, ...]:
    video = producer.kind == "video"
    return (
        f"{encoding.width}x{encoding.height}" if encoding.width else "",
        f"{encoding.frames_per_second or 0:.1f}" if video else "",
        f"{encoding.bitrate / 1000:.0f}",
        f"{encoding.fraction_lost:.1%}" if encoding.fraction_lost is not None else "",
        str(encoding.key_frames_sent) if video else "",
        str(encoding.nack_count),
        str(encoding.pli_count) if video else "",
    )
