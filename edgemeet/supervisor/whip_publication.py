"""One device published over an offer that was answered: the sender that feeds it, and which layers it has."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

from edgemeet.encoded import AccessUnit, Kind
from edgemeet.ortc.capabilities import offered_video_codec
from edgemeet.ortc.sdp import Accepted, parameters_to_send
from edgemeet.rtc import Sender, SenderStats, SendTransport
from edgemeet.supervisor.answers import report_age
from edgemeet.supervisor.device import Device


class WhipPublication:
    """A device that is sent; made by `open`, ended by `close`.

    An answer cannot be changed: a device that is turned off sends nothing and keeps its place, and one that
    is turned on again goes on there.
    """

    def __init__(self, device: Device, layers: tuple[int, ...], clock: Callable[[], float]) -> None:
        self.device = device
        self._layers = layers
        self._clock = clock
        self._plan_number = device.plan_number
        self._sender: Sender | None = None
        self._on_since = clock() if device.published else None

    @property
    def kind(self) -> Kind:
        """What the device captures: "audio" or "video"."""
        return self.device.kind

    @property
    def current(self) -> bool:
        """Whether the plan that was offered is still the device's."""
        return self._plan_number == self.device.plan_number

    @classmethod
    def open(
        cls,
        transport: SendTransport,
        device: Device,
        accepted: Accepted,
        *,
        cname: str,
        rng: random.Random,
        clock: Callable[[], float] = time.monotonic,
    ) -> WhipPublication:
        """Send what `device` captures as the answer takes it.

        Raises:
            ProtocolMismatch: ``protocol.no_common_codec``.
        """
        if device.kind == "video":
            device.use_codec(offered_video_codec(accepted.capabilities, device.codec))
        parameters = parameters_to_send(accepted, codec=device.codec, cname=cname, random=rng)
        layers = accepted.layers
        publication = cls(device, layers, clock)
        publication._sender = Sender(
            transport,
            parameters,
            device.kind,
            request_keyframe=lambda layer: device.request_keyframe(layers[layer]),
            set_bitrate=lambda layer, rate: device.set_bitrate(layers[layer], rate),
            set_active=lambda layer, active: device.set_active(layers[layer], active),
            clock=clock,
            random=rng,
        )
        for layer in range(len(device.encodings)):
            if layer not in layers:
                device.set_active(layer, False)
        device.attach(publication._send)
        for layer in layers if device.kind == "video" else ():
            device.request_keyframe(layer)
        return publication

    def _send(self, unit: AccessUnit) -> None:
        if self._sender is not None and unit.layer in self._layers:
            layer = self._layers.index(unit.layer)
            self._sender.send(unit if layer == unit.layer else replace(unit, layer=layer))

    def turned(self) -> None:
        """The device was switched, perhaps."""
        if not self.device.published:
            self._on_since = None
        elif self._on_since is None:
            self._on_since = self._clock()

    def unacknowledged(self) -> float | None:
        """For how many seconds packets have left that nobody acknowledged; None where none are due."""
        if self._on_since is None or self._sender is None:
            return None
        age = report_age(self._sender.progress())
        return None if age is None else min(age, self._clock() - self._on_since)

    async def close(self) -> None:
        """Stop sending."""
        self.device.detach()
        if self._sender is not None:
            await self._sender.stop()
        # The next answer decides anew which layers it takes.
        for layer in range(len(self.device.encodings)):
            self.device.set_active(layer, True)

    def stats(self) -> SenderStats:
        """What was sent so far."""
        assert self._sender is not None
        return self._sender.stats()
