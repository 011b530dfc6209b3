"""A running sandbox, and participants made of plain aiortc objects and a small protoo client."""

from __future__ import annotations

import array
import asyncio
import contextlib
import itertools
import json
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx
import pytest
from aiortc import RTCRtpReceiver, RTCRtpSender, VideoStreamTrack
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceCandidate, RTCIceGatherer, RTCIceParameters, RTCIceTransport
from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpCodecParameters,
    RTCRtpDecodingParameters,
    RTCRtpHeaderExtensionParameters,
    RTCRtpReceiveParameters,
    RTCRtpRtxParameters,
    RTCRtpSendParameters,
)
from aiortc.rtcrtpreceiver import RemoteStreamTrack
from av import AudioFrame, VideoFrame
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from edgemeet.sandbox import Sandbox, SandboxAddress, SandboxOptions, running_sandbox

ROOM = "test-room-one"
DEADLINE = 15.0
CERTIFICATE = RTCCertificate.generateCertificate()  # one for all: making it is slow


class Refusal(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code


async def eventually(condition: Callable[[], object], what: str = "") -> None:
    """Wait until `condition` gives something true; fail after the deadline."""
    try:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"did not happen: {what or condition}")


class ProtooClient:
    """Speaks protoo; answers server requests with `on_request`, else with an empty answer."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self.ids = itertools.count(1)
        self.answers: dict[int, asyncio.Future[dict]] = {}
        self.notifications: list[tuple[str, dict]] = []
        self.requests: list[tuple[str, dict]] = []
        self.on_request: Callable[[str, dict], object] = lambda method, data: {}
        self.closed: ConnectionClosed | None = None
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while True:
                message = json.loads(await self.websocket.recv())
                if message.get("response"):
                    self.answers[message["id"]].set_result(message)
                elif message.get("request"):
                    self.requests.append((message["method"], message["data"]))
                    await self._answer(message)
                else:
                    self.notifications.append((message["method"], message["data"]))
        except ConnectionClosed as error:
            self.closed = error

    async def _answer(self, message: dict) -> None:
        answer = self.on_request(message["method"], message["data"])
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer is None:
            return
        reply = {"response": True, "id": message["id"], "ok": True, "data": answer}
        if isinstance(answer, int):
            reply = {
                "response": True,
                "id": message["id"],
                "ok": False,
                "errorCode": answer,
                "errorReason": "",
            }
        with contextlib.suppress(ConnectionClosed):
            await self.websocket.send(json.dumps(reply))

    async def request(self, method: str, **data: object) -> dict:
        request_id = next(self.ids)
        self.answers[request_id] = asyncio.get_running_loop().create_future()
        await self.websocket.send(
            json.dumps({"request": True, "id": request_id, "method": method, "data": data})
        )
        async with asyncio.timeout(DEADLINE):
            answer = await self.answers[request_id]
        if not answer["ok"]:
            raise Refusal(answer["errorCode"], answer["errorReason"])
        return answer["data"]

    def heard(self, method: str) -> list[dict]:
        return [data for name, data in self.notifications if name == method]

    async def close(self) -> None:
        await self.websocket.close()
        await self.reader


@dataclass
class Path:
    """A client's side of a transport."""

    id: str
    dtls: RTCDtlsTransport
    ice: RTCIceTransport
    options: dict

    async def close(self) -> None:
        await self.dtls.stop()
        await self.ice.stop()
        await asyncio.sleep(0)


@dataclass
class Participant:
    protoo: ProtooClient
    id: str
    capabilities: dict = field(default_factory=dict)
    entered: dict = field(default_factory=dict)
    sending: Path | None = None
    receiving: Path | None = None
    receivers: dict[str, RTCRtpReceiver] = field(default_factory=dict)  # by producer id
    offers: dict[str, dict] = field(default_factory=dict)
    senders: list[RTCRtpSender] = field(default_factory=list)

    async def enter(self, *, receive: bool = False, name: str = "") -> None:
        self.capabilities = await self.protoo.request("getRouterRtpCapabilities")
        if receive:
            self.protoo.on_request = self._on_request
            self.receiving = await self.open_path(producing=False)
        await self.protoo.request("requestEntry", name=name or self.id)
        await eventually(lambda: self.protoo.heard("entryResponded"), "entryResponded")
        await self.join()

    async def join(self, **more: object) -> None:
        token = self.protoo.token
        self.entered = await self.protoo.request(
            "join",
            **{
                "secret": token,
                "displayName": self.id,
                "rtpCapabilities": self.capabilities,
                "autoConsume": True,
                **more,
            },
        )

    async def open_path(self, *, producing: bool) -> Path:
        options = await self.protoo.request(
            "createWebRtcTransport", producing=producing, consuming=not producing
        )
        gatherer = RTCIceGatherer(iceServers=[])
        gatherer._connection.ice_controlling = True
        await gatherer.gather()
        ice = RTCIceTransport(gatherer)
        for each in options["iceCandidates"]:
            await ice.addRemoteCandidate(
                RTCIceCandidate(
                    component=1,
                    foundation=each["foundation"],
                    ip=each["ip"],
                    port=each["port"],
                    priority=each["priority"],
                    protocol=each["protocol"],
                    type=each["type"],
                )
            )
        await ice.addRemoteCandidate(None)
        dtls = RTCDtlsTransport(ice, [CERTIFICATE])
        dtls._set_role("client")
        local = dtls.getLocalParameters().fingerprints
        await self.protoo.request(
            "connectWebRtcTransport",
            transportId=options["id"],
            dtlsParameters={
                "role": "client",
                "fingerprints": [{"algorithm": each.algorithm, "value": each.value} for each in local],
            },
        )
        remote = options["iceParameters"]
        async with asyncio.timeout(DEADLINE):
            await ice.start(RTCIceParameters(remote["usernameFragment"], remote["password"], iceLite=True))
            await dtls.start(
                RTCDtlsParameters(
                    [RTCDtlsFingerprint(**each) for each in options["dtlsParameters"]["fingerprints"]]
                )
            )
        assert dtls.state == "connected"
        return Path(options["id"], dtls, ice, options)

    async def _on_request(self, method: str, data: dict) -> object:
        if method != "newConsumer":
            return {}
        receiver = RTCRtpReceiver(data["kind"], self.receiving.dtls)
        receiver._track = RemoteStreamTrack(kind=data["kind"])
        receiver._set_rtcp_ssrc(1234 + len(self.receivers))
        await receiver.receive(_receive_parameters(data["rtpParameters"]))
        self.receivers[data["producerId"]] = receiver
        self.offers[data["producerId"]] = data
        return {}

    async def produce(self, kind: str, tracks: list, *, app_data: dict | None = None) -> str:
        """Send tracks as the encodings of one producer."""
        if self.sending is None:
            self.sending = await self.open_path(producing=True)
        wanted = {"audio": "audio/opus", "video": "video/H264"}[kind]
        media = next(codec for codec in self.capabilities["codecs"] if codec["mimeType"] == wanted)
        rtx = [
            codec
            for codec in self.capabilities["codecs"]
            if codec["parameters"].get("apt") == media["preferredPayloadType"]
        ]
        codecs = [_wire_codec(codec) for codec in (media, *rtx)]
        extensions = [
            {"uri": each["uri"], "id": each["preferredId"]}
            for each in self.capabilities["headerExtensions"]
            if each["kind"] == kind and each["direction"] == "sendrecv"
        ]
        senders = [RTCRtpSender(track, self.sending.dtls) for track in tracks]
        mid = str(len(self.senders))
        wire = {
            "mid": mid,
            "codecs": codecs,
            "headerExtensions": extensions,
            "encodings": [
                {"ssrc": sender._ssrc, **({"rtx": {"ssrc": sender._rtx_ssrc}} if rtx else {})}
                for sender in senders
            ],
            "rtcp": {"cname": self.id},
        }
        answer = await self.protoo.request(
            "produce",
            transportId=self.sending.id,
            kind=kind,
            rtpParameters=wire,
            appData=app_data or {},
        )
        for sender in senders:
            await sender.send(
                RTCRtpSendParameters(
                    codecs=[_codec(codec) for codec in codecs],
                    headerExtensions=[RTCRtpHeaderExtensionParameters(**each) for each in extensions],
                    muxId=mid,
                )
            )
        self.senders += senders
        return answer["id"]

    async def frame(self, producer_id: str):
        """The next decoded frame of a producer."""
        await eventually(lambda: producer_id in self.receivers, "newConsumer")
        async with asyncio.timeout(DEADLINE):
            return await self.receivers[producer_id]._track.recv()

    async def close(self) -> None:
        for sender in self.senders:
            await sender.stop()
        for receiver in self.receivers.values():
            await receiver.stop()
        for path in (self.sending, self.receiving):
            if path is not None:
                await path.close()
        await self.protoo.close()


def _wire_codec(capability: dict) -> dict:
    codec = {key: capability[key] for key in ("mimeType", "clockRate", "parameters", "rtcpFeedback")}
    codec["payloadType"] = capability["preferredPayloadType"]
    if "channels" in capability:
        codec["channels"] = capability["channels"]
    return codec


def _codec(wire: dict) -> RTCRtpCodecParameters:
    return RTCRtpCodecParameters(
        mimeType=wire["mimeType"],
        clockRate=wire["clockRate"],
        channels=wire.get("channels"),
        payloadType=wire["payloadType"],
        rtcpFeedback=[
            RTCRtcpFeedback(each["type"], each.get("parameter") or None) for each in wire["rtcpFeedback"]
        ],
        parameters=wire["parameters"],
    )


def _receive_parameters(wire: dict) -> RTCRtpReceiveParameters:
    return RTCRtpReceiveParameters(
        codecs=[_codec(codec) for codec in wire["codecs"]],
        headerExtensions=[
            RTCRtpHeaderExtensionParameters(id=each["id"], uri=each["uri"])
            for each in wire["headerExtensions"]
        ],
        encodings=[
            RTCRtpDecodingParameters(
                ssrc=each["ssrc"],
                payloadType=wire["codecs"][0]["payloadType"],
                rtx=RTCRtpRtxParameters(each["rtx"]["ssrc"]) if "rtx" in each else None,
            )
            for each in wire["encodings"]
        ],
    )


class Bars(VideoStreamTrack):
    """A picture that changes with every frame."""

    def __init__(self, width: int = 160, height: int = 120) -> None:
        super().__init__()
        self.size = (width, height)
        self.count = 0

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        self.count += 1
        width, height = self.size
        frame = VideoFrame(width, height, "yuv420p")
        dark = self.count * 4 % width
        luma, *chroma = frame.planes
        row = (bytes(dark) + bytes([200]) * (width - dark)).ljust(luma.line_size, b"\0")
        luma.update(row * height)
        for plane in chroma:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(AudioStreamTrack):
    """A sine."""

    def __init__(self, hertz: float = 440.0) -> None:
        super().__init__()
        self.hertz = hertz

    async def recv(self) -> AudioFrame:
        frame = await super().recv()
        step = 2 * math.pi * self.hertz / frame.sample_rate
        samples = array.array(
            "h", (int(12000 * math.sin(step * (frame.pts + i))) for i in range(frame.samples))
        )
        frame.planes[0].update(samples.tobytes())
        return frame


@dataclass
class Rig:
    sandbox: Sandbox
    address: SandboxAddress
    clients: list = field(default_factory=list)

    async def connect(
        self, peer_id: str, *, room: str = ROOM, token: str | None = None, **sign: object
    ) -> ProtooClient:
        if token is None:
            token = self.sandbox.issuer.sign(**sign)
        query = urlencode({"roomId": room, "peerId": peer_id, "secret": token, "mode": "SEND_AND_RECV"})
        websocket = await connect(
            f"ws://127.0.0.1:{self.address.port}/?{query}", subprotocols=["protoo"], proxy=None
        )
        client = ProtooClient(websocket)
        client.token = token
        self.clients.append(client)
        return client

    async def participant(self, peer_id: str, *, receive: bool = False, **more: object) -> Participant:
        participant = Participant(await self.connect(peer_id, **more), peer_id)
        self.clients[-1] = participant
        await participant.enter(receive=receive)
        return participant

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.address.base_url, trust_env=False)


@contextlib.asynccontextmanager
async def running_rig(options: SandboxOptions) -> AsyncIterator[Rig]:
    async with running_sandbox(options) as (sandbox, address):
        rig = Rig(sandbox, address)
        try:
            yield rig
        finally:
            for client in rig.clients:
                await client.close()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with running_rig(SandboxOptions(port=0, rooms=(ROOM,), admin=True)) as running:
        yield running


@pytest.fixture
def make_rig() -> Callable[[SandboxOptions], contextlib.AbstractAsyncContextManager[Rig]]:
    return running_rig


@pytest.fixture
def bars() -> Callable[..., Bars]:
    return Bars


@pytest.fixture
def tone() -> Callable[..., Tone]:
    return Tone


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., object]:
    return eventually


@pytest.fixture
def refusal() -> type[Refusal]:
    return Refusal
