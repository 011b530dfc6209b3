"""All keys of the configuration, taken from the model, so that nothing else has to list them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from edgemeet.config.settings import Settings

KeyPath = tuple[str, ...]

# A name that is longer than this is not repeated in a fault: it may be a secret in the wrong place. The
# longest name of a key has 18 characters; an API key of VideoSDK has 36.
LONGEST_NAME_SHOWN = 24
ENVIRONMENT_PREFIX = "EDGEMEET_"
ENVIRONMENT_DELIMITER = "__"


@dataclass(frozen=True, slots=True)
class Key:
    """What the model says about one key.

    Attributes:
        path: ("camera", "width"), or ("state_directory",).
        type: the Python type without None and without constraints; str for choices.
        optional: the key may be unset, which an empty text does.
        default: None when it has no default or is unset.
        choices: the texts it may be, () when it is no choice.
        least, most: bounds, both inclusive.
        description: from the model.
    """

    path: KeyPath
    type: type
    optional: bool
    default: object
    choices: tuple[str, ...]
    least: float | None
    most: float | None
    description: str

    @property
    def dotted(self) -> str:
        """As people write it."""
        return dotted(self.path)

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return ENVIRONMENT_PREFIX + ENVIRONMENT_DELIMITER.join(self.path).upper()

    @property
    def open(self) -> bool:
        """It is a table with keys of the user's own, which sources give one by one."""
        return self.type is dict

    @property
    def secret(self) -> bool:
        """Its value must never be shown."""
        return self.type is SecretStr


def dotted(path: Iterable[str]) -> str:
    """``camera.width``; long or odd names, which may be secrets, are replaced by their length."""
    return ".".join(
        name
        if len(name) <= LONGEST_NAME_SHOWN and name.isascii() and name.isprintable()
        else f"(a name of {len(name)} characters)"
        for name in path
    )


@cache
def sections() -> dict[str, type[BaseModel]]:
    """The tables by name."""
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


@cache
def keys() -> dict[KeyPath, Key]:
    """All keys in the order of the model."""
    found = [
        _key((section, name), field)
        for section, model in sections().items()
        for name, field in model.model_fields.items()
    ]
    found += [_key((name,), field) for name, field in Settings.model_fields.items() if name not in sections()]
    return {key.path: key for key in found}


def _key(path: KeyPath, field: FieldInfo) -> Key:
    annotation, metadata = field.annotation, list(field.metadata)
    optional = False
    if get_origin(annotation) in {Union, UnionType}:
        (annotation,) = (part for part in get_args(annotation) if part is not type(None))
        optional = True
    while get_origin(annotation) is Annotated:
        annotation, *constraints = get_args(annotation)
        metadata += constraints
    for constraint in list(metadata):
        if isinstance(constraint, FieldInfo):
            metadata += constraint.metadata
    is_choice = get_origin(annotation) is Literal
    plain = str if is_choice else get_origin(annotation) or annotation
    assert isinstance(plain, type), path
    default = field.get_default(call_default_factory=True, validated_data={})
    return Key(
        path=path,
        type=plain,
        optional=optional,
        default=None if default is PydanticUndefined else default,
        choices=get_args(annotation) if is_choice else (),
        least=next((float(str(m.ge)) for m in metadata if isinstance(m, annotated_types.Ge)), None),
        most=next((float(str(m.le)) for m in metadata if isinstance(m, annotated_types.Le)), None),
        description=field.description or "",
    )


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was most likely meant, if one is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only needed when something is wrong

    matches = get_close_matches(name.lower(), list(candidates), n=1, cutoff=0.6)
    return matches[0] if matches else None


def nearest_key(path: KeyPath) -> str | None:
    """The dotted key or table that was most likely meant by an unknown path."""
    section, name = path[0], path[-1]
    siblings = [key.dotted for key in keys().values() if len(key.path) > 1 and key.path[0] == section]
    found = nearest(name, (key.partition(".")[2] for key in siblings)) if len(path) > 1 else None
    if found:
        return f"{section}.{found}"
    elsewhere = [key.dotted for key in keys().values() if key.path[-1] == name.lower()]
    if len(elsewhere) == 1:
        return elsewhere[0]
    if len(path) == 1:
        # "camera_width" is what one underscore too few in EDGEMEET_CAMERA__WIDTH makes.
        joined = {"_".join(key.path): key.dotted for key in keys().values()} | dict.fromkeys(sections())
        found = nearest(name, joined)
        return found and (joined[found] or found)
    # Where the table is known, what all its keys have in common would make any of them look near.
    return None if siblings else nearest(".".join(path), (key.dotted for key in keys().values()))
