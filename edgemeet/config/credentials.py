"""Secrets from systemd credentials."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from edgemeet.config.faults import UNREADABLE, Fault
from edgemeet.config.keys import Key, dotted, keys, nearest
from edgemeet.config.reading import Given, Layer, Unusable, read_text, why

_OURS = ("provisioning.", "whip.", "mqtt.")


def credentials_layer(environ: Mapping[str, str]) -> Layer:
    """The secrets in $CREDENTIALS_DIRECTORY (systemd.exec(5)), in files named like ``provisioning.token``.

    The newline at their end is no part of them. Files with other names belong to others.
    """
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        return Layer()
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if entry.name.startswith(_OURS))
    except (OSError, ValueError) as error:
        fault = Fault("$CREDENTIALS_DIRECTORY", "", why(error), code=UNREADABLE)
        return Layer(faults=(fault,), incomplete=True)
    secrets = {key.dotted: key for key in keys().values() if key.secret}
    layers = [
        _credential(Path(directory, name), secrets[name]) if name in secrets else _unknown(name, secrets)
        for name in names
    ]
    return Layer(
        given=tuple(given for layer in layers for given in layer.given),
        faults=tuple(fault for layer in layers for fault in layer.faults),
        incomplete=any(layer.incomplete for layer in layers),
    )


def _credential(path: Path, key: Key) -> Layer:
    origin = f"credential {key.dotted}"
    try:
        text = (read_text(path) or "").rstrip("\r\n")
    except Unusable as unusable:
        return Layer(faults=(Fault(origin, "", unusable.problem, code=unusable.code),), incomplete=True)
    if not text:
        return Layer(faults=(Fault(origin, "", "must not be empty"),), incomplete=True)
    return Layer((Given(key.path, text, origin),))


def _unknown(name: str, secrets: Mapping[str, Key]) -> Layer:
    origin = f"credential {dotted(name.split('.'))}"
    return Layer(faults=(Fault(origin, "", "there is no such secret", nearest(name, secrets)),))
