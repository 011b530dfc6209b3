"""Settings from TOML files."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from edgemeet.config.faults import SYNTAX, UNREADABLE, Fault
from edgemeet.config.keys import KeyPath, keys, sections
from edgemeet.config.reading import (
    DEEPEST_NESTING,
    Given,
    Layer,
    Unusable,
    checked,
    read_text,
    shown,
    too_deep,
    why,
)

_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)$")

# What tomllib's messages begin with, and what we say. Its text is never passed on: some of it quotes the
# file, and what stands there may be a secret.
_PROBLEMS = (
    ("Expected '=' after a key", 'a key must be followed by "="'),
    ("Expected ']' at the end of a table", 'the name of a table must end with "]"'),
    ("Expected ']]' at the end of an array", 'the name of a list of tables must end with "]]"'),
    ("Expected newline or end of document", "only one key and its value may stand on a line"),
    ("Illegal character", "this character may not stand here; a text may lack its closing quote"),
    ("Found invalid character", "this character may not stand here"),
    ("Invalid initial character for a key", "a key must begin with a letter, a digit or a quote"),
    ("Invalid statement", "a line must be a key with a value, a table or a comment"),
    ("Cannot overwrite", "this key is there twice"),
    ("Duplicate inline table key", "this key is there twice"),
    ("Cannot declare", "this table is there twice"),
    ("Cannot mutate", "this table is complete already and cannot be added to"),
    ("Cannot redefine", "this table is complete already and cannot be added to"),
    ("Unterminated string", "a text lacks its closing quote"),
    ("Expected", "a text lacks its closing quote"),
    ("Unescaped", "a backslash in a text in double quotes must be doubled"),
    ("Unclosed array", 'a list lacks its closing "]"'),
    ("Unclosed inline table", 'an inline table lacks its closing "}"'),
    ("Invalid hex value", "hexadecimal digits must follow \\u"),
    ("Escaped character is not a Unicode", "this \\u escape names no character"),
    ("Invalid date", "this date does not exist"),
    ("Invalid value", "a value must be a number, true, false, a list, or a text in quotes"),
)


def toml_layer(path: Path) -> Layer | None:
    """What a TOML file gives; None when there is no such file."""
    origin = shown(path)
    try:
        text = read_text(path)
    except Unusable as unusable:
        return _unusable(origin, unusable.problem, unusable.code)
    if text is None:
        return None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _unusable(origin, _syntax_problem(text, str(error)), SYNTAX)
    except (ValueError, RecursionError):
        # What tomllib lets through from Python: thousands of digits, or of brackets.
        return _unusable(origin, "a number has too many digits, or lists are nested too deeply", SYNTAX)
    if too_deep(document):
        return _unusable(origin, f"tables and lists may be nested {DEEPEST_NESTING} deep, not more", SYNTAX)
    return checked(Given(path, value, origin) for path, value in _leaves(document))


def drop_in_layers(directory: Path) -> list[Layer]:
    """What the ``*.toml`` of a directory give, in name order; nothing when there is no such directory."""
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(".toml"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        return [_unusable(shown(directory), why(error), UNREADABLE)]
    # Editors keep what they are at in files that begin with a dot.
    layers = (toml_layer(directory / name) for name in names if not name.startswith("."))
    return [layer for layer in layers if layer is not None]


def _unusable(origin: str, problem: str, code: str) -> Layer:
    return Layer(faults=(Fault(origin, "", problem, code=code),), incomplete=True)


def _leaves(document: dict[str, object]) -> Iterator[tuple[KeyPath, object]]:
    """Values with their paths: two deep, in open tables three deep, so that layers are merged key by key."""
    for name, value in document.items():
        if not isinstance(value, dict) or (not value and name not in sections()):
            yield (name,), value
            continue
        for inner, inner_value in value.items():
            known = keys().get((name, inner))
            if known and known.open and isinstance(inner_value, dict):
                for key, entry in inner_value.items():
                    yield (name, inner, key), entry
            else:
                yield (name, inner), inner_value


def _syntax_problem(text: str, message: str) -> str:
    problem = next((ours for theirs, ours in _PROBLEMS if message.startswith(theirs)), None)
    place = _PLACE.search(message)
    if place:
        line, column = (int(number) for number in place.groups())
    else:  # "(at end of document)"
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    wrong = f": {problem}" if problem else ""
    return f"line {line}, column {column}: this is not valid TOML{wrong}"
