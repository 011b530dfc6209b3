"""Runs all checks side by side, within one deadline."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from edgemeet.doctor.findings import Finding, Outcome, Report, worst, wrong
from edgemeet.doctor.journey import Journey, Unreached
from edgemeet.doctor.machine import Machine
from edgemeet.version import own_version

logger = logging.getLogger(__name__)

DEADLINE = 13.0  # seconds for all of it; with starting and printing it stays below 15


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        name: stable; findings carry it.
        title: for people, two or three words.
        run: looks, and returns what it found, at least one finding.
    """

    name: str
    title: str
    run: Callable[[Machine, Journey], Awaitable[Iterable[Finding] | Finding]]


async def examine(machine: Machine, checks: Sequence[Check], *, deadline: float = DEADLINE) -> Report:
    """Run `checks`. Never raises for what they find, and takes little more than `deadline` seconds."""
    began = time.monotonic()
    async with Journey(machine) as journey:
        tasks = [asyncio.create_task(_run(check, machine, journey)) for check in checks]
        try:
            await asyncio.wait(tasks, timeout=deadline)
            findings = tuple(
                finding for check, task in zip(checks, tasks, strict=True) for finding in _result(check, task)
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    return Report(
        version=own_version(),
        seconds=round(time.monotonic() - began, 3),
        worst=worst(findings),
        findings=findings,
    )


async def _run(check: Check, machine: Machine, journey: Journey) -> tuple[Finding, ...]:
    try:
        found = await check.run(machine, journey)
    except Unreached as unreached:
        found = Finding(outcome=Outcome.SKIPPED, text=str(unreached))
    except Exception as error:
        logger.debug("the check %s has a defect", check.name, exc_info=True)
        found = wrong(
            Outcome.WARNING,
            "doctor.defect",
            f"the check itself failed ({type(error).__name__})",
            "this is a defect of edgemeet: please report it",
        )
    many = (found,) if isinstance(found, Finding) else tuple(found)
    return tuple(finding.model_copy(update={"check": check.name}) for finding in many)


def _result(check: Check, task: asyncio.Task[tuple[Finding, ...]]) -> tuple[Finding, ...]:
    if task.done() and not task.cancelled():
        return task.result()
    unfinished = wrong(
        Outcome.WARNING,
        "doctor.timeout",
        "there was no answer in time",
        "run it again; if it stays so, the part that is asked hangs",
    )
    return (unfinished.model_copy(update={"check": check.name}),)
