"""All commands. Each imports what it needs when it is called, so that `edgemeet run` starts fast."""

from __future__ import annotations

from os.path import exists
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgemeet.cli.exits import told_plainly

if TYPE_CHECKING:
    from edgemeet.control import ControlClient

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Configuration file.", envvar="EDGEMEET_CONFIG", show_default="/etc/edgemeet/…"
    ),
]
SocketOption = Annotated[
    Path | None,
    typer.Option("--socket", help="Control socket of the daemon.", envvar="EDGEMEET_CONTROL__SOCKET"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

app = typer.Typer(
    name="edgemeet",
    help="Keeps this device in a VideoSDK meeting.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
camera_app = typer.Typer(help="Open or close the camera.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(camera_app, name="camera")


def _print_version(wanted: bool) -> None:
    if wanted:
        from edgemeet.version import own_version

        typer.echo(f"edgemeet {own_version()}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


@app.command()
def run(config: ConfigOption = None) -> None:
    """Be a participant of the meeting until SIGTERM or Ctrl-C."""
    from edgemeet.config import load
    from edgemeet.telemetry import Redactor, configure_logging

    with told_plainly():
        settings = load(config)
        redactor = Redactor()
        configure_logging(settings.log.level, settings.log.format, redactor)
        from edgemeet import daemon

        daemon.run(settings, redactor, lambda: load(config))


@app.command()
def enroll(
    url: Annotated[str, typer.Option("--url", help="Address of the provisioning server.")],
    code: Annotated[str, typer.Option("--code", help="One-time code from its operator, such as ABCD-1234.")],
    key: Annotated[str, typer.Option("--key", help="Kind of key: ed25519 or es256.")] = "ed25519",
    config: ConfigOption = None,
) -> None:
    """Make a key for this device and register it with a provisioning server."""
    from edgemeet.cli.enroll import enroll_device

    with told_plainly():
        enroll_device(url, code, key, config)


@app.command()
def status(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """How the running daemon is: state, meeting, what it sends, what is wrong."""
    from edgemeet.cli.status import show

    with told_plainly():
        show(_client(config, socket).status(), json=json)


@app.command()
def snapshot(
    file: Annotated[Path, typer.Argument(help="Where to write the JPEG; - is standard output.")],
    config: ConfigOption = None,
    socket: SocketOption = None,
) -> None:
    """Take a picture from the running camera."""
    from edgemeet.cli.snapshot import save

    with told_plainly():
        save(_client(config, socket).snapshot(), file)


@app.command()
def reload(config: ConfigOption = None, socket: SocketOption = None, json: JsonOption = False) -> None:
    """Have the daemon read its configuration again; a bad one changes nothing."""
    with told_plainly():
        answer = _client(config, socket).reload()
        if json:
            typer.echo(answer.model_dump_json())
            return
        typer.echo(f"changed: {', '.join(answer.applied) or 'nothing'}")
        if answer.needs_restart:
            typer.echo(f"in force after `systemctl restart edgemeet`: {', '.join(answer.needs_restart)}")


@app.command()
def rejoin(config: ConfigOption = None, socket: SocketOption = None) -> None:
    """Leave and join again, now."""
    _tell("rejoin", config, socket)


@app.command()
def leave(config: ConfigOption = None, socket: SocketOption = None) -> None:
    """Leave the meeting and stay out until `edgemeet rejoin`."""
    _tell("leave", config, socket)


@app.command()
def mute(config: ConfigOption = None, socket: SocketOption = None) -> None:
    """Close the microphone, or send silence with microphone.mute = "silence"."""
    _tell("mute", config, socket)


@app.command()
def unmute(config: ConfigOption = None, socket: SocketOption = None) -> None:
    """Open the microphone."""
    _tell("unmute", config, socket)


@app.command()
def devices(json: JsonOption = False) -> None:
    """List the cameras, microphones and encoders of this machine. A running capture is not disturbed."""
    from edgemeet.cli.devices import list_devices

    list_devices(json=json)


@app.command()
def doctor(
    config: ConfigOption = None,
    socket: SocketOption = None,
    only: Annotated[list[str] | None, typer.Option(help="Run this check alone; may be repeated.")] = None,
    json: JsonOption = False,
) -> None:
    """Examine this device, its configuration and its way to the meeting, in less than 15 s.

    Exit code 0: nothing is wrong, 3: warnings, 4: errors.
    """
    from edgemeet.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(config, socket, only=tuple(only or ()), json=json))


@camera_app.command("on")
def camera_on(config: ConfigOption = None, socket: SocketOption = None) -> None:
    """Open the camera."""
    _tell("camera/on", config, socket)


@camera_app.command("off")
def camera_off(config: ConfigOption = None, socket: SocketOption = None) -> None:
    """Close the camera."""
    _tell("camera/off", config, socket)


@config_app.command("check")
def config_check(config: ConfigOption = None) -> None:
    """Say what is wrong with the configuration; silent exit code 0 means nothing."""
    from edgemeet.config import load

    with told_plainly():
        load(config)
        typer.echo("the configuration is good")


@config_app.command("show")
def config_show(config: ConfigOption = None) -> None:
    """Print the configuration in effect as TOML, secrets masked."""
    from edgemeet.config import load, show

    with told_plainly():
        typer.echo(show(load(config)), nl=False)


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    from json import dumps

    from edgemeet.config import json_schema

    typer.echo(dumps(json_schema(), indent=2))


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.")] = 8089,
) -> None:
    """Run a local room with a page to look at it. For development, never for production."""
    from edgemeet.cli.sandbox import run_sandbox

    with told_plainly():
        run_sandbox(host, port)


def _client(config: Path | None, socket: Path | None) -> ControlClient:
    from edgemeet.control import ControlClient

    return ControlClient(socket or _likely_socket(config))


def _likely_socket(config: Path | None) -> Path:
    """Where a daemon answers: as configured, else in the own runtime directory, else the service's.

    Unless the configuration was named, one that cannot be used, or not be read by this user, is no reason not
    to ask the daemon: it goes on with the one it has.
    """
    from edgemeet.config import ConfigInvalid, ConfigMissing, Settings, load

    service = Settings().control.socket
    try:
        settings = load(config)
    except (ConfigInvalid, ConfigMissing):
        if config is not None:
            raise
        return service
    chosen = settings.control.socket
    is_default = chosen == settings.runtime_directory / service.name
    return service if is_default and not exists(chosen) else chosen


def _tell(command: str, config: Path | None, socket: Path | None) -> None:
    from edgemeet.control import Command

    with told_plainly():
        _client(config, socket).send(Command(command))
        typer.echo("ok")


def main() -> None:
    """Entry point."""
    app()
