"""`edgemeet wait`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import typer

from edgemeet.control import Status
from edgemeet.errors import ControlError

LOOK_EVERY = 0.2  # seconds
# What a daemon that is being started, or started again, looks like from outside.
_PASSES = frozenset({"control.not_running", "control.stuck"})


class Asked(Protocol):
    """Who knows the status."""

    def status(self) -> Status:
        """How the daemon is. Raises ControlError."""


def reached(status: Status, goal: str) -> bool:
    """Whether the device has got so far. Pure.

    `media` is: in the meeting, and each camera and microphone that is on is being sent.
    """
    if goal == "left":
        return status.state == "left"
    if goal == "joined" or status.state != "joined":
        return status.state == "joined"
    sent = {producer.kind for producer in status.producers if any(e.bitrate > 0 for e in producer.encodings)}
    return bool(sent) and {capture.kind for capture in status.captures if capture.on} <= sent


def wait_for(
    daemon: Asked,
    goal: str,
    timeout: float,
    *,
    json: bool,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return once `goal` is reached.

    Raises:
        ControlError: it was not in time (control.timeout), or the daemon cannot be asked.
    """
    deadline = clock() + timeout
    while True:
        try:
            status = daemon.status()
        except ControlError as error:
            if error.code not in _PASSES:
                raise
            state, why = "not running", error.hint
        else:
            if reached(status, goal):
                typer.echo(status.model_dump_json(indent=2) if json else status.state)
                return
            state, why = status.state, status.health[0].message if status.health else None
        if clock() >= deadline:
            raise ControlError(
                f"not {goal} within {timeout:g} s; it is {state}",
                code="control.timeout",
                hint=why or "`edgemeet status` and `edgemeet doctor` say more",
            )
        sleep(min(LOOK_EVERY, max(0.0, deadline - clock())))
