"""Settings from environment variables."""

from __future__ import annotations

import json
from collections.abc import Mapping

from edgemeet.config.faults import Fault
from edgemeet.config.keys import ENVIRONMENT_DELIMITER, ENVIRONMENT_PREFIX, Key, KeyPath, dotted, keys
from edgemeet.config.reading import Given, Layer, checked, too_deep

# Read by the command line: no setting.
_NO_SETTINGS = frozenset({"EDGEMEET_CONFIG"})

_BOOLEANS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_LONGEST_NUMBER = 32  # characters; longer ones are out of every range


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """What the variables named like ``EDGEMEET_CAMERA__WIDTH`` give.

    ``EDGEMEET_MEETING__METADATA`` is a JSON object, ``EDGEMEET_MEETING__METADATA__FLOOR`` one entry of it,
    JSON or else text.
    """
    layers = [
        _variable(name, environ[name])
        for name in sorted(environ)
        if name.startswith(ENVIRONMENT_PREFIX) and name not in _NO_SETTINGS
    ]
    known = checked(given for layer in layers for given in layer.given)
    return Layer(known.given, (*(fault for layer in layers for fault in layer.faults), *known.faults))


def _variable(name: str, text: str) -> Layer:
    path = tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split(ENVIRONMENT_DELIMITER))
    origin = _origin(path)
    key = keys().get(path)
    if key is not None and key.open:
        return _table(key, text, origin)
    parent = keys().get(path[:-1])
    if parent is not None and parent.open:
        return Layer((Given(path, _json_or_text(text), origin),))
    return Layer((Given(path, _typed(key, text) if key else text, origin),))


def _origin(path: KeyPath) -> str:
    """The variable's name; parts that are too long to be a key's are not repeated."""
    return ENVIRONMENT_PREFIX + ENVIRONMENT_DELIMITER.join(
        shown if shown.startswith("(") else shown.upper() for shown in (dotted((part,)) for part in path)
    )


def _typed(key: Key, text: str) -> object:
    """Text as the type of the key; text that is nothing of the kind stays text and is refused later."""
    stripped = text.strip()
    if key.type is bool:
        return _BOOLEANS.get(stripped.lower(), text)
    if key.type in {int, float} and len(stripped) <= _LONGEST_NUMBER:
        try:
            return int(stripped) if key.type is int else float(stripped)
        except ValueError:
            return text
    return text


def _table(key: Key, text: str, origin: str) -> Layer:
    value = _json_or_text(text)
    if isinstance(value, dict):
        return Layer(tuple(Given((*key.path, name), entry, origin) for name, entry in value.items()))
    fault = Fault(origin, key.dotted, 'must be a JSON object such as {"floor": 3}')
    return Layer(faults=(fault,))


def _json_or_text(text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if too_deep(value) else value
