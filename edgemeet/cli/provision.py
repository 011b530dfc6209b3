"""`edgemeet provision ...`: the provisioning server, and what its administrator does on its machine."""

from __future__ import annotations

import json as json_format
from typing import TYPE_CHECKING, Annotated

import typer

from edgemeet.cli.provision_groups import ConfigOption, GroupOption, admin_app, group_app, slot_app

if TYPE_CHECKING:
    from edgemeet.provision_server.records import Device

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DeviceArgument = Annotated[str, typer.Argument(help="Id, name or participant id of the device.")]

app = typer.Typer(help="The provisioning server: enrols devices and gives them tokens.", no_args_is_help=True)
device_app = typer.Typer(help="Devices.", no_args_is_help=True)
for name, sub in (("device", device_app), ("group", group_app), ("schedule", slot_app), ("admin", admin_app)):
    app.add_typer(sub, name=name)


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Answer devices until SIGTERM or Ctrl-C."""
    from edgemeet.cli.provision_database import with_settings
    from edgemeet.telemetry import Redactor, configure_logging

    configure_logging("INFO", "auto", Redactor())
    with with_settings(config) as settings:
        from edgemeet.provision_server.serving import serve as run

        run(settings, config)


@app.command()
def migrate(config: ConfigOption = None) -> None:
    """Bring the database to the schema of this version; `serve` does it too."""
    from edgemeet.cli.provision_database import opened

    with opened(config):
        typer.echo("ok")


@app.command()
def code(
    device: Annotated[str | None, typer.Argument(help="A device that exists already.")] = None,
    group: GroupOption = None,
    config: ConfigOption = None,
) -> None:
    """Print a one-time code, to enrol a new device or one that exists."""
    from edgemeet.cli.provision_database import actor, opened

    with opened(config) as desk:
        device_id = desk.registry.get(device).id if device else None
        typer.echo(desk.registry.code(actor(), device_id, group))


@app.command()
def audit(
    limit: Annotated[int, typer.Option(help="Lines at most.", min=1, max=100_000)] = 50,
    device: Annotated[str | None, typer.Option("--device", help="Only of this device.")] = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Print the audit log, newest first."""
    import datetime

    from edgemeet.cli.provision_database import opened

    with opened(config) as desk:
        subject = desk.registry.get(device).id if device else None
        for entry in desk.registry.audit(limit=limit, subject=subject):
            if json:
                typer.echo(json_format.dumps(entry))
                continue
            at = datetime.datetime.fromtimestamp(int(str(entry["at"]))).astimezone()
            parts = (f"{at:%Y-%m-%d %H:%M:%S}", entry["actor"], entry["action"], entry["subject"] or "-")
            typer.echo(" ".join((*map(str, parts), json_format.dumps(entry["detail"]))))


@device_app.command("add")
def device_add(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    group: GroupOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Add a device and print the code to enrol it with."""
    from edgemeet.cli.provision_database import actor, opened

    with opened(config) as desk:
        made = desk.registry.add(actor(), name, group)
        new = desk.registry.code(actor(), made.id)
        typer.echo(json_format.dumps({"id": made.id, "code": new}) if json else f"{made.id}\ncode: {new}")


@device_app.command("list")
def device_list(group: GroupOption = None, json: JsonOption = False, config: ConfigOption = None) -> None:
    """List all devices."""
    from edgemeet.cli.provision_database import opened

    with opened(config) as desk:
        after = ""
        while page := desk.registry.devices(group=group, after=after, limit=500):
            for device in page:
                _print(device, json)
            after = page[-1].id


@device_app.command("show")
def device_show(device: DeviceArgument, config: ConfigOption = None) -> None:
    """Print all that is known of a device, as JSON."""
    from edgemeet.cli.provision_database import opened
    from edgemeet.provision_server.admin_api import device_json

    with opened(config) as desk:
        typer.echo(json_format.dumps(device_json(desk.registry.get(device)), indent=2))


@device_app.command("assign")
def device_assign(
    device: DeviceArgument,
    meeting: Annotated[str | None, typer.Argument(help="Meeting id; left out: what its group has.")] = None,
    *,
    group: GroupOption = None,
    name: Annotated[str | None, typer.Option("--name", help="Name to show in meetings.")] = None,
    check: Annotated[bool, typer.Option(help="Ask VideoSDK whether the meeting exists.")] = True,
    create: Annotated[bool, typer.Option("--create", help="MEETING is a custom id: create it.")] = False,
    config: ConfigOption = None,
) -> None:
    """Assign a meeting; a device that is in another moves at its next poll."""
    from edgemeet.cli.provision_database import actor, opened
    from edgemeet.provision_server.registry import DeviceChange

    with opened(config) as desk:
        found = desk.registry.get(device)
        if meeting is not None and (check or create):
            meeting = desk.create_room(meeting) if create else desk.validate_room(meeting)
        change = {"meeting_id": meeting} | {
            key: value for key, value in (("group_name", group), ("display_name", name)) if value
        }
        _print(desk.registry.change(actor(), found.id, DeviceChange.model_validate(change)), json=False)


@device_app.command("set")
def device_set(
    device: DeviceArgument,
    values: Annotated[list[str], typer.Argument(help="Settings such as camera.fps=15; camera.fps= unsets.")],
    config: ConfigOption = None,
) -> None:
    """Set settings that take the place of the device's own."""
    from edgemeet.cli.provision_database import actor, merged, opened
    from edgemeet.provision_server.registry import DeviceChange

    with opened(config) as desk:
        found = desk.registry.get(device)
        wanted = merged(found.config, values)
        changed = desk.registry.change(actor(), found.id, DeviceChange(config=wanted))
        typer.echo(json_format.dumps(changed.config))


@device_app.command("revoke")
def device_revoke(device: DeviceArgument, config: ConfigOption = None) -> None:
    """Give it no token any more; it leaves its meeting at its next poll."""
    from edgemeet.cli.provision_database import actor, opened

    with opened(config) as desk:
        _print(desk.registry.revoke(actor(), desk.registry.get(device).id), json=False)


@device_app.command("restore")
def device_restore(device: DeviceArgument, config: ConfigOption = None) -> None:
    """Take a revocation back."""
    from edgemeet.cli.provision_database import actor, opened

    with opened(config) as desk:
        _print(desk.registry.restore(actor(), desk.registry.get(device).id), json=False)


@device_app.command("remove")
def device_remove(device: DeviceArgument, config: ConfigOption = None) -> None:
    """Forget a device and its key."""
    from edgemeet.cli.provision_database import actor, opened

    with opened(config) as desk:
        desk.registry.remove(actor(), desk.registry.get(device).id)


def _print(device: Device, json: bool) -> None:
    from edgemeet.provision_server.admin_api import device_json

    if json:
        typer.echo(json_format.dumps(device_json(device)))
    else:
        typer.echo(
            f"{device.id} {device.state} {device.name} "
            f"meeting={device.meeting_id or '-'} group={device.group_name or '-'}"
        )
