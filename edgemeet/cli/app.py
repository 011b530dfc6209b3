"""All commands. Each imports what it needs when it is called, so that `edgemeet run` starts fast."""

from __future__ import annotations

from typing import Annotated

import typer

from edgemeet.cli import provision, talking
from edgemeet.cli.exits import told_plainly
from edgemeet.cli.loading import without_unused
from edgemeet.cli.options import ConfigOption, JsonOption, SocketOption

app = typer.Typer(
    name="edgemeet",
    help="Keeps this device in a VideoSDK meeting.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
app.add_typer(config_app, name="config")
talking.register(app)
app.add_typer(provision.app, name="provision")


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
    from edgemeet.cli.running import run_daemon

    run_daemon(config)


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
def version(json: JsonOption = False) -> None:
    """The versions of edgemeet and of what it stands on."""
    from edgemeet.cli.versions import show

    show(json=json)


@app.command()
def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many to begin with.")] = 50,
) -> None:
    """The log of the systemd unit, from the journal."""
    from edgemeet.cli.logs import show_journal

    with told_plainly():
        show_journal(follow=follow, lines=lines)


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


@config_app.command("check")
def config_check(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Say what is wrong with the configuration; exit code 0 means nothing."""
    from edgemeet.config import load

    if json:
        from edgemeet.cli.checked import print_check

        raise typer.Exit(print_check(config))
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


def main() -> None:
    """Entry point."""
    without_unused()
    app()
