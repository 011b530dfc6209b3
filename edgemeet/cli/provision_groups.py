"""`edgemeet provision group|schedule|admin ...`."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Its settings.", show_default="/etc/edgemeet-provision/…"),
]
GroupOption = Annotated[str | None, typer.Option("--group", help="Name of a group.")]

group_app = typer.Typer(help="Groups of devices.", no_args_is_help=True)
slot_app = typer.Typer(help="Which meeting when.", no_args_is_help=True)
admin_app = typer.Typer(help="Who may use the admin API.", no_args_is_help=True)


@group_app.command("put")
def group_put(
    name: Annotated[str, typer.Argument(help="Its name.")],
    meeting: Annotated[str | None, typer.Option("--meeting", help="Meeting of its devices.")] = None,
    values: Annotated[list[str] | None, typer.Option("--set", help="Such as camera.fps=15.")] = None,
    config: ConfigOption = None,
) -> None:
    """Make a group, or change it."""
    from edgemeet.cli.provision_database import actor, merged, opened
    from edgemeet.provision_server.groups import GroupChange

    with opened(config) as desk:
        change: dict[str, object] = {"meeting_id": meeting} if meeting else {}
        if values:
            before = next((group.config for group in desk.groups.groups() if group.name == name), {})
            change["config"] = merged(before, values)
        group = desk.groups.put(actor(), name, GroupChange.model_validate(change))
        typer.echo(f"{group.name} {group.meeting_id or '-'} {json_format.dumps(group.config)}")


@group_app.command("list")
def group_list(config: ConfigOption = None) -> None:
    """List all groups."""
    from edgemeet.cli.provision_database import opened

    with opened(config) as desk:
        for group in desk.groups.groups():
            typer.echo(f"{group.name} {group.meeting_id or '-'} {json_format.dumps(group.config)}")


@group_app.command("remove")
def group_remove(name: str, config: ConfigOption = None) -> None:
    """Remove a group; its devices have none then."""
    from edgemeet.cli.provision_database import actor, opened

    with opened(config) as desk:
        desk.groups.remove(actor(), name)


@slot_app.command("add")
def slot_add(
    meeting: Annotated[str, typer.Argument(help="Meeting id.")],
    *,
    starts: Annotated[str, typer.Option("--from", help="Such as 09:00.")],
    ends: Annotated[str, typer.Option("--until", help="Such as 17:30; not later: on the next day.")],
    device: Annotated[str | None, typer.Option("--device", help="For this device.")] = None,
    group: GroupOption = None,
    days: Annotated[str, typer.Option(help="Such as mon-fri or sat,sun.")] = "mon-sun",
    timezone: Annotated[str, typer.Option(help="Such as Europe/Berlin.")] = "UTC",
    config: ConfigOption = None,
) -> None:
    """Assign a meeting for certain hours of certain days."""
    from edgemeet.cli.provision_database import actor, opened
    from edgemeet.provision_server.groups import NewSlot

    with opened(config) as desk:
        slot = NewSlot(
            device_id=desk.registry.get(device).id if device else None,
            group_name=group,
            meeting_id=meeting,
            days=days,
            starts=starts,
            ends=ends,
            timezone=timezone,
        )
        typer.echo(json_format.dumps(desk.groups.add_slot(actor(), slot).told()))


@slot_app.command("list")
def slot_list(config: ConfigOption = None) -> None:
    """List all slots, as JSON."""
    from edgemeet.cli.provision_database import opened

    with opened(config) as desk:
        for slot in desk.groups.slots():
            typer.echo(json_format.dumps(slot.told()))


@slot_app.command("remove")
def slot_remove(number: int, config: ConfigOption = None) -> None:
    """Remove a slot by its id."""
    from edgemeet.cli.provision_database import actor, opened

    with opened(config) as desk:
        desk.groups.remove_slot(actor(), number)


@admin_app.command("add")
def admin_add(name: str, config: ConfigOption = None) -> None:
    """Print a token for the admin API; it is not shown again."""
    from edgemeet.cli.provision_database import actor, opened
    from edgemeet.provision_server import administrators

    with opened(config) as desk:
        typer.echo(administrators.add(desk.registry.database, actor(), name, desk.registry.now()))


@admin_app.command("list")
def admin_list(config: ConfigOption = None) -> None:
    """List the administrators."""
    from edgemeet.cli.provision_database import opened
    from edgemeet.provision_server import administrators

    with opened(config) as desk:
        for name in administrators.names(desk.registry.database):
            typer.echo(name)


@admin_app.command("remove")
def admin_remove(name: str, config: ConfigOption = None) -> None:
    """Make an administrator's token worthless."""
    from edgemeet.cli.provision_database import actor, opened
    from edgemeet.provision_server import administrators

    with opened(config) as desk:
        administrators.remove(desk.registry.database, actor(), name, desk.registry.now())
