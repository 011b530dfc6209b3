"""The examination as a whole."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx

from edgemeet.doctor import Check, Finding, Machine, Outcome, examine
from edgemeet.doctor.checks import CHECKS
from edgemeet.doctor.findings import well, worst, wrong
from edgemeet.doctor.journey import Journey

if TYPE_CHECKING:
    from tests.doctor.conftest import World


async def hangs(_: Machine, __: Journey) -> Finding:
    await asyncio.sleep(3600)
    raise AssertionError


async def breaks(_: Machine, __: Journey) -> Finding:
    raise ZeroDivisionError("with a secret")


async def passes(_: Machine, __: Journey) -> Finding:
    return well("all is well")


async def test_a_check_that_hangs_or_breaks_costs_only_itself(world: World) -> None:
    checks = [Check("hangs", "", hangs), Check("breaks", "", breaks), Check("passes", "", passes)]
    report = await examine(world.machine(), checks, deadline=0.3)
    assert [(f.check, f.code) for f in report.findings] == [
        ("hangs", "doctor.timeout"),
        ("breaks", "doctor.defect"),
        ("passes", None),
    ]
    assert "secret" not in report.model_dump_json()
    assert report.worst is Outcome.WARNING


def test_the_worst_counts() -> None:
    info = wrong(Outcome.INFO, "a", "a", "a")
    skipped = Finding(outcome=Outcome.SKIPPED, text="")
    assert worst(()) is worst((skipped,)) is worst((skipped, well(""))) is Outcome.OK
    assert worst((info, skipped, well(""))) is Outcome.INFO


def test_names_are_stable_and_different() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert all(check.run.__doc__ and check.title for check in CHECKS)


async def test_nobody_enters_the_meeting(world: World) -> None:
    report = await world.examine(world.machine(), "signaling")
    assert report.worst is Outcome.OK
    async with httpx.AsyncClient() as client:
        rooms = (await client.get(f"{world.url}/sandbox/status")).json()["rooms"]
    assert [room["peers"] for room in rooms] == [[]]


async def test_no_participant_id_is_made(world: World) -> None:
    config = world.config.replace('participant_id = "front-door"\n', "")
    report = await world.examine(world.machine(config), "provisioning", "signaling", "disk")
    assert report.worst is Outcome.OK
    assert not list(world.folder.glob("*participant*"))


async def test_the_report_is_json(world: World) -> None:
    report = await world.examine(world.machine(), "memory", "clock")
    document = json.loads(report.model_dump_json())
    assert document["schema_version"] == 1
    assert [finding["check"] for finding in document["findings"]] == ["clock", "memory"]
