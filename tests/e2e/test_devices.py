"""Devices that go away, come back and are switched, as the server and the operator see it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
import os
import signal
import sys
import time
from array import array
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import av
import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from edgemeet.control import Command

ROOM = "abcd-efgh-ijkl"
DEVICE = "front-door"
NO_MICROPHONE = {"EDGEMEET_MEETING__MIC": "false"}
# Seconds from a device's return, or from its child's death, to media at the server. The aim is 3; a test's
# deadline leaves room for a busy machine.
BACK_WITHIN = 8.0


class Arrivals:
    """What the server receives of the device, sampled for as long as the block runs."""

    def __init__(self, sandbox: Any) -> None:
        self._sandbox = sandbox
        self.ids: set[str] = set()

    async def producers(self) -> dict[str, dict[str, Any]]:
        peer = (await self._sandbox.participants()).get(DEVICE)
        found = {p["kind"]: p for p in (peer["producers"] if peer else [])}
        self.ids |= {p["id"] for p in found.values()}
        return found

    async def packets(self, kind: str) -> int:
        producer = (await self.producers()).get(kind)
        return sum(e["packets"] for e in producer["encodings"]) if producer else 0

    async def keyframes(self) -> int:
        return sum(e["keyframes"] for e in (await self.producers())["video"]["encodings"])

    async def expect_flow(self, kind: str, *, per_second: float, within: float) -> float:
        """At least so many packets a second, measured over a third of one; the seconds until then."""
        start = time.monotonic()
        async with asyncio.timeout(within + 10):
            while True:
                before, at = await self.packets(kind), time.monotonic()
                await asyncio.sleep(0.33)
                rate = (await self.packets(kind) - before) / (time.monotonic() - at)
                if rate >= per_second:
                    took = time.monotonic() - start
                    assert took < within, f"{kind} took {took:.2f} s"
                    return took


def write_film(path: Path, *, seconds: int = 1) -> None:
    """Moving grey, 640x360 at 15 fps, put in place whole."""
    part = path.with_suffix(".part")
    with av.open(str(part), "w", format="matroska") as film:
        stream = film.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(15 * seconds):
            frame = av.VideoFrame(640, 360, "yuv420p")
            luma, *chroma = frame.planes
            luma.update(os.urandom(640) * 360)  # the same row again and again: something to encode
            for plane in chroma:
                plane.update(b"\x80" * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 15)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    part.rename(path)


def children(pid: int) -> list[int]:
    """The capture processes of a daemon."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def camera(status: Any) -> Any:
    return next(capture for capture in status.captures if capture.kind == "video")


async def test_a_camera_that_vanishes_keeps_its_producer(
    sandbox: Any, start_device: Any, tmp_path: Path
) -> None:
    film = tmp_path / "film.mkv"
    write_film(film)
    device = await start_device(
        sandbox.url,
        EDGEMEET_CAMERA__SOURCE="file",
        EDGEMEET_CAMERA__DEVICE=str(film),
        EDGEMEET_CAMERA__ENCODER="x264",
        **NO_MICROPHONE,
    )
    arrivals = Arrivals(sandbox)
    await arrivals.expect_flow("video", per_second=15, within=20)

    film.unlink()
    status = await device.expect_problem("device.not_found")
    assert next(h for h in status.health if h.code == "device.not_found").severity == "error"
    await device.expect(lambda s: camera(s).placeholder)
    before = await arrivals.keyframes()
    await asyncio.sleep(3.2)
    assert 2 <= await arrivals.keyframes() - before <= 5
    assert device.log.count("there is no file") == 1

    write_film(film)
    await arrivals.expect_flow("video", per_second=15, within=BACK_WITHIN)
    status = await device.expect(lambda s: not camera(s).placeholder and s.health == ())
    assert len(arrivals.ids) == 1, "one producer throughout"
    assert status.joins == 1
    assert device.log.count("the camera is well again") == 1


async def test_a_frozen_camera_is_covered_and_replaced(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url, **NO_MICROPHONE)
    arrivals = Arrivals(sandbox)
    await arrivals.expect_flow("video", per_second=15, within=20)
    (child,) = children(device.process.pid)
    frozen = time.monotonic()
    os.kill(child, signal.SIGSTOP)
    await device.expect(lambda s: camera(s).placeholder, within=BACK_WITHIN)
    await device.expect(lambda s: camera(s).restarts == 1 and not camera(s).placeholder, within=5)
    await arrivals.expect_flow("video", per_second=15, within=BACK_WITHIN)
    assert time.monotonic() - frozen < BACK_WITHIN + 1.0  # the flow is measured over a third of a second
    assert len(arrivals.ids) == 1
    assert children(device.process.pid) != [child]
    assert (await device.expect(lambda s: s.health == ())).joins == 1


async def test_a_camera_that_is_not_there_at_boot_appears_later(
    sandbox: Any, start_device: Any, tmp_path: Path
) -> None:
    film = tmp_path / "film.mkv"
    device = await start_device(
        sandbox.url, EDGEMEET_CAMERA__SOURCE="file", EDGEMEET_CAMERA__DEVICE=str(film), **NO_MICROPHONE
    )
    await device.expect(lambda s: s.state == "joined" and camera(s).placeholder)
    arrivals = Arrivals(sandbox)
    assert await arrivals.keyframes() > 0
    write_film(film)
    await arrivals.expect_flow("video", per_second=15, within=BACK_WITHIN)
    assert len(arrivals.ids) == 1


def write_tone(path: Path) -> Path:
    second = array("h", (round(8192 * math.sin(2 * math.pi * 440 * n / 48_000)) for n in range(48_000)))
    path.write_bytes(second.tobytes() * 60)
    return path


@pytest.mark.alsa
async def test_a_sound_server_that_dies_and_comes_back(
    sandbox: Any, start_device: Any, pulse: Any, tmp_path: Path
) -> None:
    tone = write_tone(tmp_path / "tone.raw")
    asoundrc = tmp_path / "asound.conf"
    asoundrc.write_text(pulse.asoundrc)
    await asyncio.to_thread(pulse.start, tone)
    device = await start_device(sandbox.url, microphone="alsa", device="mic", ALSA_CONFIG_PATH=str(asoundrc))
    arrivals = Arrivals(sandbox)
    await arrivals.expect_flow("audio", per_second=40, within=20)

    await asyncio.to_thread(pulse.stop)
    await device.expect(lambda s: any(h.code.startswith("device.") for h in s.health))
    before = await arrivals.packets("audio")
    await asyncio.sleep(1)
    assert await arrivals.packets("audio") == before

    await asyncio.to_thread(pulse.start, tone)
    await arrivals.expect_flow("audio", per_second=40, within=BACK_WITHIN)
    await device.expect(lambda s: s.health == ())
    assert len(arrivals.ids) == 2, "one producer of each kind throughout"


class Host:
    """Another participant, with a token that may moderate: a small protoo client."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self._ids = itertools.count(1)

    async def ask(self, method: str, **data: object) -> dict[str, Any]:
        wanted = next(self._ids)
        await self._websocket.send(
            json.dumps({"request": True, "id": wanted, "method": method, "data": data})
        )
        async with asyncio.timeout(10):
            while True:
                message = json.loads(await self._websocket.recv())
                if message.get("request"):
                    answer = {"response": True, "id": message["id"], "ok": True, "data": {}}
                    await self._websocket.send(json.dumps(answer))
                if message.get("response") and message["id"] == wanted:
                    assert message["ok"], message
                    return message.get("data", {})

    async def of_device(self, method: str) -> None:
        await self.ask(method, peerId=DEVICE)


@contextlib.asynccontextmanager
async def host(url: str) -> AsyncIterator[Host]:
    async with httpx.AsyncClient() as client:
        token = (await client.get(f"{url}/get-token")).json()["token"]
    query = urlencode({"roomId": ROOM, "peerId": "host", "secret": token, "mode": "SEND_AND_RECV"})
    address = f"{url.replace('http', 'ws', 1)}/?{query}"
    async with connect(address, subprotocols=["protoo"], proxy=None) as websocket:
        joined = Host(websocket)
        capabilities = await joined.ask("getRouterRtpCapabilities")
        await joined.ask("requestEntry", name="Host")
        await joined.ask(
            "join", secret=token, displayName="Host", rtpCapabilities=capabilities, autoConsume=False
        )
        yield joined


async def test_a_host_turns_off_and_cannot_turn_on(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    assert len(children(device.process.pid)) == 2
    async with host(sandbox.url) as moderator:
        await moderator.of_device("disableWebcam")
        await sandbox.expect_media({"audio"})
        status = await device.expect(lambda s: camera(s).state == "off")
        await device.expect(lambda _: len(children(device.process.pid)) == 1)
        assert camera(status).held_off_by == ("host",)
        await moderator.of_device("enableWebcam")
        await device.expect(lambda _: "meeting.allow_remote_unmute is false" in device.log)
        assert len(children(device.process.pid)) == 1
        await moderator.of_device("disableMic")
        await device.expect(lambda s: s.producers == () and children(device.process.pid) == [])
    await device.tell(Command.CAMERA_ON)
    await device.tell(Command.UNMUTE)
    await sandbox.expect_media()


async def test_a_host_may_turn_on_what_no_operator_turned_off(sandbox: Any, start_device: Any) -> None:
    device = await start_device(
        sandbox.url, EDGEMEET_MEETING__ALLOW_REMOTE_UNMUTE="true", EDGEMEET_MEETING__WEBCAM="false"
    )
    await sandbox.expect_media({"audio"})
    async with host(sandbox.url) as moderator:
        await moderator.of_device("enableWebcam")
        await sandbox.expect_media()
        await moderator.of_device("disableMic")
        await sandbox.expect_media({"video"})
        await moderator.of_device("enableMic")
        await sandbox.expect_media()
        await device.tell(Command.CAMERA_OFF)
        await sandbox.expect_media({"audio"})
        await moderator.of_device("enableWebcam")
        await device.expect(lambda _: "which an operator turned off" in device.log)
        await sandbox.expect_media({"audio"})
        await device.tell(Command.CAMERA_ON)
        await sandbox.expect_media()


async def test_muting_to_silence_keeps_the_producer(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url, EDGEMEET_MICROPHONE__MUTE="silence")
    arrivals = Arrivals(sandbox)
    await arrivals.expect_flow("audio", per_second=40, within=20)
    loud = await bitrate(device)
    assert loud > 10_000
    await device.tell(Command.MUTE)
    status = await device.expect(lambda s: not microphone(s).on)
    assert microphone(status).state == "running"
    await asyncio.sleep(2.5)  # what was sent before leaves the measured seconds
    assert await bitrate(device) < loud / 10
    await arrivals.expect_flow("audio", per_second=2, within=BACK_WITHIN)  # silence is hardly sent
    assert (await device.status()).health == ()
    await device.tell(Command.UNMUTE)
    await device.expect(lambda s: audio(s).bitrate > 10_000)
    assert len(arrivals.ids - {(await arrivals.producers())["video"]["id"]}) == 1


def microphone(status: Any) -> Any:
    return next(capture for capture in status.captures if capture.kind == "audio")


def audio(status: Any) -> Any:
    return next(p for p in status.producers if p.kind == "audio").encodings[0]


async def bitrate(device: Any) -> float:
    measured: float = audio(await device.status()).bitrate
    return measured


async def test_sound_aims_at_what_its_encoder_gives(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url, EDGEMEET_MICROPHONE__BITRATE="24000")
    await sandbox.expect_media()
    status = await device.expect(lambda s: len(s.producers) == 2)
    assert audio(status).target_bitrate == 24_000


async def test_a_snapshot_from_the_command_line(sandbox: Any, start_device: Any, tmp_path: Path) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    picture = tmp_path / "door.jpg"

    async def snapshot() -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edgemeet",
            "snapshot",
            "--socket",
            str(tmp_path / "control.sock"),
            str(picture),
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await process.communicate()
        return process.returncode or 0, told.decode()

    assert await snapshot() == (0, "")
    with av.open(str(picture)) as opened:
        (frame,) = opened.decode(video=0)
        assert (frame.width, frame.height) == (640, 360)
    picture.unlink()
    await device.tell(Command.CAMERA_OFF)
    code, told = await snapshot()
    assert code == 1
    assert "the camera is off, turned off by: operator" in told
    assert not picture.exists()
