"""The viewer's pure modules, run where they will run: in Chromium, each from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, Route

from edgemeet.media import counter

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

VIEWER = Path(__file__).parents[2] / "edgemeet" / "sandbox" / "viewer"
ORIGIN = "http://viewer.test"  # never resolved: every request is answered below

OPUS = {
    "kind": "audio",
    "mimeType": "audio/opus",
    "preferredPayloadType": 100,
    "clockRate": 48000,
    "channels": 2,
}
H264 = {
    "kind": "video",
    "mimeType": "video/H264",
    "preferredPayloadType": 103,
    "clockRate": 90000,
    "parameters": {"packetization-mode": 1, "profile-level-id": "42e01f", "level-asymmetry-allowed": 1},
}
TRANSPORT = {
    "id": "transport",
    "iceParameters": {"usernameFragment": "fragment", "password": "a-password-of-22-signs", "iceLite": True},
    "iceCandidates": [
        {
            "foundation": "f",
            "priority": 1,
            "ip": "127.0.0.1",
            "protocol": "udp",
            "port": 40000,
            "type": "host",
        }
    ],
    "dtlsParameters": {
        "role": "auto",
        "fingerprints": [{"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}],
    },
}


def rtx(payload_type: int, apt: int) -> dict[str, Any]:
    return {
        "kind": "video",
        "mimeType": "video/rtx",
        "preferredPayloadType": payload_type,
        "clockRate": 90000,
        "parameters": {"apt": apt},
    }


def in_use(*codecs: dict[str, Any], ssrc: int, rtx_ssrc: int | None = None) -> dict[str, Any]:
    """The rtpParameters of a consumer."""
    encoding: dict[str, Any] = {"ssrc": ssrc}
    if rtx_ssrc is not None:
        encoding["rtx"] = {"ssrc": rtx_ssrc}
    return {
        "codecs": [{**codec, "payloadType": codec["preferredPayloadType"]} for codec in codecs],
        "headerExtensions": [{"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 1}],
        "encodings": [encoding],
        "rtcp": {"cname": "the-cname"},
    }


@pytest_asyncio.fixture(loop_scope="module")
async def modules(page: Page) -> Page:
    """A page of the same origin as the viewer's modules."""

    async def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name.endswith(".js"):
            await route.fulfill(path=VIEWER / name, content_type="text/javascript")
        else:
            await route.fulfill(body="<!doctype html><link rel=icon href=data:,>", content_type="text/html")

    await page.route("**/*", answer)
    await page.goto(ORIGIN)
    return page


async def test_capabilities_are_the_routers_that_a_browser_can_receive(modules: Page) -> None:
    other_profile = {**H264, "preferredPayloadType": 105, "parameters": {"profile-level-id": "640c34"}}
    unknown = {**H264, "mimeType": "video/H999", "preferredPayloadType": 107, "parameters": {}}
    extension = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    router = {
        "codecs": [OPUS, H264, rtx(104, 103), other_profile, rtx(106, 105), unknown, rtx(108, 107)],
        "headerExtensions": [
            {"kind": "video", "uri": extension, "preferredId": 4},
            {"kind": "video", "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "preferredId": 1},
            {"kind": "video", "uri": "urn:nobody:knows", "preferredId": 9},
        ],
    }
    chosen = await modules.evaluate(
        "async (router) => (await import('/capabilities.js')).receiveCapabilities(router)", router
    )
    assert [codec["preferredPayloadType"] for codec in chosen["codecs"]] == [100, 103, 104]
    assert [each["uri"] for each in chosen["headerExtensions"]] == [extension]


async def test_the_browser_takes_the_offer_and_its_changes(modules: Page) -> None:
    video: dict[str, Any] = {"mid": "0", "kind": "video", "streamId": "cam", "trackId": "v"}
    video["rtpParameters"] = in_use(H264, rtx(104, 103), ssrc=1111, rtx_ssrc=2222)
    audio: dict[str, Any] = {"mid": "1", "kind": "audio", "streamId": "cam", "trackId": "a"}
    audio["rtpParameters"] = in_use(OPUS, ssrc=3333)
    steps = [
        [{**video, "active": True}],
        [{**video, "active": True}, {**audio, "active": True}],
        [{**video, "active": False}, {**audio, "active": True}],
        [{**video, "active": True}, {**audio, "active": True}],
    ]
    seen = await modules.evaluate(
        """async ({transport, steps}) => {
            const {buildOffer, dtlsParametersOf} = await import("/sdp.js");
            const connection = new RTCPeerConnection();
            const seen = [];
            for (const [index, sections] of steps.entries()) {
                const sdp = buildOffer(transport, sections, index + 1);
                await connection.setRemoteDescription({type: "offer", sdp});
                const answer = await connection.createAnswer();
                await connection.setLocalDescription(answer);
                const directions = connection.getTransceivers().map((each) => each.currentDirection);
                seen.push({sdp, directions, dtls: dtlsParametersOf(answer.sdp)});
            }
            connection.close();
            return seen;
        }""",
        {"transport": TRANSPORT, "steps": steps},
    )
    assert [step["directions"] for step in seen] == [
        ["recvonly"],
        ["recvonly", "recvonly"],
        ["inactive", "recvonly"],
        ["recvonly", "recvonly"],
    ]
    assert {step["dtls"]["role"] for step in seen} == {"client"}
    assert all(step["dtls"]["fingerprints"][0]["algorithm"] == "sha-256" for step in seen)
    lines = seen[1]["sdp"].split("\r\n")
    assert "a=ssrc-group:FID 1111 2222" in lines
    assert "a=ssrc:3333 cname:the-cname" in lines
    assert "a=candidate:f 1 udp 1 127.0.0.1 40000 typ host" in lines
    assert not any("sdes:mid" in line for line in lines)


@pytest.mark.parametrize("number", [0, 1, 0xA5F00F, counter.MODULUS - 1])
async def test_the_counter_is_read_as_the_camera_draws_it(modules: Page, number: int) -> None:
    blocks = list(counter.bits(number))
    read = await modules.evaluate(
        "async (blocks) => (await import('/counter.js')).decodeCounter((index) => blocks[index])", blocks
    )
    assert read == number


async def test_no_counter_where_the_sync_blocks_are_wrong(modules: Page) -> None:
    read = await modules.evaluate(
        "async () => (await import('/counter.js')).decodeCounter(() => true)",
    )
    assert read is None


async def test_figures_are_rates_of_the_last_seconds(modules: Page) -> None:
    figures = await modules.evaluate(
        """async () => {
            const {ReceiverMeter} = await import("/stats.js");
            const report = {type: "inbound-rtp", codecId: "c", frameWidth: 640, frameHeight: 360};
            let now = 0;
            const receiver = {getStats: async () => new Map([
                ["i", {...report, timestamp: now, ...receiver.state}],
                ["c", {type: "codec", mimeType: "video/H264"}],
            ])};
            const meter = new ReceiverMeter(receiver, () => now);
            const seen = [];
            for (const state of [
                {bytesReceived: 0, packetsReceived: 0, packetsLost: 0, framesDecoded: 1},
                {bytesReceived: 125000, packetsReceived: 90, packetsLost: 10, framesDecoded: 31},
                {bytesReceived: 125000, packetsReceived: 90, packetsLost: 10, framesDecoded: 31},
                {bytesReceived: 1000, packetsReceived: 5, packetsLost: 0, framesDecoded: 1},
            ]) {
                receiver.state = state;
                seen.push(await meter.sample());
                now += seen.length === 2 ? 4000 : 1000;
            }
            return seen;
        }"""
    )
    assert [figure["codec"] for figure in figures] == ["H.264"] * 4
    assert figures[1]["bitrate"] == pytest.approx(1_000_000)
    assert figures[1]["loss"] == pytest.approx(0.1)
    assert [figure["stalled"] for figure in figures] == [False, False, True, False]
    assert figures[3]["bitrate"] == 0  # another consumer began; its sums are no rate yet
    assert figures[3]["loss"] == 0


async def test_backoff_grows_to_two_seconds_and_is_spread(modules: Page) -> None:
    low, high = await modules.evaluate(
        """async () => {
            const {backoff} = await import("/backoff.js");
            const first = (random) => { const waits = backoff(random);
                return Array.from({length: 6}, () => waits.next().value); };
            return [first(() => 0), first(() => 1)];
        }"""
    )
    assert low == pytest.approx([200, 400, 800, 1600, 1600, 1600])
    assert high == pytest.approx([300, 600, 1200, 2400, 2400, 2400])


async def test_the_page_without_a_meeting_asks_for_one(page: Page) -> None:
    async def answer(route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
        if path == "/":
            await route.fulfill(path=VIEWER / "index.html", content_type="text/html")
        elif path == "/sandbox/status":
            await route.fulfill(json={"rooms": []})
        elif path.startswith("/viewer/"):
            await route.fulfill(path=VIEWER / path.removeprefix("/viewer/"))
        else:
            await route.fulfill(status=404, json={})

    await page.route("**/*", answer)
    await page.goto(ORIGIN)
    await page.get_by_label("Meeting id").wait_for()
    assert await page.locator("#sound").is_hidden()
