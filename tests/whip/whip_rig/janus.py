"""Janus with Debian's simple-whip-server before it, and somebody who watches its room with aiortc."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from rigging.waiting import end, eventually
from websockets.asyncio.client import ClientConnection, connect

ADDRESS = "10.78.0.1"
ROOM = 1234
TOKEN = "a-token-of-the-rig"
WHIP_PORT = 7080  # the package's own
_WHIP_SERVER = "/usr/share/simple-whip-server/src/server.js"
_WEBSOCKET = "ws://127.0.0.1:8188"

_JANUS = """
general: { debug_level = 4 }
media: {}
nat: { ice_enforce_list = "%s" }
plugins: { disable = "%s" }
transports: { disable = "%s" }
"""
_OTHER_PLUGINS = ",".join(
    f"libjanus_{name}.so"
    for name in (
        *("audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay"),
        *("sip", "streaming", "textroom", "videocall", "voicemail"),
    )
)
_OTHER_TRANSPORTS = ",".join(
    f"libjanus_{name}.so" for name in ("http", "mqtt", "nanomsg", "pfunix", "rabbitmq")
)
_WEBSOCKETS = 'general: { ws = true, ws_port = 8188, ws_ip = "127.0.0.1" }\nadmin: { admin_ws = false }\n'
_ROOM = """
room-%d: {
  description = "the rig", publishers = 6, bitrate = 3000000, fir_freq = 0, record = false,
  audiocodec = "opus", videocodec = "%s"
}
"""


def rootfs() -> Path:
    """What `scripts/rig-whip` made."""
    value = os.environ.get("WHIP_ROOTFS", "")
    if not value or not Path(value).exists():
        pytest.fail("WHIP_ROOTFS names nothing: run ./scripts/test-whip")
    return Path(value)


class Janus:
    """Both processes. Its endpoint is `url`."""

    url = f"http://{ADDRESS}:{WHIP_PORT}/whip/endpoint/front-door"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[asyncio.subprocess.Process] = []

    @property
    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self._folder.glob("*.log")))

    async def start(self, codecs: str = "h264,vp8") -> None:
        config = rootfs() / "tmp" / "janus"
        config.mkdir(exist_ok=True)
        (config / "janus.jcfg").write_text(_JANUS % (ADDRESS, _OTHER_PLUGINS, _OTHER_TRANSPORTS))
        (config / "janus.transport.websockets.jcfg").write_text(_WEBSOCKETS)
        (config / "janus.plugin.videoroom.jcfg").write_text(_ROOM % (ROOM, codecs))
        await self._run("janus", "/usr/bin/janus", "-F", "/tmp/janus", "-o")
        await eventually(self._janus_answers, within=30, what=f"Janus\n{self.log}")
        await self._run("whip", "/usr/bin/node", _WHIP_SERVER, DEBUG="whip:*")
        await eventually(self._creates, within=30, what=f"simple-whip-server\n{self.log}")

    async def _run(self, name: str, *command: str, **environ: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                "chroot", str(rootfs()), *command, stdout=log, stderr=log, env={**os.environ, **environ}
            )
        self._processes.append(process)

    async def _janus_answers(self) -> bool:
        try:
            async with connect(_WEBSOCKET, subprotocols=["janus-protocol"]):  # type: ignore[list-item]
                return True
        except OSError:
            return False

    async def _creates(self) -> bool:
        """An endpoint, made over simple-whip-server's own interface."""
        wanted = {"id": "front-door", "room": ROOM, "token": TOKEN, "label": "Front door"}
        try:
            async with httpx.AsyncClient() as client:
                reply = await client.post(f"http://{ADDRESS}:{WHIP_PORT}/whip/create", json=wanted)
        except httpx.HTTPError:
            return False
        return reply.status_code == 200 or "already exists" in reply.text

    async def stop(self) -> None:
        for process in reversed(self._processes):
            if process.returncode is None:
                await end(process, within=10, what="a process of the rig")
        self._processes.clear()


class Watcher:
    """A subscriber of the one publisher in Janus' room; decodes what it gets."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._session: dict[str, int] = {}
        self._socket: ClientConnection | None = None
        self.tracks: dict[str, MediaStreamTrack] = {}
        self.peer = RTCPeerConnection()
        self._keep_alive: asyncio.Task[None] | None = None

    async def open(self, *, within: float = 40) -> None:
        """Returns when sound and picture are subscribed to."""
        self._socket = await connect(_WEBSOCKET, subprotocols=["janus-protocol"])  # type: ignore[list-item]
        self._session = {"session_id": (await self._ask("create"))["data"]["id"]}
        attached = await self._ask("attach", plugin="janus.plugin.videoroom")
        self._session["handle_id"] = attached["data"]["id"]
        publisher = 0

        async def published() -> bool:
            nonlocal publisher
            there = await self._message(request="listparticipants", room=ROOM)
            publishing = [each["id"] for each in there["participants"] if each["publisher"]]
            publisher = publishing[0] if publishing else 0
            return bool(publishing)

        await eventually(published, within=within, what="a publisher in Janus' room")
        answer = await self._ask(
            "message",
            event=True,
            body={"request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": publisher}]},
        )
        self.peer.on("track", lambda track: self.tracks.__setitem__(track.kind, track))
        await self.peer.setRemoteDescription(RTCSessionDescription(**answer["jsep"]))
        await self.peer.setLocalDescription(await self.peer.createAnswer())
        local = {"type": self.peer.localDescription.type, "sdp": self.peer.localDescription.sdp}
        await self._ask("message", event=True, body={"request": "start"}, jsep=local)

    async def choose_layer(self, layer: int) -> None:
        """Counted from the lowest."""
        mid = next(each.mid for each in self.peer.getTransceivers() if each.kind == "video")
        wanted = {"request": "configure", "streams": [{"mid": mid, "substream": layer}]}
        await self._ask("message", event=True, body=wanted)

    async def _message(self, **body: object) -> dict[str, Any]:
        reply = await self._ask("message", body=body)
        data: dict[str, Any] = reply["plugindata"]["data"]
        return data

    async def _ask(self, janus: str, *, event: bool = False, **fields: object) -> dict[str, Any]:
        """The answer to a request; with `event` the one that comes after the acknowledgement."""
        assert self._socket is not None
        transaction = str(next(self._ids))
        await self._socket.send(
            json.dumps({"janus": janus, "transaction": transaction, **self._session, **fields})
        )
        async with asyncio.timeout(20):
            while True:
                reply: dict[str, Any] = json.loads(await self._socket.recv())
                if reply.get("transaction") != transaction or (event and reply["janus"] == "ack"):
                    continue
                assert reply["janus"] in {"success", "event", "ack"}, reply
                assert "error" not in reply.get("plugindata", {}).get("data", {}), reply
                return reply

    async def close(self) -> None:
        await self.peer.close()
        if self._socket is not None:
            await self._socket.close()
