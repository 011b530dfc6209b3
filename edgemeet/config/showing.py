"""Settings as TOML, and what may be in them as a JSON schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import JsonValue, SecretStr

from edgemeet.config.keys import Key, keys, sections
from edgemeet.config.settings import Settings

MASK = "**********"

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def show(settings: Settings) -> str:
    """The settings as a TOML file, all keys that have a value, secrets as ``**********``.

    Without secrets `load` makes the same settings of it.
    """
    blocks = ["".join(_lines(settings, None))]
    blocks += ["".join([f"[{section}]\n", *_lines(settings, section)]) for section in sections()]
    return "\n".join(blocks)


def json_schema() -> dict[str, JsonValue]:
    """The JSON schema (draft 2020-12) of the file, for editors."""
    schema: dict[str, JsonValue] = Settings.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def _lines(settings: Settings, section: str | None) -> Iterator[str]:
    for key in keys().values():
        if (key.path[0] if len(key.path) > 1 else None) == section:
            value = _value(settings, key)
            if value is not None:
                yield f"{key.path[-1]} = {toml_value(value)}\n"


def _value(settings: Settings, key: Key) -> object:
    value: object = settings
    for name in key.path:
        value = getattr(value, name)
    return value


def toml_value(value: object) -> str:
    """One value in TOML's spelling, tables inline."""
    match value:
        case SecretStr():
            return toml_value(MASK)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str() | Path():
            return f'"{"".join(_character(character) for character in str(value))}"'
        case list():
            return f"[{', '.join(toml_value(element) for element in value)}]"
        case dict():
            entries = (f"{_key(name)} = {toml_value(entry)}" for name, entry in value.items())
            return f"{{ {', '.join(entries)} }}" if value else "{}"
        case _:
            raise TypeError(f"TOML has no {type(value).__name__}")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else toml_value(name)


def _character(character: str) -> str:
    if character < " " or character == "\x7f":
        return _ESCAPES.get(character, f"\\u{ord(character):04x}")
    return _ESCAPES.get(character, character)
