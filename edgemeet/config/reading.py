"""What all sources of settings have in common: values with the place they came from, and reading a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgemeet.config.faults import SYNTAX, UNREADABLE, Fault
from edgemeet.config.keys import KeyPath, dotted, keys, nearest_key

LARGEST_FILE = 1_048_576  # bytes; the example with all its comments has under 10,000
# TOML's dotted keys nest without end, and what walks a nested value must not run out of stack.
DEEPEST_NESTING = 32


@dataclass(frozen=True, slots=True)
class Given:
    """One value as it was written, and the place a person would look for it."""

    path: KeyPath
    value: object
    origin: str


@dataclass(frozen=True, slots=True)
class Layer:
    """All that one source gave, and all that is wrong with it.

    Attributes:
        incomplete: something of the source could not be read, and what seems to be missing may stand there.
    """

    given: tuple[Given, ...] = ()
    faults: tuple[Fault, ...] = ()
    incomplete: bool = False


class Unusable(Exception):
    """A file that cannot be used as a whole."""

    def __init__(self, problem: str, code: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.code = code


def read_text(path: Path) -> str | None:
    """The text of a file, None when there is no such file. Does not wait, as opening a FIFO would.

    Raises:
        Unusable: it is there and cannot be read, or is no UTF-8 text.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise Unusable(why(error), UNREADABLE) from None
    try:
        data = _read_regular(descriptor)
    finally:
        os.close(descriptor)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise Unusable(f"line {line}, column {column}: this is not UTF-8 text", SYNTAX) from None


def _read_regular(descriptor: int) -> bytes:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise Unusable("cannot be read: this is not a file", UNREADABLE)
    try:
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Unusable(why(error), UNREADABLE) from None
    if len(data) > LARGEST_FILE:
        raise Unusable(f"cannot be read: it is larger than {LARGEST_FILE} bytes", UNREADABLE)
    return data


def shown(path: Path) -> str:
    """A path as it may stand in one line of a log, whatever bytes its name is made of."""
    text = str(path)
    return text if text.isprintable() else ascii(text)[1:-1]


def why(error: OSError | ValueError) -> str:
    """Why something cannot be read, in plain words and without its content."""
    if isinstance(error, OSError) and error.errno:
        return f"cannot be read: {os.strerror(error.errno).lower()}"
    return "cannot be read: this is not a path"


def too_deep(document: object, limit: int = DEEPEST_NESTING) -> bool:
    """True when tables and lists are nested more than `limit` deep. Does not recurse."""
    level: list[object] = [document]
    for _ in range(limit + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


def checked(given: Iterable[Given]) -> Layer:
    """Values of known keys, and a fault for each other. An empty text unsets an optional key."""
    good: list[Given] = []
    faults: list[Fault] = []
    for one in given:
        key = keys().get(one.path[:2]) or keys().get(one.path[:1])
        if key is None or (len(one.path) > len(key.path) and not key.open):
            faults.append(_unknown(one))
        elif one.value == "" and key.optional:
            good.append(Given(one.path, None, one.origin))
        else:
            good.append(one)
    return Layer(tuple(good), tuple(faults))


def _unknown(given: Given) -> Fault:
    example = next((key for key in keys().values() if key.path[:1] == given.path), None)
    if example:
        problem = f"must be a table with keys of its own, such as {example.dotted}"
        return Fault(given.origin, dotted(given.path), problem)
    return Fault(given.origin, dotted(given.path), "there is no such key", nearest_key(given.path))
