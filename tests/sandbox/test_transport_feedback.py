"""The device's own transport on the sandbox's router: which bandwidth feedback comes of it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from aiortc import RTCCertificate

from edgemeet.encoded import AccessUnit, VideoEncoding
from edgemeet.ortc.capabilities import send_parameters
from edgemeet.ortc.header_extensions import TRANSPORT_WIDE_CC
from edgemeet.ortc.parameters import RtpCapabilities
from edgemeet.rtc import Sender, SendTransport
from edgemeet.sandbox.sfu.router import Addresses, Router
from edgemeet.sandbox.sfu.transport import Faults

KEY = b"\0\0\1\x65" + b"\xaa" * 3000
DELTA = b"\0\0\1\x41" + b"\xaa" * 900
LAYER = VideoEncoding(width=640, height=360, fps=30, max_bitrate=400_000)


@dataclass
class Meeting:
    router: Router
    transport: SendTransport
    sender: Sender

    async def film(self, seconds: float) -> None:
        """Thirty pictures a second; the router asks and tells as often as the sandbox lets it."""
        until = time.monotonic() + seconds
        key, reported = True, 0.0
        while (now := time.monotonic()) < until:
            self.sender.send(AccessUnit(0, now, key, KEY if key else DELTA))
            key = False
            self.router.tick(now)
            if now - reported >= 0.5:
                reported = now
                self.router.report(now)
            await asyncio.sleep(1 / 30)


def without_transport_feedback(offered: RtpCapabilities) -> RtpCapabilities:
    return offered.model_copy(
        update={"header_extensions": [e for e in offered.header_extensions if e.uri != TRANSPORT_WIDE_CC]}
    )


@pytest.fixture
async def meeting(request: pytest.FixtureRequest) -> AsyncIterator[Meeting]:
    """With `request.param` False the device does not know transport-wide congestion control."""
    router = Router(
        certificate=RTCCertificate.generateCertificate(),
        addresses=Addresses(("127.0.0.1",)),
        faults=Faults(random=random.Random(3)),
    )
    server, options = await router.create_transport(producing=True)
    offered = router.capabilities if request.param else without_transport_feedback(router.capabilities)
    parameters = send_parameters(
        offered, "video", codec="h264", encodings=(LAYER,), random=random.Random(7), cname="a", mid="0"
    )
    async with AsyncExitStack() as cleanup:
        cleanup.push_async_callback(router.close_transport, server)
        transport = SendTransport(options, ice_servers=())
        cleanup.push_async_callback(transport.close)
        server.connect(transport.dtls_parameters)
        await transport.connect(timeout=20)
        producer = router.produce(
            server,
            peer_id="device",
            kind="video",
            parameters=parameters,
            app_data={},
            on_first_packet=lambda *_: None,
        )
        sender = Sender(
            transport, parameters, "video", request_keyframe=lambda _: None, set_bitrate=lambda *_: None
        )
        yield Meeting(router, transport, sender)
        await sender.stop()
        router.close_producer(producer)


async def until(meeting: Meeting, kind: str) -> None:
    async with asyncio.timeout(30):
        while meeting.transport.stats().bandwidth_feedback != kind:
            await meeting.film(0.5)


@pytest.mark.parametrize("meeting", [True], indirect=True)
async def test_packets_are_numbered_and_told_of(meeting: Meeting) -> None:
    await until(meeting, "transport-cc")
    stats = meeting.transport.stats()
    assert stats.told_bitrate is None  # as mediasoup: no REMB beside it
    assert stats.malformed == 0


@pytest.mark.parametrize("meeting", [False], indirect=True)
async def test_without_the_extension_an_estimate_is_told(meeting: Meeting) -> None:
    await until(meeting, "goog-remb")
    assert meeting.transport.stats().told_bitrate


@pytest.mark.parametrize("meeting", [True], indirect=True)
async def test_a_limit_is_told_and_kept_beside_it(meeting: Meeting) -> None:
    await until(meeting, "transport-cc")
    meeting.router._max_bitrate = lambda: 250_000
    async with asyncio.timeout(30):
        while meeting.transport.stats().available_bitrate > 251_000:
            await meeting.film(0.5)
    assert meeting.transport.stats().bandwidth_feedback == "transport-cc"
    assert meeting.sender.target_bitrate < 251_000
