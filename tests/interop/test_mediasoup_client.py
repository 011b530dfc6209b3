"""mediasoup-client in Chromium: the library that VideoSDK's JavaScript SDK receives with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page
from rig.device import StartDevice
from rig.parts import HERE, part
from rig.results import Row, slowest_switch
from rig.room_server import ROOM, RoomServer
from rig.viewer import Viewer
from rigging.waiting import eventually

pytestmark = pytest.mark.interop

WIDTHS = (320, 640, 1280)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, bundled with what it imports."""
    folder = tmp_path_factory.mktemp("page")
    packages = part("PACKAGES") / "node_modules"
    (esbuild,) = packages.glob("@esbuild/*/bin/esbuild")
    subprocess.run(
        [esbuild, HERE / "page" / "main.js", "--bundle", "--format=esm", f"--outfile={folder / 'page.js'}"],
        env={"NODE_PATH": str(packages)},
        check=True,
        capture_output=True,
    )
    shutil.copy(HERE / "page" / "index.html", folder)
    return folder


async def first_picture(page: Page) -> float:
    """Unix time of it."""
    await page.wait_for_function("() => receiver.firstFrameAt !== null", timeout=40_000, polling=50)
    at: float = await page.evaluate("() => receiver.firstFrameAt")
    return at


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_each_layer_is_decoded(
    codec: str,
    layers: int,
    pages: Path,
    server: RoomServer,
    start_device: StartDevice,
    viewer: Viewer,
    row: Callable[..., Row],
) -> None:
    result = row(receiver="mediasoup-client, Chromium", codec=f"{codec} + opus", layers=layers)
    await server.start(pages=pages)
    page = viewer.page
    await page.goto(f"{server.url}/?room={ROOM}")
    await page.wait_for_function("() => window.receiver?.joined", timeout=15_000)
    device = await start_device(
        server.url, CAMERA__CODEC=codec, CAMERA__FPS="15", MEETING__MULTISTREAM=str(layers > 1).lower()
    )
    result.seconds = await first_picture(page) - device.started_at
    await page.wait_for_function("() => video.videoWidth === 1280", timeout=30_000)
    decoded: int = await page.evaluate("() => receiver.framesDecoded()")

    async def moving() -> bool:
        return bool(await page.evaluate("() => receiver.framesDecoded()") >= decoded + 30)

    await eventually(moving, within=20, what="30 more decoded pictures")
    if layers > 1:
        seconds = [await _switch(page, layer) for layer in (0, 1, 2, 0, 2)]
        result.note = slowest_switch(seconds)


async def _switch(page: Page, layer: int) -> float:
    seconds: float = await page.evaluate(
        "([layer, width]) => receiver.switchTo(layer, width, 10000)", [layer, WIDTHS[layer]]
    )
    return seconds
