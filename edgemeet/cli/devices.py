"""Cameras and microphones for a person at a terminal."""

from __future__ import annotations

import asyncio
import json as json_format
from dataclasses import asdict
from itertools import groupby

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgemeet.media.devices import survey
from edgemeet.media.survey import Camera, Mode, Survey


def list_devices(*, json: bool) -> None:
    """Ask the machine and print what it has."""
    found = asyncio.run(survey())
    if json:
        typer.echo(json_format.dumps(asdict(found), indent=2))
    else:
        show(found)


def show(found: Survey, *, console: Console | None = None) -> None:
    """Print `found`, laid out for reading."""
    console = console or Console(highlight=False)
    for camera in found.cameras:
        console.print(f"[bold]camera[/] {escape(camera.name)}")
        console.print(_camera(camera))
    if not found.cameras:
        console.print("no camera was found")
    for microphone in found.microphones:
        console.print(f"[bold]microphone[/] {escape(microphone.name)}")
        console.print(f'  device = "{escape(microphone.device)}"')
    if not found.microphones:
        console.print("no microphone was found")
    for trouble in found.troubles:
        console.print(f"[yellow]{escape(trouble.part)}[/] {escape(trouble.message)} ({trouble.code})")
        if trouble.hint:
            console.print(f"  {escape(trouble.hint)}")


def _camera(camera: Camera) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    table.add_row("  in [camera]", escape(f'source = "{camera.source}", device = "{camera.device}"'))
    for kind, modes in groupby(camera.modes, key=lambda mode: mode.format):
        table.add_row(f"  {escape(kind)}", "  ".join(map(_mode, modes)))
    if camera.encoders:
        table.add_row("  encoders", ", ".join(camera.encoders))
    if camera.controls:
        table.add_row("  controls", escape(", ".join(camera.controls)))
    return table


def _mode(mode: Mode) -> str:
    size = f"{mode.width}x{mode.height}"
    if (mode.most_width, mode.most_height) != (mode.width, mode.height):
        size += f" to {mode.most_width}x{mode.most_height}"
    fps = ("-" if mode.any_fps_between else "/").join(f"{rate:g}" for rate in mode.fps)
    return f"{size}@{fps}" if fps else size
