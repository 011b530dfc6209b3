"""Settings that a provisioning server may set: a short list, and nothing that opens a door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue, ValidationError

from edgemeet.config import wording
from edgemeet.config.keys import dotted, keys
from edgemeet.config.rules import violations
from edgemeet.config.settings import Settings
from edgemeet.errors import ConfigError

# What is seen and heard, how much is sent, what is written down. Never where tokens come from, which files
# and devices are opened, who may give commands, or what a host may do.
ALLOWED: Final = frozenset(
    {
        "meeting.mic",
        "meeting.webcam",
        "meeting.multistream",
        "meeting.max_bitrate",
        "meeting.preferred_protocol",
        "camera.width",
        "camera.height",
        "camera.fps",
        "camera.rotation",
        "camera.hflip",
        "camera.vflip",
        "camera.codec",
        "camera.max_bitrate",
        "microphone.bitrate",
        "microphone.gain_db",
        "log.level",
    }
)


def with_overrides(settings: Settings, overrides: Mapping[str, Mapping[str, JsonValue]]) -> Settings:
    """`settings` with those of the server in their place: all of them, or an error.

    Args:
        settings: the device's own.
        overrides: by table and key; every one must be in ``ALLOWED``.

    Raises:
        ConfigError: ``config.override``, naming the keys and what would be right.
    """
    given = {
        f"{table}.{key}": value for table, entries in overrides.items() for key, value in entries.items()
    }
    foreign = sorted(key for key in given if key not in ALLOWED)
    if foreign:
        names = ", ".join(dotted(key.split(".")) for key in foreign[:4])
        raise _refused(f"a server must not set {names}")
    values = settings.model_dump(exclude_unset=True)
    for table, entries in overrides.items():
        values[table] = {**values.get(table, {}), **entries}
    faults: list[str] = []
    try:
        changed = Settings.model_validate(values)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            path = tuple(str(part) for part in details["loc"])[:2]
            faults.append(f"{dotted(path)} {wording.problem(details, keys()[path], typed=True)}")
    if faults:
        raise _refused("; ".join(dict.fromkeys(faults)))
    broken = [
        violation
        for violation in violations(changed)
        if any(key in given for key in violation.about) and violation not in set(violations(settings))
    ]
    if broken:
        raise _refused("; ".join(f"{violation.key} {violation.problem}" for violation in broken))
    return changed


def _refused(problem: str) -> ConfigError:
    return ConfigError(
        f"the provisioning server's settings are not used: {problem}",
        code="config.override",
        hint="Its operator can change them; the device goes on with its own.",
    )
