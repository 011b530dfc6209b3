"""The tables of docs/control.md, made from the models.

A test keeps the document as this module makes it. ``python -m edgemeet.control.reference`` prints them.
"""

from __future__ import annotations

import sys
import types
from typing import Literal, Union, get_args, get_origin

from pydantic import BaseModel

from edgemeet.control import history, models

_HEAD = "| field | kind | meaning |\n|---|---|---|\n"
_NAMES = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def tables() -> str:
    """A headline and a table for each model that crosses the socket as JSON, in Markdown."""
    return "\n".join(
        _table(model)
        for model in _reached(
            models.Status, history.Stats, history.Event, models.Accepted, models.Reloaded, models.Refused
        )
    )


def _reached(*roots: type[BaseModel]) -> list[type[BaseModel]]:
    """The models and those they are made of, each once, outer ones first."""
    found: list[type[BaseModel]] = []
    waiting = list(roots)
    while waiting:
        model = waiting.pop(0)
        if model not in found:
            found.append(model)
            waiting += [inner for field in model.model_fields.values() for inner in _models(field.annotation)]
    return found


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _table(model: type[BaseModel]) -> str:
    rows = (
        f"| `{name}` | {_kind(field.annotation)} | {field.description or ''} |\n"
        for name, field in model.model_fields.items()
    )
    return f"### {model.__name__}\n\n{(model.__doc__ or '').strip()}\n\n{_HEAD}{''.join(rows)}"


def _kind(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    if origin in (Union, types.UnionType):
        return " or ".join("null" if each is type(None) else _kind(each) for each in arguments)
    if isinstance(annotation, type) and issubclass(annotation, models.Command):
        return "text"
    if isinstance(annotation, type):
        return _NAMES.get(annotation, annotation.__name__)
    raise TypeError(f"no name for {annotation}")


if __name__ == "__main__":
    sys.stdout.write(tables())
