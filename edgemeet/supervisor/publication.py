"""One device published in one meeting: a producer at the server and the sender that feeds it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from edgemeet.encoded import Kind, VideoEncoding
from edgemeet.ortc.capabilities import offered_video_codec, send_parameters
from edgemeet.rtc import Progress, Sender, SenderStats, SendTransport
from edgemeet.signaling import Meeting
from edgemeet.supervisor.device import Device

# The names VideoSDK's SDKs give the layers in `appData`: quarter, half, full.
_LAYER_NAMES = ("q", "h", "f")


def producer_app_data(encodings: tuple[VideoEncoding, ...]) -> dict[str, Any]:
    """What VideoSDK's viewers read to choose a layer; empty when there is but one."""
    if len(encodings) < 2:
        return {}
    names = _LAYER_NAMES[-len(encodings) :]
    return {
        "encodings": [
            {
                "rid": name,
                "scaleResolutionDownBy": encoding.scale,
                "maxBitrate": encoding.max_bitrate,
                "maxFramerate": encoding.fps,
            }
            for name, encoding in zip(names, encodings, strict=True)
        ],
        "width": encodings[-1].width,
        "height": encodings[-1].height,
    }


class Publication:
    """A producer that is open; made by `open`, ended by `close`."""

    def __init__(self, device: Device, sender: Sender) -> None:
        self.device = device
        self.producer_id = ""
        self._plan_number = device.plan_number
        self._encodings = device.encodings
        self._sender = sender

    @property
    def kind(self) -> Kind:
        """What the device captures: "audio" or "video"."""
        return self.device.kind

    @property
    def wanted(self) -> bool:
        """Whether the device is published, and by the plan that this was opened with."""
        return self.device.published and self._plan_number == self.device.plan_number

    @classmethod
    async def open(
        cls,
        meeting: Meeting,
        transport: SendTransport,
        device: Device,
        *,
        cname: str,
        rng: random.Random,
        clock: Callable[[], float] = time.monotonic,
    ) -> Publication:
        """Produce what `device` captures.

        Raises:
            ProtocolMismatch: the router has no codec in common with us.
            SignalingLost, ServerError: the server did not take the producer.
        """
        router = meeting.router_capabilities
        if device.kind == "video":
            device.use_codec(offered_video_codec(router, device.codec))
        parameters = send_parameters(
            router,
            device.kind,
            codec=device.codec if device.kind == "video" else None,
            encodings=device.encodings,
            audio_bitrate=device.bitrate,
            random=rng,
            cname=cname,
            mid=device.kind,
        )
        sender = Sender(
            transport,
            parameters,
            device.kind,
            request_keyframe=device.request_keyframe,
            set_bitrate=device.set_bitrate,
            set_active=device.set_active,
            clock=clock,
            random=rng,
        )
        publication = cls(device, sender)
        try:
            publication.producer_id = await meeting.produce(
                device.kind, parameters, producer_app_data(device.encodings)
            )
        except BaseException:
            await sender.stop()
            raise
        device.attach(sender.send)
        for layer in range(len(device.encodings)):
            device.request_keyframe(layer)
        return publication

    async def close(self) -> None:
        """Stop sending. The server is told by the caller, if it still listens."""
        alone = self.device.detach_from(self._sender.send)
        await self._sender.stop()
        if not alone:
            return  # the next meeting has the device already, and steers it
        # The next meeting decides anew which layers it can carry.
        for layer in range(len(self._encodings)):
            self.device.set_active(layer, True)

    def progress(self) -> tuple[Progress, ...]:
        """How far each encoding has come."""
        return self._sender.progress()

    def stats(self) -> SenderStats:
        """What was sent so far."""
        return self._sender.stats()
