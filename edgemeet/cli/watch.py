"""`edgemeet watch`: a running daemon, live."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edgemeet.cli.sparkline import sparkline
from edgemeet.cli.status import COLOURS, condition_lines, duration, facts_table, producers_table
from edgemeet.control import Sample, Stats, Status
from edgemeet.errors import ControlError

INTERVAL = 1.0  # seconds; as often as the daemon takes samples
SVG_WIDTH = 100  # columns
# A picture that is looked at asks no server for its letters: any fixed-width font will do.
_WEB_FONTS = re.compile(r"@font-face \{[^}]*\}\s*")


class Asked(Protocol):
    """Who knows the status."""

    def status(self) -> Status:
        """How the daemon is. Raises ControlError."""

    def stats(self) -> Stats:
        """How it was. Raises ControlError."""


Curve = tuple[str, Callable[[Sample], float | None], Callable[[float], str]]

_CURVES: tuple[Curve, ...] = (
    ("bitrate", lambda s: s.bitrate, lambda v: f"{v / 1000:.0f} kb/s"),
    ("available", lambda s: s.available_bitrate, lambda v: f"{v / 1000:.0f} kb/s"),
    ("pictures", lambda s: s.frames_per_second, lambda v: f"{v:.1f} /s"),
    ("round trip", lambda s: s.round_trip_time, lambda v: f"{1000 * v:.1f} ms"),
    ("lost", lambda s: s.fraction_lost, lambda v: f"{v:.1%}"),
    (
        "sound",
        lambda s: None if s.audio_level is None else s.audio_level + 127,
        lambda v: f"{v - 127:.0f} dB",
    ),
)
# Loss and sound have a scale of their own: a tenth of a per cent must not look like a disaster.
_TOPS = {"lost": 0.1, "sound": 127.0}


def picture(status: Status, stats: Stats, width: int) -> RenderableType:
    """All of it, for a terminal of `width` columns."""
    colour = COLOURS[status.state]
    doing = f" ({status.phase})" if status.phase and status.state == "joining" else ""
    title = f"[bold {colour}]{status.state}[/]{doing} for {duration(status.for_seconds)}"
    parts: list[RenderableType] = [facts_table(status)]
    if status.producers:
        parts += [Text(), producers_table(status.producers)]
    parts += [Text(), curves(stats.samples, width - 4)]
    parts += [Text(), Group(*condition_lines(status.health))] if status.health else []
    return Panel(
        Group(*parts),
        title=title,
        title_align="left",
        subtitle=f"edgemeet {escape(status.version)}",
        subtitle_align="right",
        border_style=colour,
    )


def curves(samples: Sequence[Sample], width: int) -> Table:
    """The last minutes, one line for each kind of number, with the newest value."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, width=10)
    table.add_column(no_wrap=True, justify="right", width=10)
    table.add_column(no_wrap=True, style="cyan")
    for name, value, shown in _CURVES:
        values = [value(sample) for sample in samples]
        newest = values[-1] if values else None
        table.add_row(
            name,
            "-" if newest is None else shown(newest),
            sparkline(values, min(120, max(10, width - 24)), top=_TOPS.get(name)),
        )
    return table


def line(status: Status, sample: Sample | None) -> str:
    """One second in one line, for a pipe."""
    parts = [time.strftime("%H:%M:%S"), status.state]
    if sample is not None:
        parts += [
            f"{name.replace(' ', '_')}={shown(value(sample) or 0.0).replace(' ', '')}"
            for name, value, shown in _CURVES
            if value(sample) is not None
        ]
    parts += [condition.code for condition in status.health]
    return " ".join(parts)


def follow(daemon: Asked, *, console: Console | None = None) -> None:
    """Show the daemon until Ctrl-C. One that is gone is waited for.

    Raises:
        ControlError: it cannot be asked from the beginning.
    """
    console = console or Console(highlight=False)
    status, stats = daemon.status(), daemon.stats()
    try:
        if not console.is_terminal:
            _lines(daemon)
            return
        with Live(
            picture(status, stats, console.width), console=console, screen=True, auto_refresh=False
        ) as live:
            while True:
                time.sleep(INTERVAL)
                live.update(_now(daemon, console.width), refresh=True)
    except KeyboardInterrupt:
        return


def _now(daemon: Asked, width: int) -> RenderableType:
    try:
        return picture(daemon.status(), daemon.stats(), width)
    except ControlError as error:
        return Panel(f"{escape(error.message)}\n{escape(error.hint or '')}", border_style="red", title="gone")


def _lines(daemon: Asked) -> None:
    """A line a second, until nobody reads them."""
    while True:
        try:
            samples = daemon.stats().samples
            told = line(daemon.status(), samples[-1] if samples else None)
        except ControlError as error:
            told = f"{time.strftime('%H:%M:%S')} {error.code}"
        try:
            typer.echo(told)
            sys.stdout.flush()
        except BrokenPipeError:
            # What Python still wants to write at its end must go somewhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        time.sleep(INTERVAL)


def write_svg(daemon: Asked, file: Path) -> None:
    """One picture as SVG.

    Raises:
        ControlError: the daemon cannot be asked, or the file not be written (control.file).
    """
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=SVG_WIDTH, file=nowhere, force_terminal=True, highlight=False)
        console.print(picture(daemon.status(), daemon.stats(), SVG_WIDTH))
        drawn = _WEB_FONTS.sub("", console.export_svg(title="edgemeet watch"))
    try:
        file.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise ControlError(f"cannot write {file}: {error.strerror}", code="control.file") from error
