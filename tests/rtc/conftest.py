"""The other side of a transport, made of aiortc's own parts, and encoders that make something to send."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from fractions import Fraction

import av
import pytest
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
    RTCRtpHeaderExtensionParameters,
    RTCRtpParameters,
)
from aiortc.rtp import AnyRtcpPacket, HeaderExtensionsMap, RtcpPacket, RtpPacket

from edgemeet.encoded import AccessUnit, VideoCodec, VideoEncoding
from edgemeet.ortc.capabilities import send_parameters
from edgemeet.ortc.consuming import router_capabilities
from edgemeet.ortc.parameters import (
    DtlsFingerprint,
    DtlsParameters,
    IceCandidate,
    IceParameters,
    RtpParameters,
    WebRtcTransportOptions,
)
from edgemeet.rtc import Sender, SendTransport
from edgemeet.rtc.aiortc_private import add_host_candidates
from edgemeet.rtc.feedback import Feedback
from edgemeet.rtc.media_clock import MediaClock
from edgemeet.rtc.pacer import Pacer
from edgemeet.rtc.transport_cc import SentPackets

LAYERS = (
    VideoEncoding(width=320, height=180, fps=15, max_bitrate=150_000, scale=4),
    VideoEncoding(width=640, height=360, fps=20, max_bitrate=400_000, scale=2),
    VideoEncoding(width=1280, height=720, fps=30, max_bitrate=1_500_000),
)


class RawDtls(RTCDtlsTransport):
    """Keeps what it receives, undecoded."""

    def __init__(self, ice: RTCIceTransport, certificates: list[RTCCertificate]) -> None:
        super().__init__(ice, certificates)
        self.on_rtp: Callable[[bytes], None] = lambda _: None
        self.on_rtcp: Callable[[bytes], None] = lambda _: None

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        self.on_rtp(data)

    async def _handle_rtcp_data(self, data: bytes) -> None:
        self.on_rtcp(data)


@dataclass
class Peer:
    """A media server of one transport: answers ICE and DTLS, keeps packets, sends feedback."""

    gatherer: RTCIceGatherer
    ice: RTCIceTransport
    dtls: RawDtls
    packets: list[RtpPacket] = field(default_factory=list)
    reports: list[AnyRtcpPacket] = field(default_factory=list)
    lose: Callable[[RtpPacket], bool] = lambda _: False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def open(cls) -> Peer:
        gatherer = RTCIceGatherer(iceServers=[])
        await add_host_candidates(gatherer, ["127.0.0.1"])
        ice = RTCIceTransport(gatherer)
        peer = cls(gatherer, ice, RawDtls(ice, [RTCCertificate.generateCertificate()]))
        names = HeaderExtensionsMap()
        names.configure(
            RTCRtpParameters(
                headerExtensions=[
                    RTCRtpHeaderExtensionParameters(id=e.preferred_id, uri=e.uri)
                    for e in router_capabilities().header_extensions
                ]
            )
        )

        def on_rtp(data: bytes) -> None:
            packet = RtpPacket.parse(data, names)
            if not peer.lose(packet):
                peer.packets.append(packet)
            peer.arrived.set()

        def on_rtcp(data: bytes) -> None:
            peer.reports += RtcpPacket.parse(data)
            peer.arrived.set()

        peer.dtls.on_rtp, peer.dtls.on_rtcp = on_rtp, on_rtcp
        return peer

    def options(self, role: str = "auto") -> WebRtcTransportOptions:
        """The answer to createWebRtcTransport."""
        local = self.gatherer.getLocalParameters()
        assert local.usernameFragment
        assert local.password
        return WebRtcTransportOptions(
            id="transport",
            ice_parameters=IceParameters(username_fragment=local.usernameFragment, password=local.password),
            ice_candidates=tuple(
                IceCandidate(
                    foundation=c.foundation, priority=c.priority, ip=c.ip, protocol="udp", port=c.port
                )
                for c in self.gatherer.getLocalCandidates()
            ),
            dtls_parameters=DtlsParameters(
                role=role,
                fingerprints=tuple(
                    DtlsFingerprint(algorithm=f.algorithm, value=f.value)
                    for f in self.dtls.getLocalParameters().fingerprints
                ),
            ),
        )

    async def answer(self, transport: SendTransport, *, fingerprint: str | None = None) -> None:
        """Take part in ICE and DTLS, as a server told of the client's parameters does."""
        local = transport._ice._gatherer.getLocalParameters()
        await self.ice.start(
            RTCIceParameters(usernameFragment=local.usernameFragment, password=local.password)
        )
        theirs = transport.dtls_parameters
        self.dtls._set_role("server" if theirs.role == "client" else "client")
        await self.dtls.start(
            RTCDtlsParameters(
                fingerprints=[
                    RTCDtlsFingerprint(f.algorithm, fingerprint or f.value) for f in theirs.fingerprints
                ]
            )
        )

    async def feed_back(self, packet: object) -> None:
        """Send an RTCP packet of aiortc's."""
        await self.dtls._send_rtp(bytes(packet))  # type: ignore[call-overload]  # every packet has __bytes__

    async def until(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Wait for something to have arrived."""
        async with asyncio.timeout(timeout):
            while not condition():
                self.arrived.clear()
                await self.arrived.wait()

    async def close(self) -> None:
        task = self.dtls._task
        await self.dtls.stop()
        if task is not None:
            await asyncio.wait({task})
        await self.ice.stop()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = await Peer.open()
    yield peer
    await peer.close()


@pytest.fixture
async def transport(peer: Peer) -> AsyncIterator[SendTransport]:
    """Connected to `peer`."""
    transport = SendTransport(peer.options(), ice_servers=())
    async with AsyncExitStack() as cleanup:
        cleanup.push_async_callback(transport.close)
        async with asyncio.TaskGroup() as group:
            group.create_task(peer.answer(transport))
            group.create_task(transport.connect(timeout=10))
        yield transport


@pytest.fixture
def parameters() -> Callable[..., RtpParameters]:
    """Makes parameters as produced at the sandbox's router; no codec for audio."""
    return _parameters


def _parameters(codec: VideoCodec | None, layers: int = 1) -> RtpParameters:
    return send_parameters(
        router_capabilities(),
        "video" if codec else "audio",
        codec=codec,
        encodings=LAYERS[-layers:],
        random=random.Random(7),
        cname="device",
        mid="video" if codec else "audio",
    )


@dataclass
class Encoder:
    """Encodes a moving pattern; every picture differs from the one before."""

    codec: VideoCodec
    width: int = 320
    height: int = 180
    keyframe_wanted: bool = False
    count: int = 0

    def __post_init__(self) -> None:
        context = av.CodecContext.create("libx264" if self.codec == "h264" else "libvpx", "w")
        assert isinstance(context, av.VideoCodecContext)
        context.width, context.height, context.pix_fmt = self.width, self.height, "yuv420p"
        context.time_base = Fraction(1, 30)
        context.bit_rate = 800_000
        if self.codec == "h264":
            context.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "9999"}
            context.profile = "Baseline"
        else:
            context.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "g": "9999"}
        self.context = context

    def next(self, captured: float, layer: int = 0) -> AccessUnit:
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        luma, *chroma = frame.planes
        ramp = bytes(range(256)) * (luma.line_size // 256 + 2)
        begins = ((row + self.count * 7) % 256 for row in range(luma.height))
        luma.update(b"".join(ramp[begin : begin + luma.line_size] for begin in begins))
        for plane in chroma:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts = self.count
        if self.keyframe_wanted:
            frame.pict_type = av.video.frame.PictureType.I
            self.keyframe_wanted = False
        self.count += 1
        (packet,) = self.context.encode(frame)
        return AccessUnit(layer, captured, packet.is_keyframe, bytes(packet))


@pytest.fixture
def encoder() -> type[Encoder]:
    """The class; modules of a test folder cannot import each other in importlib mode."""
    return Encoder


@dataclass
class Path:
    """A transport that is always there, without a network; its clock is moved by hand."""

    now: float = 1000.0
    ready: bool = True
    pacer: Pacer = field(default_factory=Pacer)
    octets: int = 0
    highest: int = 0
    senders: list[Sender] = field(default_factory=list)
    keyframes: list[int] = field(default_factory=list)
    bitrates: list[tuple[int, int]] = field(default_factory=list)
    active: list[tuple[int, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.media_clock = MediaClock(lambda: self.now, lambda: 1.7e9)
        self.sent_packets = SentPackets()
        self.feedback = Feedback(self.senders, lambda: self.now, self.sent_packets, sent=lambda: self.octets)

    def add(self, sender: Sender) -> None:
        self.senders.append(sender)

    def remove(self, sender: Sender) -> None:
        if sender in self.senders:
            self.senders.remove(sender)

    def wake(self) -> None:
        pass

    def targets_changed(self) -> None:
        self.pacer.set_target(sum(sender.target_bitrate for sender in self.senders))

    def sender(self, parameters: RtpParameters, rng: random.Random | None = None) -> Sender:
        return Sender(
            self,
            parameters,
            "audio" if "audio" in parameters.codecs[0].mime_type else "video",
            request_keyframe=self.keyframes.append,
            set_bitrate=lambda layer, rate: self.bitrates.append((layer, rate)),
            set_active=lambda layer, active: self.active.append((layer, active)),
            clock=lambda: self.now,
            random=rng or random.Random(5),
        )

    def left(self) -> list[RtpPacket]:
        """All that waits, a second later."""
        packets = []
        for _ in range(400):
            packets += [RtpPacket.parse(packet) for packet in self.pacer.packets(self.now)]
            self.now += 0.0025
        return packets


@pytest.fixture
def path() -> Path:
    return Path()


class Highest(random.Random):
    """Everything begins a little before its wrap."""

    def getrandbits(self, k: int) -> int:
        return (1 << k) - 3


@pytest.fixture
def highest() -> random.Random:
    return Highest()
