"""The private names of aiortc that the sandbox relies on."""

from __future__ import annotations

import asyncio

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport

from edgemeet.sandbox.sfu.aiortc_private import PRIVATE_NAMES, Dtls


class Pipe:
    """A datagram path in memory."""

    role = "controlled"
    state = "completed"

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.other: Pipe

    async def _recv(self) -> bytes:
        data = await self.queue.get()
        if data is None:
            raise ConnectionError
        return data

    async def _send(self, data: bytes) -> None:
        self.other.queue.put_nowait(data)


def test_the_names_are_there() -> None:
    transport = RTCDtlsTransport(Pipe(), [RTCCertificate.generateCertificate()])
    for name in PRIVATE_NAMES:
        assert hasattr(transport, name), name


async def test_two_ends_shake_hands_and_protect() -> None:
    one, two = Pipe(), Pipe()
    one.other, two.other = two, one
    certificate = RTCCertificate.generateCertificate()
    server, client = Dtls(one, certificate), Dtls(two, certificate)
    rtp = b"\x80\x60" + bytes(range(30))
    assert server.protect(rtp, rtcp=False) is None
    assert server.unprotect(rtp, rtcp=False) is None
    async with asyncio.timeout(10):
        await asyncio.gather(
            server.start("server", certificate.getFingerprints()),
            client.start("client", certificate.getFingerprints()),
        )
    assert server.connected
    assert client.connected
    protected = server.protect(rtp, rtcp=False)
    assert protected != rtp
    assert client.unprotect(protected, rtcp=False) == rtp
    assert client.unprotect(protected[:-1] + b"\0", rtcp=False) is None
    assert client.unprotect(bytes(4000), rtcp=False) is None
    assert server.protect(bytes(4000), rtcp=False) is None
    rtcp = b"\x80\xc9\x00\x01\x00\x00\x00\x01"
    assert client.unprotect(server.protect(rtcp, rtcp=True), rtcp=True) == rtcp
    await client.stop()
    await server.stop()
    assert not server.connected


async def test_a_foreign_certificate_fails() -> None:
    one, two = Pipe(), Pipe()
    one.other, two.other = two, one
    own, foreign = RTCCertificate.generateCertificate(), RTCCertificate.generateCertificate()
    server, client = Dtls(one, own), Dtls(two, own)
    async with asyncio.timeout(10):
        await asyncio.gather(
            server.start("server", foreign.getFingerprints()),
            client.start("client", own.getFingerprints()),
        )
    assert server.state == "failed"
    assert not server.connected
    one.queue.put_nowait(None)
    two.queue.put_nowait(None)
    await client.stop()
    await server.stop()


async def test_a_client_that_wants_data_channels_gets_its_association() -> None:
    """The vendor's Python SDK opens two, and does not join without them."""
    one, two = Pipe(), Pipe()
    one.other, two.other = two, one
    certificate = RTCCertificate.generateCertificate()
    server, client = Dtls(one, certificate, data=True), Dtls(two, certificate, data=True)
    async with asyncio.timeout(10):
        await asyncio.gather(
            server.start("server", certificate.getFingerprints()),
            client.start("client", certificate.getFingerprints()),
        )
        while (server.data_state, client.data_state) != ("connected", "connected"):
            await asyncio.sleep(0.01)
    await client.stop()
    await server.stop()
    assert server.data_state == "closed"
    assert Dtls(one, certificate).data_state is None
