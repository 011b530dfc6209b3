"""What is wrong with a configuration, one line for each fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edgemeet.errors import ConfigError

INVALID = "config.invalid"
SYNTAX = "config.syntax"
UNREADABLE = "config.unreadable"
MISSING = "config.missing"

# A configuration with several kinds of faults is named after the first of these that it has: what could not
# be read hides other faults.
_GRAVEST_FIRST = (UNREADABLE, SYNTAX)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend. ``str()`` is the line for a person.

    Attributes:
        file: where it stands: a file, an environment variable or a credential; None when nowhere.
        key: the dotted key, "" when the fault is the file as a whole.
        problem: what is wrong, never with a text value that was given: it may be a misplaced secret.
        suggestion: a known key or value that may have been meant.
        code: config.invalid, config.syntax or config.unreadable.
    """

    file: str | None
    key: str
    problem: str
    suggestion: str | None = None
    code: str = INVALID

    def __str__(self) -> str:
        line = ": ".join(part for part in (self.file, self.key, self.problem) if part)
        return f"{line}; did you mean {self.suggestion}?" if self.suggestion else line


class ConfigInvalid(ConfigError):
    """There is a configuration and it cannot be used.

    `code` is config.unreadable when a file could not be read, else config.syntax when one is not TOML, else
    config.invalid.

    Args:
        faults: all that is wrong, at least one.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults]
        codes = {fault.code for fault in self.faults}
        if len(lines) > 1:
            lines.insert(0, f"the configuration has {len(lines)} faults")
        super().__init__(
            "\n".join(lines),
            code=next((code for code in _GRAVEST_FIRST if code in codes), INVALID),
            hint="`edgemeet config schema` and docs/configuration.md list every key",
        )


class ConfigMissing(ConfigError):
    """There is no configuration at all: no file, no drop-in, no credential and no environment variable."""

    default_code = MISSING
