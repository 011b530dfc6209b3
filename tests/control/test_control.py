import asyncio
import grp
import json
import os
import socket
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from edgemeet.control import Command, ControlClient, MeetingStatus, Status, TimingStatus, listening, serve
from edgemeet.errors import ControlError, DeviceError, DeviceFailed

STATUS = Status(
    version="1.2.3",
    state="waiting",
    phase=None,
    for_seconds=1.5,
    uptime=60.0,
    next_join_in=2.0,
    joins=1,
    attempts=3,
    meeting=MeetingStatus(id="abcd-efgh-ijkl", participant_id="cam-1", name="Room 7"),
    token=None,
    producers=(),
    captures=(),
    transport=None,
    timing=TimingStatus(process_to_first_media=None, attempt_to_token=None, token_to_first_media=None),
    health=(),
)


class RecordingDaemon:
    def __init__(self) -> None:
        self.told: list[Command] = []
        self.picture: bytes | DeviceError = b"\xff\xd8 a picture"

    async def snapshot(self) -> bytes:
        if isinstance(self.picture, DeviceError):
            raise self.picture
        return self.picture

    def status(self) -> Status:
        return STATUS

    def command(self, command: Command) -> None:
        if command is Command.LEAVE:
            raise RuntimeError("a defect with a secret")
        self.told.append(command)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[RecordingDaemon]:
    recorder = RecordingDaemon()
    with listening(tmp_path / "control.sock") as listener:
        serving = asyncio.create_task(serve(recorder, listener))
        try:
            await wait_until_served(tmp_path / "control.sock")
            yield recorder
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def wait_until_served(path: Path) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await asyncio.to_thread(ControlClient(path).status)
            except ControlError:
                await asyncio.sleep(0.02)
            else:
                return


async def test_status_crosses_whole(daemon: RecordingDaemon, tmp_path: Path) -> None:
    client = ControlClient(tmp_path / "control.sock")
    assert await asyncio.to_thread(client.status) == STATUS


async def test_every_command_arrives(daemon: RecordingDaemon, tmp_path: Path) -> None:
    client = ControlClient(tmp_path / "control.sock")
    commands = [c for c in Command if c is not Command.LEAVE]
    for command in commands:
        await asyncio.to_thread(client.send, command)
    assert daemon.told == commands


async def test_curl_is_a_client(daemon: RecordingDaemon, tmp_path: Path) -> None:
    curl = await asyncio.create_subprocess_exec(
        "curl",
        "-sS",
        "--fail",
        "--unix-socket",
        str(tmp_path / "control.sock"),
        "http://edgemeet/v1/status",
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await curl.communicate()
    assert curl.returncode == 0
    assert json.loads(out)["schema_version"] == 1


@pytest.mark.parametrize(
    ("method", "path", "code", "status_code"),
    [
        ("GET", "/v1/nothing", "control.unknown_path", 404),
        ("GET", "/", "control.unknown_path", 404),
        ("GET", "/v1/rejoin", "control.wrong_method", 405),
        ("POST", "/v1/status", "control.wrong_method", 405),
        ("POST", "/v1/snapshot", "control.wrong_method", 405),
        ("DELETE", "/v1/status", "control.wrong_method", 405),
    ],
)
async def test_what_it_does_not_answer_it_says_plainly(
    daemon: RecordingDaemon, tmp_path: Path, method: str, path: str, code: str, status_code: int
) -> None:
    transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "control.sock"))
    async with httpx.AsyncClient(transport=transport) as client:
        response = await client.request(method, f"http://edgemeet{path}")
    assert response.status_code == status_code
    assert response.json()["error"]["code"] == code


async def test_a_snapshot_crosses_whole(daemon: RecordingDaemon, tmp_path: Path) -> None:
    daemon.picture = bytes(range(256)) * 4096
    assert await asyncio.to_thread(ControlClient(tmp_path / "control.sock").snapshot) == daemon.picture
    transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "control.sock"))
    async with httpx.AsyncClient(transport=transport) as client:
        response = await client.get("http://edgemeet/v1/snapshot")
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("code", "status_code"),
    [("snapshot.camera_off", 404), ("snapshot.camera_lost", 503), ("snapshot.timeout", 503)],
)
async def test_why_there_is_no_snapshot(
    daemon: RecordingDaemon, tmp_path: Path, code: str, status_code: int
) -> None:
    daemon.picture = DeviceFailed("no picture today", code=code, hint="try tomorrow")
    with pytest.raises(ControlError, match="no picture today") as caught:
        await asyncio.to_thread(ControlClient(tmp_path / "control.sock").snapshot)
    assert (caught.value.code, caught.value.hint) == (code, "try tomorrow")
    transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "control.sock"))
    async with httpx.AsyncClient(transport=transport) as client:
        response = await client.get("http://edgemeet/v1/snapshot")
    assert response.status_code == status_code
    assert response.json()["error"]["code"] == code


async def test_a_defect_is_told_without_its_details(daemon: RecordingDaemon, tmp_path: Path) -> None:
    client = ControlClient(tmp_path / "control.sock")
    with pytest.raises(ControlError) as caught:
        await asyncio.to_thread(client.send, Command.LEAVE)
    assert caught.value.code == "control.failed"
    assert "secret" not in str(caught.value)


async def test_others_may_not_connect(daemon: RecordingDaemon, tmp_path: Path) -> None:
    mode = (tmp_path / "control.sock").stat().st_mode
    assert stat.S_IMODE(mode) == 0o660


def test_a_living_socket_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with listening(path), pytest.raises(ControlError) as caught, listening(path):
        pass
    assert caught.value.code == "control.in_use"


def test_a_stale_socket_is_replaced_and_the_file_is_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    assert path.exists()
    with listening(path):
        assert path.exists()
    assert not path.exists()


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    with pytest.raises(ControlError) as caught, listening(path):
        pass
    assert caught.value.code == "control.path_taken"
    assert path.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ControlError) as caught, listening(tmp_path / "file" / "control.sock"):
        pass
    assert caught.value.code == "control.unwritable"
    assert caught.value.hint


def test_the_socket_belongs_to_the_group_that_may_use_it(tmp_path: Path) -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    with listening(tmp_path / "control.sock", group):
        assert (tmp_path / "control.sock").stat().st_gid == os.getgid()


def test_an_unknown_group_leaves_no_socket_behind(tmp_path: Path) -> None:
    with pytest.raises(ControlError) as caught, listening(tmp_path / "control.sock", "no-such-group"):
        pass
    assert caught.value.code == "control.group"
    assert not (tmp_path / "control.sock").exists()


def test_no_daemon_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ControlError) as caught:
        ControlClient(tmp_path / "control.sock").status()
    assert caught.value.code == "control.not_running"


def test_another_program_on_the_socket_is_told_as_such(tmp_path: Path) -> None:
    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 418 I'm a teapot\r\ncontent-length: 2\r\n\r\nhi")

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        answering = threading.Thread(target=answer, args=(server,))
        answering.start()
        with pytest.raises(ControlError) as caught:
            ControlClient(tmp_path / "control.sock").status()
        answering.join()
    assert caught.value.code == "control.foreign"


async def test_who_says_half_a_word_is_hung_up_on(
    daemon: RecordingDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than the server takes connections; with and without a whole request before."""
    monkeypatch.setattr("edgemeet.control.guard.REQUEST_DEADLINE", 0.5)
    path = str(tmp_path / "control.sock")
    connections = [await asyncio.open_unix_connection(path) for _ in range(40)]
    try:
        for number, (_, writer) in enumerate(connections):
            writer.write(b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n" * (number % 2) + b"GET /v1/sta")
        for reader, _ in connections:
            await asyncio.wait_for(reader.read(), 20)
    finally:
        for _, writer in connections:
            writer.close()
    transport = httpx.AsyncHTTPTransport(uds=path)
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.get("http://edgemeet/v1/status")).status_code == 200
