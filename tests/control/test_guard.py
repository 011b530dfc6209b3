"""Who may use the control socket, with real sockets and, as root, with real users."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from edgemeet.control import Command, Policy, Reloaded, Status, listening, serve
from edgemeet.control.peers import Peer, peer_of
from edgemeet.errors import ConfigError, ControlError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")

NOBODY = 65534
GROUP = 4242


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        (Peer(1, 0, frozenset({0})), True),
        (Peer(1, 1000, frozenset({1000})), True),
        (Peer(1, 1001, frozenset({1001})), False),
        (Peer(1, 1001, frozenset({50})), True),
        (Peer(1, 1001, frozenset({1001, 50})), True),
        (Peer(1, 1001, frozenset({1001, 0})), False),
        (Peer(1, NOBODY, frozenset()), False),
    ],
)
def test_who_may(peer: Peer, allowed: bool) -> None:
    assert Policy(uid=1000, gid=50).allows(peer) is allowed


def test_an_unknown_group_is_told() -> None:
    with pytest.raises(ControlError) as caught:
        Policy.for_group("no-such-group")
    assert caught.value.code == "control.group"


def test_the_peer_is_who_the_kernel_says() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = peer_of(ours)
    assert (peer.pid, peer.uid) == (os.getpid(), os.geteuid())
    assert peer.groups == {os.getegid(), *os.getgroups()}


def test_who_is_no_unix_peer_is_an_error() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        pytest.raises(OSError, match="not a Unix socket"),
    ):
        peer_of(other)


class SilentDaemon:
    def __init__(self) -> None:
        self.told: list[Command] = []
        self.faulty = False

    def status(self) -> Status:
        raise AssertionError("nobody may read this")

    async def snapshot(self) -> bytes:
        return b"picture"

    def command(self, command: Command) -> None:
        self.told.append(command)

    async def reload(self) -> Reloaded:
        if self.faulty:
            raise ConfigError("camera.width: must be even", code="config.invalid", hint="mend it")
        return Reloaded(applied=("log.level",), needs_restart=("control.group",), rejoins=False)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[SilentDaemon]:
    """Answers on a socket that everybody may open, so that only the guard stands between."""
    recorder = SilentDaemon()
    path = tmp_path / "control.sock"
    with listening(path) as listener:
        path.chmod(0o666)
        for folder in (tmp_path, *tmp_path.parents[:3]):
            if folder.stat().st_uid == os.geteuid() and folder != Path("/tmp"):
                folder.chmod(0o755)
        serving = asyncio.create_task(serve(recorder, listener, Policy(os.geteuid(), GROUP)))
        try:
            yield recorder
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


CLIENT = """
import os, socket, sys
path, uid, gid, groups, request = sys.argv[1:]
os.setgroups([int(g) for g in groups.split(",") if g])
os.setgid(int(gid)); os.setuid(int(uid))
s = socket.socket(socket.AF_UNIX); s.settimeout(30); s.connect(path)
s.sendall(f"{request} HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n".encode())
while data := s.recv(4096): sys.stdout.buffer.write(data)
"""


async def ask_as(path: Path, request: str, *, uid: int, gid: int, groups: str = "") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, str(path), str(uid), str(gid), groups, request, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    head, _, body = out.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


@as_root
async def test_others_read_nothing_and_change_nothing(
    daemon: SilentDaemon, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "edgemeet")
    for request in ("GET /v1/status", "GET /v1/snapshot", "POST /v1/leave", "POST /v1/reload", "GET /v1/no"):
        status, body = await ask_as(tmp_path / "control.sock", request, uid=NOBODY, gid=NOBODY)
        assert status == 403
        assert json.loads(body)["error"]["code"] == "control.forbidden"
    assert daemon.told == []
    refused = [record for record in caplog.records if "may not use" in record.message]
    assert [record.levelno for record in refused] == [logging.WARNING] + [logging.DEBUG] * 4


@as_root
@pytest.mark.parametrize(
    ("gid", "groups"), [(GROUP, ""), (NOBODY, f"{GROUP}"), (NOBODY, f"1,2,3,{GROUP}")], ids=str
)
async def test_members_of_the_group_may(daemon: SilentDaemon, tmp_path: Path, gid: int, groups: str) -> None:
    status, _ = await ask_as(tmp_path / "control.sock", "POST /v1/mute", uid=NOBODY, gid=gid, groups=groups)
    assert status == 202
    assert daemon.told == [Command.MUTE]


async def post(path: Path, request: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path))) as client:
        return await client.post(f"http://edgemeet/v1/{request}")


async def test_what_changes_something_is_written_down_with_the_uid(
    daemon: SilentDaemon, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edgemeet")
    assert (await post(tmp_path / "control.sock", "mute")).status_code == 202
    assert f"uid {os.geteuid()} (pid {os.getpid()}): POST /v1/mute" in caplog.messages


async def test_a_reload_tells_what_came_of_it(daemon: SilentDaemon, tmp_path: Path) -> None:
    answer = await post(tmp_path / "control.sock", "reload")
    assert answer.status_code == 200
    assert Reloaded.model_validate_json(answer.content).needs_restart == ("control.group",)
    daemon.faulty = True
    refused = await post(tmp_path / "control.sock", "reload")
    assert refused.status_code == 409
    assert refused.json()["error"] == {
        "code": "config.invalid",
        "message": "camera.width: must be even",
        "hint": "mend it",
    }
