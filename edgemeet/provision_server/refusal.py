"""Refusals, each with a stable code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Refused(Exception):
    """The request is answered with this instead.

    Attributes:
        status: of HTTP.
        code: stable, for programs.
        message: one plain sentence, for people.
        retry_after: seconds after which to ask again.
        proven: who asked has proven to be a device of ours; such failures are not counted against its
            address.
    """

    status: int
    code: str
    message: str
    retry_after: int | None = None
    proven: bool = False
