"""What a check finds."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edgemeet.errors import EdgemeetError

SCHEMA_VERSION: Literal[1] = 1


class Outcome(StrEnum):
    """How a check ended, better ones first."""

    OK = "ok"
    SKIPPED = "skipped"  # could not be tried, or makes no sense here; says nothing about the device
    INFO = "info"  # worth knowing
    WARNING = "warning"  # works today, and will not some day
    ERROR = "error"  # keeps the device from being seen or heard


_ORDER = list(Outcome)


class Finding(BaseModel):
    """One line of the report."""

    model_config = ConfigDict(frozen=True)

    check: str = Field(default="", description="the name of the check")
    outcome: Outcome
    code: str | None = Field(default=None, description="stable dotted name of what is wrong; null when well")
    text: str = Field(description="one plain sentence without secrets")
    hint: str | None = Field(default=None, description="what a person can do about it")


class Report(BaseModel):
    """All findings, in the order of the checks."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = SCHEMA_VERSION
    version: str = Field(description="of edgemeet")
    seconds: float = Field(description="that it took")
    worst: Outcome
    findings: tuple[Finding, ...]


def worst(findings: tuple[Finding, ...]) -> Outcome:
    """The gravest outcome; `ok` for no findings at all, and for skipped ones."""
    gravest = max((finding.outcome for finding in findings), key=_ORDER.index, default=Outcome.OK)
    return Outcome.OK if gravest is Outcome.SKIPPED else gravest


def well(text: str) -> Finding:
    """Nothing is wrong."""
    return Finding(outcome=Outcome.OK, text=text)


def skipped(text: str) -> Finding:
    """It was not tried."""
    return Finding(outcome=Outcome.SKIPPED, text=text)


def wrong(outcome: Outcome, code: str, text: str, hint: str) -> Finding:
    """Something is wrong. There is always something to do about it."""
    return Finding(outcome=outcome, code=code, text=text, hint=hint)


def failed(error: EdgemeetError, hint: str, outcome: Outcome = Outcome.ERROR) -> Finding:
    """What an error says; `hint` is for errors that have none of their own."""
    return wrong(outcome, error.code, error.message, error.hint or hint)
