"""The media of one WHIP resource: what is offered over a transport, and sent as it is answered."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from edgemeet.ortc.sdp import Answer, LocalSide, Media, Offer, make_offer, read_answer
from edgemeet.ortc.sdp.local import candidate_fragment
from edgemeet.rtc import SendTransport
from edgemeet.signaling.whip import WhipResource, WhipTarget
from edgemeet.supervisor.answers import Answers, unacknowledged
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.whip_publication import WhipPublication

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WhipOptions:
    """What stays the same from session to session. Times are seconds."""

    participant_id: str
    request_timeout: float
    connect_timeout: float = 10.0
    max_bitrate: int | None = None  # bits per second of all media together


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer that was answered: `resource` has the answer."""

    resource: WhipResource
    offer: Offer
    devices: tuple[Device, ...]


class WhipPath:
    """A transport and the publications on it. `offer`, then `connect`; ended by `close`.

    Args:
        options: what stays the same from session to session.
        client: see `rest.new_client`.
        devices: the camera and the microphone.
        clock: seconds, monotonic.
        rng: for SSRCs.
    """

    def __init__(
        self,
        options: WhipOptions,
        client: httpx.AsyncClient,
        devices: tuple[Device, ...],
        *,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._options = options
        self._client = client
        self._devices = devices
        self._clock = clock
        self._rng = rng
        self.transport = SendTransport(None, clock=clock, max_bitrate=options.max_bitrate)
        self.answers = Answers(self.transport, clock)
        self.publications: dict[str, WhipPublication] = {}
        self._trickling: asyncio.Task[None] | None = None

    async def offer(self, target: WhipTarget) -> Offered:
        """Offer what is on. Raises what `WhipResource.open` raises; the caller closes the resource."""
        await self.transport.gather()
        devices = self._offered_devices()
        offer = self._make_offer(devices, lowest_first=target.lowest_first)
        resource = await WhipResource.open(
            self._client, target, offer.sdp, timeout=self._options.request_timeout
        )
        return Offered(resource, offer, devices)

    async def connect(self, offered: Offered) -> None:
        """Read the answer, find a path, and begin to send. Raises TransportFailed, ProtocolMismatch."""
        answer = read_answer(offered.resource.answer, offered.offer)
        self.transport.use(answer.transport, offered.resource.ice_servers)
        # A relay leads to the server within a few hundredths of a second, and media does not wait for the
        # request that tells of it. It is made all the same: a server may take only what it was told of.
        self._trickling = asyncio.create_task(self._trickle(offered))
        await self.transport.connect(timeout=self._options.connect_timeout)
        self._publish(offered.devices, answer)

    def stale(self) -> bool:
        """Whether another offer is needed: a device is wanted that was not offered, or by another plan."""
        for publication in self.publications.values():
            publication.turned()
        missing = any(device.published and device.kind not in self.publications for device in self._devices)
        return missing or not all(publication.current for publication in self.publications.values())

    def unacknowledged(self) -> float | None:
        """For how many seconds packets have left that nobody acknowledged; None where none are due."""
        silences = [publication.unacknowledged() for publication in self.publications.values()]
        return unacknowledged(
            min((silence for silence in silences if silence is not None), default=None),
            answered_ago=self.answers.answered_ago(),
            sound_only="video" not in self.publications,
        )

    async def close(self) -> None:
        """Stop sending and close the transport, within a few seconds."""
        if self._trickling is not None:
            self._trickling.cancel()
            await asyncio.gather(self._trickling, return_exceptions=True)
        await self.answers.close()
        while self.publications:
            _, publication = self.publications.popitem()
            await publication.close()
        await self.transport.close()

    def _offered_devices(self) -> tuple[Device, ...]:
        """Those that are on; some servers wait for each track they were offered. All where none is on."""
        return tuple(device for device in self._devices if device.published) or self._devices

    def _make_offer(self, devices: tuple[Device, ...], *, lowest_first: bool) -> Offer:
        media = [
            Media(
                device.kind,
                encodings=device.encodings,
                codec=device.codec,
                bitrate=device.bitrate,
            )
            for device in devices
        ]
        transport = self.transport
        side = LocalSide(
            transport.ice_parameters, transport.ice_candidates, transport.dtls_parameters, trickles=True
        )
        return make_offer(
            media,
            side,
            cname=self._options.participant_id,
            random=self._rng,
            lowest_first=lowest_first,
        )

    def _publish(self, devices: tuple[Device, ...], answer: Answer) -> None:
        for device, accepted in zip(devices, answer.accepted, strict=True):
            if len(accepted.layers) < len(device.encodings):
                logger.info(
                    "the server takes %d of the %d layers offered",
                    len(accepted.layers),
                    len(device.encodings),
                )
            self.publications[device.kind] = WhipPublication.open(
                self.transport,
                device,
                accepted,
                cname=self._options.participant_id,
                rng=self._rng,
                clock=self._clock,
            )

    async def _trickle(self, offered: Offered) -> None:
        """Tell relayed addresses as they come; the answer named the relays, so the offer could not."""
        transport, resource = self.transport, offered.resource
        mid = offered.offer.sections[0].mid
        told = offered_first = set(transport.ice_candidates)
        complete = transport.gathered
        while resource.trickles and not complete:
            await transport.relay_answered()
            complete = transport.gathered
            known = transport.ice_candidates
            new = [each for each in known if each not in told and each.type == "relay"]
            told = told.union(new)
            if new or (complete and told != offered_first):
                fragment = candidate_fragment(transport.ice_parameters, mid, new, complete=complete)
                await resource.trickle(fragment, timeout=self._options.request_timeout)
