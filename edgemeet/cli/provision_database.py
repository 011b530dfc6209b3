"""The provisioning server's database, opened for one command of its administrator."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue, ValidationError

from edgemeet.cli.exits import told_plainly
from edgemeet.errors import ConfigError, ControlError

if TYPE_CHECKING:
    from edgemeet.provision_server.audit import Actor
    from edgemeet.provision_server.groups import Groups
    from edgemeet.provision_server.registry import Registry
    from edgemeet.provision_server.rooms import VideoRooms
    from edgemeet.provision_server.settings import ServerSettings


@dataclass(frozen=True, slots=True)
class Desk:
    """What an administrator works with."""

    registry: Registry
    groups: Groups
    settings: ServerSettings

    def create_room(self, custom_id: str) -> str:
        """The id of the meeting with this custom id, created if need be."""
        return self._ask(lambda rooms: asyncio.run(rooms.create(custom_id)))

    def validate_room(self, meeting_id: str) -> str:
        """The id of an existing meeting."""
        return self._ask(lambda rooms: asyncio.run(rooms.validate(meeting_id)))

    def _ask(self, question: Callable[[VideoRooms], str]) -> str:
        from edgemeet.provision_server.rooms import VideoRooms
        from edgemeet.rest import new_client

        return question(VideoRooms(self.settings, new_client()))


@contextmanager
def with_settings(config: Path | None) -> Iterator[ServerSettings]:
    """The settings; whatever is refused inside is told plainly."""
    with told_plainly():
        try:
            from edgemeet.provision_server.refusal import Refused
            from edgemeet.provision_server.schema import upgrade  # noqa: F401 - needs what the extra brings
            from edgemeet.provision_server.settings import load_settings
        except ModuleNotFoundError as missing:
            raise ConfigError(
                f"the provisioning server needs {missing.name}, which is not installed",
                code="config.not_installed",
                hint='pip install "edgemeet[server]"',
            ) from None
        try:
            yield load_settings(config)
        except Refused as refused:
            raise ControlError(refused.message, code=refused.code) from None
        except ValidationError as error:
            faults = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_input=False)]
            raise ControlError("; ".join(faults), code="control.bad_argument") from None


@contextmanager
def opened(config: Path | None) -> Iterator[Desk]:
    """The database, brought to this version's schema."""
    with with_settings(config) as settings:
        from edgemeet.provision_server.database import Database
        from edgemeet.provision_server.groups import Groups
        from edgemeet.provision_server.registry import Registry
        from edgemeet.provision_server.schema import upgrade

        database = Database(settings.database_url)
        try:
            upgrade(database)
            registry = Registry(database, settings)
            yield Desk(registry, Groups(registry), settings)
        finally:
            database.close()


def actor() -> Actor:
    """Who the audit log says it was."""
    from edgemeet.provision_server.audit import Actor

    try:
        return Actor(f"cli:{getpass.getuser()}")
    except (KeyError, OSError):  # a user that is in no password file
        return Actor("cli")


def merged(
    before: Mapping[str, Mapping[str, JsonValue]], values: list[str]
) -> dict[str, dict[str, JsonValue]]:
    """Settings with ``camera.fps=15`` and the like put in; ``camera.fps=`` takes one out.

    Raises:
        ControlError: ``control.bad_argument``.
    """
    config = {table: dict(entries) for table, entries in before.items()}
    for value in values:
        key, equals, text = value.partition("=")
        table, dot, name = key.partition(".")
        if not (equals and dot and table and name):
            raise ControlError(f'"{key}" is no setting such as camera.fps=15', code="control.bad_argument")
        if text:
            config.setdefault(table, {})[name] = _typed(text)
        else:
            config.get(table, {}).pop(name, None)
    return {table: entries for table, entries in config.items() if entries}


def _typed(text: str) -> JsonValue:
    """Numbers, true and false as such, everything else as text."""
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    return value
