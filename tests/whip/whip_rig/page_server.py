"""A WHIP server whose answers come from a page in Chromium, which also shows what it gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from playwright.async_api import Page
from rigging.waiting import eventually
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

_PAGE = """<!doctype html><video autoplay playsinline></video><script>
let peer = null;
async function answer(offer) {
  peer?.close();
  peer = new RTCPeerConnection();
  const stream = new MediaStream();
  peer.ontrack = ({track}) => {
    stream.addTrack(track);
    const video = document.querySelector("video");
    video.srcObject = stream;
    if (track.kind === "audio") listen(stream);
  };
  await peer.setRemoteDescription({type: "offer", sdp: offer});
  await peer.setLocalDescription(await peer.createAnswer());
  while (peer.iceGatheringState !== "complete") await new Promise((wake) => setTimeout(wake, 20));
  return peer.localDescription.sdp;
}
let analyser = null;
function listen(stream) {
  const context = new AudioContext({sampleRate: 48000});
  analyser = context.createAnalyser();
  analyser.fftSize = 32768;
  context.createMediaStreamSource(stream).connect(analyser);
  context.resume();
}
function loudest() {
  if (!analyser) return 0;
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  return bins.indexOf(Math.max(...bins)) * 48000 / analyser.fftSize;
}
function picture() {
  const video = document.querySelector("video");
  const canvas = document.createElement("canvas");
  canvas.width = 64; canvas.height = 36;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 64, 36);
  return [video.videoWidth, context.getImageData(0, 0, 64, 36).data.join()];
}
async function decoded() {
  if (!peer) return 0;
  for (const report of (await peer.getStats()).values())
    if (report.type === "inbound-rtp" && report.kind === "video") return report.framesDecoded;
  return 0;
}
</script>"""


class PageServer:
    """Answers one offer after another.

    Attributes:
        offers: as they came.
        deleted: sessions that were given back.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self.offers: list[str] = []
        self.deleted = 0
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PageServer]:
        """Serves on loopback; the page is open."""
        application = Starlette(
            routes=[
                Route("/", self._show, methods=["GET"]),
                Route("/whip", self._take, methods=["POST"]),
                Route("/whip/session", self._delete, methods=["DELETE"]),
            ]
        )
        config = uvicorn.Config(application, port=0, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        try:
            async with asyncio.timeout(20):
                while not server.started:
                    await asyncio.sleep(0.02)
            port = server.servers[0].sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{port}/whip"
            await self._page.goto(f"http://127.0.0.1:{port}/")
            yield self
        finally:
            server.should_exit = True
            await serving

    async def _show(self, request: Request) -> Response:
        return HTMLResponse(_PAGE)

    async def _take(self, request: Request) -> Response:
        offer = (await request.body()).decode()
        self.offers.append(offer)
        answer = await self._page.evaluate("(offer) => answer(offer)", offer)
        headers = {"Location": "/whip/session"}
        return Response(answer, status_code=201, media_type="application/sdp", headers=headers)

    async def _delete(self, request: Request) -> Response:
        self.deleted += 1
        return Response()

    async def expect_moving(self, width: int, *, pictures: int = 20, within: float = 90) -> None:
        """Pictures of this width that change, and a decoder that goes on."""
        seen: list[str] = []

        async def moving() -> bool:
            shown, picture = await self._page.evaluate("picture()")
            if shown == width and picture not in seen:
                seen.append(picture)
            return len(seen) >= pictures

        await eventually(moving, within=within, what=f"{pictures} different pictures, {width} wide")
        assert await self._page.evaluate("decoded()") >= pictures

    async def expect_tone(self, hertz: float = 440.0, *, within: float = 30) -> None:
        """The loudest frequency, twice in a row."""
        heard: list[float] = []

        async def steady() -> bool:
            heard.append(await self._page.evaluate("loudest()"))
            await asyncio.sleep(0.2)
            return len(heard) > 1 and all(abs(each - hertz) < 3 for each in heard[-2:])

        try:
            await eventually(steady, within=within, what=f"a tone of {hertz} Hz")
        except pytest.fail.Exception:
            pytest.fail(f"heard {[round(each) for each in heard[-5:]]}, not {hertz}")
