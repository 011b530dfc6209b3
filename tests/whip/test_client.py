"""Debian's simple-whip-client publishes into the sandbox, and Chromium shows it in the sandbox's page."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page
from rig.viewer import Viewer
from rigging.waiting import end, eventually
from whip_rig.janus import rootfs

from edgemeet.sandbox import SandboxOptions, running_sandbox

ROOM = "abcd-efgh-ijkl"
_SOUND = (
    "audiotestsrc is-live=true freq=440 ! audioconvert ! audioresample ! queue ! opusenc ! "
    "rtpopuspay pt=100 ssrc=1 ! queue ! application/x-rtp,media=audio,encoding-name=OPUS,payload=100"
)
_ENCODERS = {
    "vp8": "vp8enc deadline=1 keyframe-max-dist=60 ! rtpvp8pay pt=96 ssrc=2 ! queue ! "
    "application/x-rtp,media=video,encoding-name=VP8,payload=96",
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60 ! "
    "video/x-h264,profile=constrained-baseline ! rtph264pay pt=96 ssrc=2 config-interval=-1 ! queue ! "
    "application/x-rtp,media=video,encoding-name=H264,payload=96",
}


def _picture(codec: str) -> str:
    source = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=15/1"
    return f"{source} ! videoconvert ! queue ! {_ENCODERS[codec]}"


@pytest.fixture
async def sandbox() -> AsyncIterator[str]:
    async with running_sandbox(SandboxOptions(host="10.78.0.1", port=0, rooms=(ROOM,))) as (_, address):
        yield address.base_url


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_the_page_shows_and_plays_what_the_client_publishes(
    sandbox: str, page: Page, tmp_path: Path, codec: str
) -> None:
    async with httpx.AsyncClient() as client:
        token = (await client.get(f"{sandbox}/get-token")).json()["token"]
    url = f"{sandbox}/v2/whip?roomId={ROOM}&participantId=debian&displayName=Debian"
    command = ("whip-client", "-u", url, "-t", token, "-A", _SOUND, "-V", _picture(codec))
    with (tmp_path / "client.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("chroot", str(rootfs()), *command),
            stdout=log,
            stderr=log,
            env={**os.environ, "HOME": "/tmp"},  # where GStreamer keeps what it knows of its plugins
        )
    try:
        viewer = Viewer(page)
        await viewer.open(sandbox, ROOM)
        await viewer.first_picture("Debian", within=90)  # GStreamer looks at all its plugins first
        await viewer.expect_moving("Debian", counted=False)
        await viewer.expect_tone("Debian")
        process.send_signal(signal.SIGINT)  # as its manual says: it sends the DELETE
        await eventually(lambda: _gone(sandbox), within=15, what="the participant to leave")
    except BaseException:
        print((tmp_path / "client.log").read_text()[-4000:])  # noqa: T201 - told with the failure
        raise
    finally:
        await end(process, within=10, what="whip-client")


async def _gone(sandbox: str) -> bool:
    async with httpx.AsyncClient() as client:
        rooms: list[dict[str, Any]] = (await client.get(f"{sandbox}/sandbox/status")).json()["rooms"]
    return "debian" not in {peer["id"] for room in rooms for peer in room["peers"]}
