"""The commands that ask or tell a running daemon."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edgemeet.cli.exits import told_plainly
from edgemeet.cli.options import ConfigOption, JsonOption, SocketOption, client

camera_app = typer.Typer(help="Open or close the camera.", no_args_is_help=True)


class Goal(StrEnum):
    """What can be waited for."""

    JOINED = "joined"
    MEDIA = "media"
    LEFT = "left"


def status(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """How the running daemon is: state, meeting, what it sends, what is wrong."""
    from edgemeet.cli.status import show

    with told_plainly():
        show(client(config, socket).status(), json=json)


def watch(
    config: ConfigOption = None,
    socket: SocketOption = None,
    svg: Annotated[
        Path | None, typer.Option(help="Write one picture into this file, for a report, and end.")
    ] = None,
) -> None:
    """Watch the running daemon until Ctrl-C: state, layers, curves of the last minutes, health.

    Where the output is no terminal, a line a second.
    """
    from edgemeet.cli.watch import follow, write_svg

    with told_plainly():
        if svg is not None:
            write_svg(client(config, socket), svg)
        else:
            follow(client(config, socket))


def wait(
    goal: Annotated[Goal, typer.Option("--for", help="What to wait for.")] = Goal.JOINED,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds until it is given up.")] = 60.0,
    config: ConfigOption = None,
    socket: SocketOption = None,
    json: JsonOption = False,
) -> None:
    """Wait until the device is in its meeting, sends, or has left; a daemon that starts is waited for too.

    Exit code 75: it was not so in time.
    """
    from edgemeet.cli.wait import wait_for

    with told_plainly():
        wait_for(client(config, socket), goal, timeout, json=json)


def snapshot(
    file: Annotated[Path, typer.Argument(help="Where to write the JPEG; - is standard output.")],
    config: ConfigOption = None,
    socket: SocketOption = None,
) -> None:
    """Take a picture from the running camera."""
    from edgemeet.cli.snapshot import save

    with told_plainly():
        save(client(config, socket).snapshot(), file)


def reload(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """Have the daemon read its configuration again; a bad one changes nothing."""
    with told_plainly():
        answer = client(config, socket).reload()
        if json:
            typer.echo(answer.model_dump_json())
            return
        typer.echo(f"changed: {', '.join(answer.applied) or 'nothing'}")
        if answer.needs_restart:
            typer.echo(f"in force after `systemctl restart edgemeet`: {', '.join(answer.needs_restart)}")


def rejoin(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """Leave and join again, now."""
    _tell("rejoin", config, socket, json=json)


def leave(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """Leave the meeting and stay out until `edgemeet rejoin`."""
    _tell("leave", config, socket, json=json)


def mute(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """Close the microphone, or send silence with microphone.mute = "silence"."""
    _tell("mute", config, socket, json=json)


def unmute(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """Open the microphone."""
    _tell("unmute", config, socket, json=json)


@camera_app.command("on")
def camera_on(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """Open the camera."""
    _tell("camera/on", config, socket, json=json)


@camera_app.command("off")
def camera_off(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """Close the camera."""
    _tell("camera/off", config, socket, json=json)


def register(app: typer.Typer) -> None:
    """Make these commands of `app`."""
    for command in (status, watch, wait, snapshot, reload, rejoin, leave, mute, unmute):
        app.command()(command)
    app.add_typer(camera_app, name="camera")


def _tell(command: str, config: Path | None, socket: Path | None, *, json: bool) -> None:
    from edgemeet.control import Command

    with told_plainly():
        accepted = client(config, socket).send(Command(command))
        typer.echo(accepted.model_dump_json() if json else "ok")
