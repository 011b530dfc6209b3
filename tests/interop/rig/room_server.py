"""The room server of `tests/interop/server`, on real mediasoup."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from rig.parts import HERE, part
from rigging.waiting import eventually

from edgemeet.signaling.initconfig import IceServer, encrypt_ice_servers

ROOM = "abcd-efgh-ijkl"
VIEWER = HERE.parents[1] / "edgemeet" / "sandbox" / "viewer"

# The mounts are private to the process and end with it.
_ENTER = """
root=$1; packages=$2; server=$3; pages=$4; options=$5
mount -t tmpfs rig "$root/srv" && mkdir "$root/srv/node_modules" "$root/srv/server" "$root/srv/pages"
mount --bind "$packages/node_modules" "$root/srv/node_modules"
mount --bind "$server" "$root/srv/server"
mount --bind "$pages" "$root/srv/pages"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" env -i PATH=/usr/bin:/bin MEDIASOUP_WORKER_BIN=/opt/mediasoup-worker \
  node /srv/server/main.js "$options"
"""


class RoomServer:
    """One server process.

    Args:
        log: where the server's standard error goes.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(
        self,
        *,
        ice_servers: Sequence[IceServer] = (),
        pages: Path = VIEWER,
        media_address: str = "127.0.0.1",
        whip_link: str = "",
        whip_protocol: str = "UDP_OVER_TCP",
        whip_waits_to_be_told: bool = False,
        lenient_whip: bool = False,
    ) -> None:
        """HTTP is at every address of this machine, media at one.

        Over WHIP the server chooses the protocol of media and names its relays in a Link header. With
        `whip_waits_to_be_told` it takes no media before a PATCH has told it an address; with
        `lenient_whip` it takes tokens behind `Bearer` too, which VideoSDK's documentation does not have, and
        those whose ICE never asks for consent again.
        """
        options = {
            "httpIp": "0.0.0.0",
            "listenIp": media_address,
            "rooms": [ROOM],
            "iceServers": encrypt_ice_servers(ice_servers),
            "pages": "/srv/pages",
            "link": whip_link,
            "preferredProtocol": whip_protocol,
            "connectWhenTold": whip_waits_to_be_told,
            "lenientWhip": lenient_whip,
        }
        command = (
            *("unshare", "--mount", "--propagation", "private", "bash", "-c", _ENTER, "room-server"),
            *(str(part("ROOTFS")), str(part("PACKAGES")), str(HERE / "server"), str(pages)),
            json.dumps(options),
        )
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        assert self._process.stdout
        line = await asyncio.wait_for(self._process.stdout.readline(), 20)
        assert line, f"the room server did not start: {self._log.read_text()}"
        self.port: int = json.loads(line)["port"]
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def stop(self) -> None:
        """It ends when its standard input does."""
        if self._process is not None:
            assert self._process.stdin
            self._process.stdin.close()
            await asyncio.wait_for(self._process.wait(), 10)

    async def fault(self, name: str, **data: object) -> Any:
        async with httpx.AsyncClient(trust_env=False) as client:
            reply = await client.post(f"{self.url}/fault/{name}", json=data, timeout=20)
            reply.raise_for_status()
            return reply.json()["result"]

    async def peers(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as client:
            rooms = (await client.get(f"{self.url}/status", timeout=20)).json()["rooms"]
        return {peer["id"]: peer for peer in rooms[ROOM]}

    async def producers(self, peer_id: str) -> dict[str, Any]:
        """By kind."""
        peer = (await self.peers()).get(peer_id)
        return {producer["kind"]: producer for producer in peer["producers"]} if peer else {}

    async def path_of(self, peer_id: str) -> dict[str, Any]:
        """Where a sender's media comes from, as mediasoup sees it."""
        (transport,) = (await self.peers())[peer_id]["transports"]
        path: dict[str, Any] = transport["tuple"]
        return path

    async def expect_scores(self, peer_id: str, kind: str, count: int, *, within: float = 40) -> None:
        """mediasoup's marks for the streams of a producer: all ten of ten."""
        seen: list[int] = []

        async def perfect() -> bool:
            producer = (await self.producers(peer_id)).get(kind)
            seen[:] = [each["score"] for each in producer["score"]] if producer else []
            return seen == [10] * count

        try:
            await eventually(perfect, within=within, what=f"{count} streams of {kind} that score 10")
        except BaseException as error:
            error.add_note(f"the last scores were {seen}")
            raise
