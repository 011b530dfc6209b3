"""`edgemeet doctor`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgemeet.config import DEFAULT_PATH, ConfigInvalid, ConfigMissing, Settings, load
from edgemeet.control import ControlClient, Status
from edgemeet.doctor import Machine, Outcome, Report, examine
from edgemeet.doctor.checks import CHECKS
from edgemeet.errors import ConfigError, ControlError

MARKS = {
    Outcome.OK: "[green]ok[/]",
    Outcome.SKIPPED: "[dim]skipped[/]",
    Outcome.INFO: "[blue]info[/]",
    Outcome.WARNING: "[yellow]warning[/]",
    Outcome.ERROR: "[bold red]error[/]",
}
# Other numbers than those of exits.py, so that a script can tell "it is ill" from "it could not be asked".
EXIT_CODES = {Outcome.WARNING: 3, Outcome.ERROR: 4}


def run_doctor(config: Path | None, socket: Path | None, *, only: tuple[str, ...], json: bool) -> int:
    """Examine this machine and print what was found; returns the exit code."""
    checks = tuple(check for check in CHECKS if not only or check.name in only)
    unknown = set(only) - {check.name for check in checks}
    if unknown:
        known = ", ".join(check.name for check in CHECKS)
        raise typer.BadParameter(f"there is no check {', '.join(sorted(unknown))}; there are: {known}")
    report = asyncio.run(examine(_machine(config, socket), checks))
    if json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show(report)
    return EXIT_CODES.get(report.worst, 0)


def _machine(config: Path | None, socket: Path | None) -> Machine:
    settings: Settings | None = None
    problem: ConfigError | None = None
    try:
        settings = load(config)
    except (ConfigInvalid, ConfigMissing) as error:
        problem = error
    path = socket or (settings or Settings()).control.socket
    return Machine(
        settings=settings, config_file=config or DEFAULT_PATH, config_error=problem, daemon=_daemon(path)
    )


def _daemon(socket: Path) -> Status | None:
    try:
        return ControlClient(socket).status()
    except ControlError:
        return None  # whether there should be one, the unit tells


def show(report: Report, *, console: Console | None = None) -> None:
    """Print `report`, laid out for reading."""
    console = console or Console(highlight=False)
    titles = {check.name: check.title for check in CHECKS}
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for finding in report.findings:
        text = escape(finding.text)
        if finding.code:
            text += f" [dim]({escape(finding.code)})[/]"
        if finding.hint:
            text += f"\n→ {escape(finding.hint)}"
        table.add_row(MARKS[finding.outcome], titles.get(finding.check, finding.check), text)
    console.print(table)
    console.print(f"{_counted(report)}; {report.seconds:.1f} s")


def _counted(report: Report) -> str:
    """Worst first: 1 error, 2 warnings, 9 ok."""
    counts = {outcome: sum(f.outcome is outcome for f in report.findings) for outcome in Outcome}
    plural = {Outcome.WARNING, Outcome.ERROR}
    return ", ".join(
        f"{counts[one]} {one}" + ("s" if one in plural and counts[one] > 1 else "")
        for one in reversed(Outcome)
        if counts[one]
    )
