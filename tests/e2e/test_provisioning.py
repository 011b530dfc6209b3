"""A device under a provisioning server: enrol, join, move, leave, come back; real processes and sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from edgemeet.provision_server.audit import Actor
from edgemeet.provision_server.database import Database
from edgemeet.provision_server.registry import DeviceChange, Registry
from edgemeet.provision_server.settings import load_settings
from edgemeet.provisioning import enrol
from edgemeet.rest import new_client
from edgemeet.sandbox import SandboxOptions, running_sandbox

ANNA = Actor("admin:anna")
ROOMS = ("first-room", "second-room")
API_KEY, API_SECRET = "the-api-key", "a-signing-secret-of-more-than-32-bytes"
POLL = 5.0  # seconds, the least there is

CONFIG = """\
[meeting]
source = "provisioned"
participant_id = "front-door"
api_url = "{sandbox}"
entry_timeout = 20

[provisioning]
url = "{server}/v1/token"
auth = "identity"
timeout = 3

[camera]
source = "test"
width = 640
height = 360
fps = 10

[microphone]
source = "tone"
"""


class Server:
    """`edgemeet provision serve`, and its administrator."""

    def __init__(self, folder: Path, sandbox_url: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._environ = {
            "EDGEPROVISION_API_KEY": API_KEY,
            "EDGEPROVISION_API_SECRET": API_SECRET,
            "EDGEPROVISION_API_URL": sandbox_url,
            "EDGEPROVISION_DATABASE_URL": f"sqlite:///{folder}/server/provision.db",
            "EDGEPROVISION_PORT": str(port),
            "EDGEPROVISION_POLL_AFTER": str(int(POLL)),
        }
        self._process: asyncio.subprocess.Process | None = None
        settings = load_settings(environ=self._environ)
        self.database = Database(SecretStr(self._environ["EDGEPROVISION_DATABASE_URL"]))
        self.registry = Registry(self.database, settings)

    async def start(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "edgemeet",
                "provision",
                "serve",
                env=os.environ | self._environ,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
            while True:
                assert self._process.returncode is None, (self._folder / "server.log").read_text()
                try:
                    if (await client.get(self.url + "/v1/health")).status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.1)

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), 20)


@pytest.fixture
async def rooms() -> AsyncIterator[Any]:
    options = SandboxOptions(port=0, rooms=ROOMS, api_key=API_KEY, api_secret=API_SECRET)
    async with running_sandbox(options) as (sandbox, address):
        yield sandbox, address.base_url


@pytest.fixture
async def server(rooms: Any, tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path, rooms[1])
    await server.start()
    yield server
    await server.stop()
    server.database.close()


def packets(sandbox: Any, room: str) -> int:
    """RTP packets that the room's server has of the device; -1 while it is not there."""
    peer = sandbox.room(room).peers.get("front-door")
    if peer is None:
        return -1
    return sum(encoding.packets for producer in peer.producers.values() for encoding in producer.encodings)


async def media_in(sandbox: Any, room: str, *, within: float) -> float:
    """Wait until packets flow in this room and in no other; answers the seconds that took."""
    began = time.monotonic()
    before = packets(sandbox, room)
    async with asyncio.timeout(within):
        while True:
            await asyncio.sleep(0.1)
            now = packets(sandbox, room)
            if now > max(before, 0) and all(packets(sandbox, r) < 0 for r in ROOMS if r != room):
                return time.monotonic() - began
            before = now


@pytest.mark.timeout(400)
async def test_from_enrolment_to_revocation_and_back(
    rooms: Any, server: Server, start_device: Any, tmp_path: Path
) -> None:
    sandbox, sandbox_url = rooms
    registry = server.registry
    async with new_client() as client:
        identity = await enrol(
            client,
            server.url,
            registry.code(ANNA),
            participant_id="front-door",
            state_directory=tmp_path / "state",
        )
    device = await start_device(sandbox_url, config=CONFIG.format(sandbox=sandbox_url, server=server.url))
    await device.expect_problem("meeting.none_assigned", within=60)

    # Assigned: it joins without anybody touching it.
    registry.assign(ANNA, identity.device_id, ROOMS[0])
    await media_in(sandbox, ROOMS[0], within=60)
    await device.expect(lambda s: s.health == (), within=30)

    # Assigned elsewhere: it moves within one poll, and a join.
    registry.change(ANNA, identity.device_id, DeviceChange(meeting_id=ROOMS[1], display_name="Gate"))
    assert await media_in(sandbox, ROOMS[1], within=60) < POLL + 30
    status = await device.expect(lambda s: s.state == "joined" and s.meeting.id == ROOMS[1])
    assert status.meeting.name == "Gate"

    # Other settings: the camera is opened anew, the meeting is not left.
    joins = status.joins
    settings = {"camera": {"width": 320, "height": 180}, "meeting": {"mic": False}}
    registry.change(ANNA, identity.device_id, DeviceChange(config=settings))
    status = await device.expect(
        lambda s: [(p.kind, p.encodings[0].width) for p in s.producers] == [("video", 320)], within=60
    )
    assert (status.joins, status.state) == (joins, "joined")

    # The server is away: the device stays as it is, and hears of the rest later.
    await server.stop()
    await asyncio.sleep(POLL + 1)
    assert packets(sandbox, ROOMS[1]) > 0
    registry.assign(ANNA, identity.device_id, ROOMS[0])
    await server.start()
    await media_in(sandbox, ROOMS[0], within=90)

    # Revoked: it leaves and holds.
    registry.revoke(ANNA, identity.device_id)
    status = await device.expect_problem("provisioning.revoked", within=60)
    await device.expect(lambda s: s.state == "held", within=30)
    assert packets(sandbox, ROOMS[0]) == -1
    await asyncio.sleep(POLL + 2)
    assert packets(sandbox, ROOMS[0]) == -1
    assert (await device.expect(lambda s: True)).state == "held"

    # Restored: it is back without anybody touching it.
    registry.restore(ANNA, identity.device_id)
    await media_in(sandbox, ROOMS[0], within=60)
    await device.expect(lambda s: s.state == "joined" and s.health == (), within=30)

    await device.stop()
    assert API_SECRET not in device.log
    assert "eyJ" not in device.log
    assert "PRIVATE KEY" not in device.log
