"""Joining again and again leaves nothing behind. LEAK_REJOINS is how often; thousands are for by hand."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgemeet.config import Settings
from edgemeet.daemon import build
from edgemeet.daemon.sessions import session_maker
from edgemeet.health import HealthRegistry
from edgemeet.rest import new_client
from edgemeet.state import StateStore
from edgemeet.supervisor import Limits, Supervisor
from edgemeet.telemetry import Redactor

logger = logging.getLogger(__name__)

REJOINS = int(os.environ.get("LEAK_REJOINS", "200"))
WARM_UP = 10
SETTLING = 60.0  # seconds; what goes away by itself is no leak, and a busy machine is slow to close things
# Of the pool that asyncio.to_thread uses: it grows with what runs at once, to a size of its own.
POOLED = "asyncio_"


@dataclass(frozen=True)
class Usage:
    """Of this process, the sandbox and its half of each connection too; threads without those of the pool."""

    descriptors: int
    tasks: int
    threads: int
    resident: int  # bytes

    @classmethod
    def now(cls) -> Usage:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            descriptors=len(os.listdir("/proc/self/fd")),
            tasks=len(asyncio.all_tasks()),
            threads=sum(not thread.name.startswith(POOLED) for thread in threading.enumerate()),
            resident=pages * os.sysconf("SC_PAGE_SIZE"),
        )

    def within(self, before: Usage) -> bool:
        """Nothing has grown. A few may be there just now; if each session left one behind, hundreds were."""
        return (
            self.descriptors <= before.descriptors + 3
            and self.tasks <= before.tasks + 3
            and self.threads <= before.threads + 2
            # An allocator keeps what it once had; a leak of a connection's size would be far more than this.
            and self.resident - before.resident < 20e6 + 100e3 * REJOINS
        )


async def settled_within(before: Usage) -> Usage:
    """The usage as soon as nothing has grown since `before`, or that of when this was waited for in vain."""
    deadline = time.monotonic() + SETTLING
    while not (usage := await settled()).within(before) and time.monotonic() < deadline:
        pass
    return usage


async def settled() -> Usage:
    """The least of a few looks: what a session leaves behind may take a moment to close."""
    usages = []
    for _ in range(10):
        usages.append(Usage.now())
        await asyncio.sleep(0.3)
    return Usage(
        descriptors=min(u.descriptors for u in usages),
        tasks=min(u.tasks for u in usages),
        threads=min(u.threads for u in usages),
        resident=min(u.resident for u in usages),
    )


@pytest.mark.timeout(600 + 10 * REJOINS)
async def test_joining_again_and_again_leaves_nothing_behind(sandbox: Any, tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "meeting": {"id": "abcd-efgh-ijkl", "api_url": sandbox.url, "participant_id": "front-door"},
            "provisioning": {"url": f"{sandbox.url}/get-token", "timeout": 30},
            "camera": {"source": "test", "width": 160, "height": 120, "fps": 5},
            "microphone": {"source": "tone"},
        }
    )
    camera, microphone = build.camera(settings), build.microphone(settings)
    async with new_client() as client:
        make = session_maker(
            settings,
            client,
            "front-door",
            (camera, microphone),
            Redactor(),
            store=StateStore(tmp_path / "state"),
        )
        supervisor = Supervisor(make, HealthRegistry(), limits=Limits(join_interval=0.0))
        tasks = [asyncio.create_task(part.run()) for part in (supervisor, camera, microphone)]

        async def joined(count: int) -> None:
            async with asyncio.timeout(60):
                while supervisor.view().joins < count or supervisor.view().state != "joined":
                    assert not any(task.done() for task in tasks), tasks
                    await asyncio.sleep(0.01)

        try:
            await joined(1)
            before: Usage | None = None
            for number in range(1, REJOINS + 1):
                if number == WARM_UP:
                    before = await settled()
                supervisor.rejoin()
                await joined(number + 1)
            assert before is not None
            after = await settled_within(before)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    logger.info("before %s", before)
    logger.info("after %d rejoins %s", REJOINS, after)
    assert after.within(before), (before, after)
