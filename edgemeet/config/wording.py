"""Pydantic's errors in plain words. No word of pydantic's and no value that was given gets through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from edgemeet.config.keys import Key, nearest
from edgemeet.config.values import PLAIN

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_TYPES: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
    SecretStr: "a text in quotes",
    Path: "a path in quotes",
    dict: "a table",
}
_UNQUOTED = frozenset({bool, int, float})
_RANGE_ERRORS = frozenset({"greater_than_equal", "less_than_equal"})
_SHORT_ERRORS = {
    "missing": "is missing",
    "finite_number": "must be a finite number, not inf or nan",
    "string_unicode": "must be valid UTF-8",
    "recursion_loop": "is nested too deeply",
    "recursion_depth_exceeded": "is nested too deeply",
}


def problem(error: ErrorDetails, key: Key, *, typed: bool) -> str:
    """What is wrong with the value of `key`.

    Args:
        error: what pydantic says.
        key: what the error is about.
        typed: the source has types, as TOML does and environment variables do not.
    """
    kind = error["type"]
    if kind == PLAIN:
        return error["msg"]
    if kind in _SHORT_ERRORS:
        return _SHORT_ERRORS[kind]
    if kind in _RANGE_ERRORS:
        return f"must be {bounds(key)}"
    if key.choices:
        return f"must be {choices(key)}"
    if key.type is dict and len(error["loc"]) > len(key.path):
        return "must be a text, a number, true, false, a list or a table; a date must be a text in quotes"
    quoted = typed and key.type in _UNQUOTED and isinstance(error["input"], str)
    wanted = _TYPES.get(key.type, "another kind of value")
    return f"must be {wanted}, without quotes" if quoted else f"must be {wanted}"


def suggestion(value: object, key: Key) -> str | None:
    """The choice of `key` that `value` may have meant, in quotes."""
    if not key.choices or not isinstance(value, str):
        return None
    by_lower = {choice.lower(): choice for choice in key.choices}
    meant = nearest(value, by_lower)
    return f'"{by_lower[meant]}"' if meant else None


def choices(key: Key) -> str:
    """``"h264" or "vp8"``."""
    *others, last = (f'"{choice}"' for choice in key.choices)
    return f"{', '.join(others)} or {last}" if others else last


def bounds(key: Key) -> str:
    """``from 1 to 60``."""
    return f"from {number(key.least)} to {number(key.most)}"


def number(value: float | None) -> str:
    """A number without exponent and without needless decimals."""
    return "" if value is None else f"{value:.10f}".rstrip("0").rstrip(".")
