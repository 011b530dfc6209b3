"""From all sources to one `Settings`, or to all faults at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from edgemeet import places
from edgemeet.config import wording
from edgemeet.config.credentials import credentials_layer
from edgemeet.config.directories import directories
from edgemeet.config.environment import environment_layer
from edgemeet.config.faults import ConfigInvalid, ConfigMissing, Fault
from edgemeet.config.keys import ENVIRONMENT_PREFIX, KeyPath, dotted, keys
from edgemeet.config.reading import Given, shown
from edgemeet.config.rules import Violation, violations
from edgemeet.config.settings import Settings
from edgemeet.config.toml_files import drop_in_layers, toml_layer

DEFAULT_PATH = places.CONFIGURATION

SOCKET: KeyPath = ("control", "socket")
RUNTIME_DIRECTORY: KeyPath = ("runtime_directory",)

Merged = dict[KeyPath, Given]


def load(path: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in effect.

    Later sources win, key by key: defaults, the file, the ``*.toml`` of the folder beside it (``edgemeet.d``
    for ``edgemeet.toml``) in name order, the credentials in $CREDENTIALS_DIRECTORY, ``EDGEMEET_`` variables.

    Args:
        path: the file; /etc/edgemeet/edgemeet.toml when not given. Only that one may be absent.
        environ: the environment variables.

    Raises:
        ConfigInvalid: with all faults; its code is config.invalid, config.syntax or config.unreadable.
        ConfigMissing: no source gives anything, or there is no file at the given `path`.
    """
    file = path or DEFAULT_PATH
    main = toml_layer(file)
    others = [*drop_in_layers(file.with_suffix(".d")), credentials_layer(environ), environment_layer(environ)]
    if main is None and (path is not None or not any(layer.given or layer.faults for layer in others)):
        raise ConfigMissing(
            f"there is no configuration: {shown(file)} does not exist",
            hint="copy the example edgemeet.toml there and fill in meeting.id and provisioning.url",
        )
    layers = [layer for layer in (main, *others) if layer is not None]
    faults = [fault for layer in layers for fault in layer.faults]
    merged = _merge(
        (*directories(environ, uid=os.geteuid()), *(one for layer in layers for one in layer.given))
    )
    settings, value_faults = _validate(merged)
    faults += value_faults
    if not any(layer.incomplete for layer in layers):
        faults += _rule_faults(settings, merged, faults, shown(file) if main else None)
    if faults:
        raise ConfigInvalid(dict.fromkeys(faults))
    return settings


def _merge(given: Iterable[Given]) -> Merged:
    """The last value of each key, in the order in which they were given."""
    merged: Merged = {}
    for one in given:
        merged.pop(one.path, None)
        merged[one.path] = one
    return merged


def _nest(merged: Merged) -> dict[str, object]:
    """As the model takes it. A later value replaces what it cannot be put into."""
    tree: dict[str, object] = {}
    for path, given in merged.items():
        table = tree
        for name in path[:-1]:
            inner = table.get(name)
            if not isinstance(inner, dict):
                inner = table[name] = {}
            table = inner
        table[path[-1]] = given.value
    return tree


def _validate(merged: Merged) -> tuple[Settings, list[Fault]]:
    """The settings, with defaults in place of faulty values, and the faults of these values."""
    remaining = dict(merged)
    faults: list[Fault] = []
    while True:
        # The error holds the values, secrets too: it must not become the context of what is raised later.
        try:
            return Settings.model_validate(_nest(remaining)), faults
        except ValidationError as error:
            details = error.errors(include_url=False)
        before = len(remaining)
        for one in details:
            faults += _take_out(remaining, one)
        if len(remaining) == before:
            raise AssertionError("the defaults are faulty")


def _take_out(remaining: Merged, details: ErrorDetails) -> list[Fault]:
    """Remove what an error is about, and tell it; nothing when an earlier error was about the same."""
    path = tuple(str(part) for part in details["loc"])
    if path == SOCKET and SOCKET not in remaining:
        path = RUNTIME_DIRECTORY  # it was made from that one
    culprits = [
        given for given in remaining.values() if path[: len(given.path)] == given.path or _under(given, path)
    ]
    if not culprits:
        return []
    last = culprits[-1]
    for given in culprits:
        del remaining[given.path]
    key = keys()[last.path[:2] if last.path[:2] in keys() else last.path[:1]]
    shown = last.path if len(culprits) == 1 else key.path
    typed = not last.origin.startswith(ENVIRONMENT_PREFIX)
    problem = wording.problem(details, key, typed=typed)
    return [Fault(last.origin, dotted(shown), problem, wording.suggestion(last.value, key))]


def _under(given: Given, path: KeyPath) -> bool:
    return len(path) > 1 and given.path[: len(path)] == path


def _rule_faults(settings: Settings, merged: Merged, known: list[Fault], file: str | None) -> list[Fault]:
    """Rules that do not hold, unless a known fault may be the reason."""
    faulty = {fault.key for fault in known} | {fault.suggestion for fault in known}
    origins = {dotted(path): given.origin for path, given in merged.items()}
    return [
        Fault(_place(violation, origins, file), violation.key, violation.problem)
        for violation in violations(settings)
        if not any(key in faulty or key.partition(".")[0] in faulty for key in violation.about)
    ]


def _place(violation: Violation, origins: Mapping[str, str], file: str | None) -> str | None:
    """Where to mend it: where the key stands, or else where it would."""
    if violation.key in origins:
        return origins[violation.key]
    return file or next((origins[key] for key in violation.about if key in origins), None)
