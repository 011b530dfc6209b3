"""GStreamer: its webrtcbin as Debian's simple-whip-client runs it, in the rootfs of `scripts/rig-whip`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
from rig.room_server import ROOM

from edgemeet.media.encoders.x264 import GOP_SECONDS
from measuring import picture
from measuring.machine import Version
from measuring.parts import ROOT
from measuring.prepared import Material
from measuring.room import Room
from measuring.senders import Sending
from measuring.wire import HERE

_PARTICIPANT: Final = "gstreamer"
_START: Final = 60.0  # seconds; GStreamer looks at all its plugins first
_TO_END: Final = 10.0
_PACKAGES: Final = ("gstreamer1.0-plugins-bad", "libx264-164", "simple-whip-client")
# The mounts are private to the process and end with it.
_ENTER: Final = """
root=$1; pictures=$2; shift 2
./scripts/mount-whip "$root"
mkdir "$root/tmp/pictures"
mount --bind "$pictures" "$root/tmp/pictures"
exec chroot "$root" env -i PATH=/usr/bin:/bin HOME=/tmp whip-client "$@"
"""
# Each picture is a file in memory that is read once. The encoder has edgemeet's settings, see
# edgemeet/media/encoders/x264.py: constant bitrate, a buffer of a quarter of a second, one thread.
_SOURCE: Final = (
    f"multifilesrc location=/tmp/pictures/%02d.yuv start-index=0 stop-index={picture.PICTURES - 1} loop=true",
    f"rawvideoparse format=i420 width={picture.WIDTH} height={picture.HEIGHT} framerate={picture.FPS}/1",
    "clocksync",
)
_ENCODER: Final = (
    "x264enc speed-preset=ultrafast tune=zerolatency threads=1 bframes=0 aud=false option-string=deblock=0,0 "
    f"key-int-max={GOP_SECONDS * picture.FPS} bitrate={picture.BITRATE // 1000} vbv-buf-capacity=250",
    "video/x-h264,profile=constrained-baseline",
)
_PACKETS: Final = (
    "rtph264pay pt=96 ssrc=2 config-interval=-1",
    "queue",
    "application/x-rtp,media=video,encoding-name=H264,payload=96,"
    "packetization-mode=(string)1,profile-level-id=(string)42c01f",  # it offers before it has encoded
)


@contextlib.asynccontextmanager
async def gstreamer(room: Room, material: Material) -> AsyncIterator[Sending]:
    """The client in a process of its own, publishing over WHIP into a room that is wired.

    Its ICE (libnice) binds each socket to an interface, and takes none that is loopback.

    Raises:
        RuntimeError: its rootfs is missing, or the client did not come to publish; says what it said last.
    """
    rootfs = _rootfs()
    assert room.cable is not None
    with tempfile.TemporaryDirectory(prefix="pictures-", dir=material.raw.parent) as folder:
        _split(material.raw, Path(folder))
        async with httpx.AsyncClient(trust_env=False) as client:
            token = (await client.get(f"{room.server.url}/get-token")).json()["token"]
        url = f"http://{HERE}:{room.server.port}/v2/whip?roomId={ROOM}&participantId={_PARTICIPANT}"
        command = room.cable.inside(
            *("unshare", "--mount", "--propagation", "private", "bash", "-euc", _ENTER, "gstreamer"),
            *(str(rootfs), folder, "--no-trickle", "--disable-colors"),
            *("--url", url, "--token", token, "--video", " ! ".join((*_SOURCE, *_ENCODER, *_PACKETS))),
        )
        log = room.folder / "gstreamer.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(*command, stdout=file, stderr=file, cwd=ROOT)
        try:
            await _published(room, process, log)
            yield Sending(process.pid, _PARTICIPANT)
        finally:
            await _end(process)


def versions() -> tuple[Version, ...]:
    """Debian's, of what sends; none without the rootfs."""
    with contextlib.suppress(RuntimeError, subprocess.SubprocessError):
        asked = ("chroot", str(_rootfs()), "dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *_PACKAGES)
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=20)
        told = (line.split() for line in done.stdout.splitlines())
        return tuple(Version(name=name, version=version) for name, version in told)
    return ()


def _rootfs() -> Path:
    value = os.environ.get("WHIP_ROOTFS", "")
    if not value or not Path(value).is_dir():
        raise RuntimeError("there is no rootfs with GStreamer: run ./scripts/rig-whip")
    return Path(value)


def _split(raw: Path, folder: Path) -> None:
    with raw.open("rb") as source:
        for number in range(picture.PICTURES):
            (folder / f"{number:02}.yuv").write_bytes(source.read(picture.FRAME_BYTES))


async def _published(room: Room, process: asyncio.subprocess.Process, log: Path) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START):
            while process.returncode is None:
                if "video" in await room.server.producers(_PARTICIPANT):
                    return
                await asyncio.sleep(0.2)
    text = await asyncio.to_thread(log.read_text, errors="replace")
    said = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in said if "[ERR]" in line] or said[-1:] or ["it said nothing"]
    raise RuntimeError(f"whip-client did not publish: {told[0]}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """As its manual says; it tells the server then."""
    for how in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _TO_END)
            return
