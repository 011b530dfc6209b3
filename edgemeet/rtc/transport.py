"""The way to the media server: ICE, DTLS, paced packets out, feedback in."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from edgemeet.errors import TransportFailed
from edgemeet.ortc.parameters import (
    DtlsFingerprint,
    DtlsParameters,
    DtlsRole,
    IceCandidate,
    IceParameters,
    WebRtcTransportOptions,
)
from edgemeet.rtc import aiortc_private
from edgemeet.rtc.aiortc_parts import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters
from edgemeet.rtc.aiortc_private import SrtpTransport
from edgemeet.rtc.delivery import Delivery
from edgemeet.rtc.feedback import Feedback
from edgemeet.rtc.ice import IcePath, IceServerLike
from edgemeet.rtc.local_address import is_local, source_address
from edgemeet.rtc.media_clock import MediaClock
from edgemeet.rtc.pacer import Pacer
from edgemeet.rtc.path import RtpSender
from edgemeet.rtc.stats import TransportState, TransportStats
from edgemeet.rtc.transport_cc import SentPackets

logger = logging.getLogger(__name__)

# close() promises two seconds all in all.
_DTLS_CLOSE_TIMEOUT = 0.5
_ICE_CLOSE_TIMEOUT = 1.0
_ENDED = (TransportState.FAILED, TransportState.CLOSED)


class SendTransport:
    """Carries the packets of its senders to one media server. Used once; `close` must follow.

    Args:
        options: the server's answer to createWebRtcTransport; None where the server is told
            of our side first: then `gather` and `use` come before `connect`.
        ice_servers: STUN and TURN servers of the meeting.
        clock: seconds, monotonic.
        wall_clock: Unix time in seconds, read once, for the NTP times of sender reports.
        max_bitrate: the most that is sent, in bits per second; None for what the path carries.
        on_available_bitrate: called with every new estimate of the path, in bits per second.
    """

    def __init__(
        self,
        options: WebRtcTransportOptions | None,
        *,
        ice_servers: Sequence[IceServerLike] = (),
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        max_bitrate: int | None = None,
        on_available_bitrate: Callable[[int], None] | None = None,
    ) -> None:
        self.media_clock = MediaClock(clock, wall_clock)
        self.pacer = Pacer()
        self.sent_packets = SentPackets()
        self._clock = clock
        self._senders: list[RtpSender] = []
        self._feedback = Feedback(
            self._senders,
            clock,
            self.sent_packets,
            sent=lambda: self._delivery.octets,
            ceiling=max_bitrate,
            on_available_bitrate=on_available_bitrate,
        )
        self._remote_dtls = DtlsParameters(fingerprints=())
        self._ice = IcePath()
        self._dtls = SrtpTransport(
            self._ice.transport, RTCCertificate.generateCertificate(), self._feedback.receive
        )
        self._role: DtlsRole = "auto"
        if options is not None:
            self.use(options, ice_servers)
        self._state = TransportState.NEW
        self._error: TransportFailed | None = None
        self._ended = asyncio.Event()
        self._delivery = Delivery(
            self.pacer,
            self._dtls,
            clock,
            padding=self._feedback.padding,
            reports=self._reports,
            on_fault=lambda error: self._fail(TransportFailed(f"sending stopped: {error}")),
        )
        self._ice.transport.on("statechange", self._on_change)
        self._dtls.on("statechange", self._on_change)

    # Life

    @property
    def state(self) -> TransportState:
        """How far it has come."""
        return self._state

    @property
    def ready(self) -> bool:
        """True while packets can leave."""
        return self._state is TransportState.CONNECTED

    def use(self, options: WebRtcTransportOptions, ice_servers: Sequence[IceServerLike] = ()) -> None:
        """Take the server's side of the transport, and the STUN and TURN servers to reach it with."""
        self._remote_dtls = options.dtls_parameters
        # Whoever the server leaves the choice to is the client: it can begin at once.
        self._role = "server" if options.dtls_parameters.role == "client" else "client"
        self._dtls.take_role(self._role)
        self._ice.use(options, ice_servers)

    async def gather(self) -> None:
        """Open the sockets, for a server that is told our addresses before it tells its own."""
        await self._ice.gather()

    @property
    def ice_parameters(self) -> IceParameters:
        """Our ICE credentials."""
        return self._ice.local_parameters

    @property
    def ice_candidates(self) -> tuple[IceCandidate, ...]:
        """Our addresses as far as they are known."""
        return self._ice.local_candidates

    @property
    def gathered(self) -> bool:
        """Whether no more of our addresses can come."""
        return self._ice.gathered

    async def relay_answered(self) -> None:
        """Wait until another relay has given an address, or none, since this was last asked."""
        await self._ice.relay_answered()

    @property
    def dtls_parameters(self) -> DtlsParameters:
        """What the server must be told (connectWebRtcTransport) before the DTLS handshake."""
        return DtlsParameters(
            role=self._role,
            fingerprints=tuple(
                DtlsFingerprint(algorithm=entry.algorithm, value=entry.value)
                for entry in self._dtls.getLocalParameters().fingerprints
                if entry.algorithm == "sha-256"
            ),
        )

    async def connect(self, *, timeout: float = 10.0, signaled: Awaitable[object] | None = None) -> None:
        """Find a path and agree on keys.

        Args:
            timeout: seconds, all in all.
            signaled: awaited before the handshake; it should be done when the server knows
                `dtls_parameters`. A server that does not know them yet drops the first packet, and DTLS
                repeats it only after a second.

        Raises:
            TransportFailed: no path (transport.ice_failed), no handshake (transport.dtls_failed) or not
                in time (transport.timeout). The transport is closed then.
        """
        assert self._state is TransportState.NEW, "a transport is used once"
        try:
            async with asyncio.timeout(timeout):
                await self._connect(signaled)
        except TimeoutError as error:
            failure = self._timed_out(timeout)
            self._fail(failure)
            await self.close()
            raise failure from error
        except BaseException as error:
            if isinstance(error, TransportFailed):
                self._fail(error)
            await self.close()
            raise

    async def _connect(self, signaled: Awaitable[object] | None) -> None:
        self._advance(TransportState.CHECKING)
        await self._ice.connect()
        if signaled is not None:
            await signaled
        self._advance(TransportState.SECURING)
        if not self._remote_dtls.fingerprints:
            raise TransportFailed("the media server names no DTLS fingerprint", code="transport.dtls_failed")
        await self._dtls.start(
            RTCDtlsParameters(
                fingerprints=[
                    RTCDtlsFingerprint(algorithm=entry.algorithm, value=entry.value)
                    for entry in self._remote_dtls.fingerprints
                ]
            )
        )
        if self._dtls.state != "connected":
            raise TransportFailed(
                "the DTLS handshake with the media server failed: it ended it, or its certificate is not "
                "the one that was announced",
                code="transport.dtls_failed",
            )
        self._advance(TransportState.CONNECTED)
        self._delivery.start()

    def _timed_out(self, timeout: float) -> TransportFailed:
        if self._state is TransportState.CHECKING:
            return TransportFailed(
                f"no answer to ICE checks from the media server at {self._ice.remote_addresses} "
                f"within {timeout:g} s",
                code="transport.timeout",
                hint="a firewall may block UDP and TCP to these ports",
            )
        return TransportFailed(
            f"the media server did not complete the DTLS handshake within {timeout:g} s",
            code="transport.timeout",
        )

    async def wait_failed(self) -> None:
        """Wait for the end of the transport. Returns when it was closed from here.

        Raises:
            TransportFailed: the path or the other side went away.
        """
        await self._ended.wait()
        if self._error is not None:
            raise self._error

    async def answers(self, timeout: float) -> bool:
        """Whether the path's other end answers within `timeout` seconds: a sign of life beside RTCP."""
        return self.ready and await self._ice.answers(timeout)

    @property
    def stranded(self) -> bool:
        """Whether media leaves from an address that is no longer on this machine, and could from another.

        Of a relayed path our own address is not known: it is never stranded.
        """
        pair = aiortc_private.selected_pair(self._ice.transport) if self.ready else None
        if pair is None or pair.local_type != "host" or is_local(pair.local[0]):
            return False
        return source_address(pair.remote) is not None

    async def close(self) -> None:
        """Close everything within two seconds; no task and no socket is left. May be called again."""
        if self._state is not TransportState.CLOSED:
            self._state = TransportState.CLOSED
            self._ended.set()
        self._delivery.stop()
        try:
            async with asyncio.timeout(_DTLS_CLOSE_TIMEOUT):
                await self._dtls.stop_receiving()
        except TimeoutError:
            logger.debug("DTLS was not closed in order")
        finally:
            await self._ice.close(_ICE_CLOSE_TIMEOUT)

    def _advance(self, state: TransportState) -> None:
        logger.debug("transport: %s", state)
        self._state = state

    def _on_change(self) -> None:
        """Aiortc says that ICE or DTLS changed; only an end after the connection is news."""
        if self._state is not TransportState.CONNECTED:
            return
        if aiortc_private.selected_pair(self._ice.transport) is None:
            # DTLS ends as soon as its path does, and often says so first.
            self._fail(TransportFailed("the path to the media server is gone: it stopped answering"))
        elif self._dtls.state in ("failed", "closed"):
            self._fail(TransportFailed("the media server closed the transport", code="transport.closed"))

    def _fail(self, error: TransportFailed) -> None:
        self._delivery.stop()
        if self._state not in _ENDED:
            self._state = TransportState.FAILED
            self._error = error
            self._ended.set()

    # For senders

    def add(self, sender: RtpSender) -> None:
        """As `PacketPath.add`."""
        self._senders.append(sender)
        self._feedback.divide()
        self.targets_changed()

    def remove(self, sender: RtpSender) -> None:
        """As `PacketPath.remove`."""
        if sender in self._senders:
            self._senders.remove(sender)
            self.targets_changed()

    def wake(self) -> None:
        """As `PacketPath.wake`."""
        self._delivery.wake()

    def targets_changed(self) -> None:
        """As `PacketPath.targets_changed`."""
        target = sum(sender.target_bitrate for sender in self._senders)
        most = sum(sender.maximum_bitrate for sender in self._senders)
        estimator = self._feedback.estimator
        self.pacer.set_target(
            max(target, min(estimator.value, most)), careful=estimator.near_congestion(self._clock())
        )

    def _reports(self, now: float) -> list[bytes]:
        return [packet for sender in self._senders if (packet := sender.reports(now))]

    def stats(self) -> TransportStats:
        """A snapshot."""
        now = self._clock()
        pair = aiortc_private.selected_pair(self._ice.transport)
        return TransportStats(
            state=self._state,
            local_address=f"{pair.local[0]}:{pair.local[1]}" if pair else None,
            local_candidate_type=pair.local_type if pair else None,
            remote_address=f"{pair.remote[0]}:{pair.remote[1]}" if pair else None,
            round_trip_time=self._feedback.round_trip,
            bytes_sent=self._delivery.octets,
            packets_sent=self._delivery.packets,
            packets_received=self._feedback.packets,
            packets_dropped=self._delivery.dropped,
            malformed=self._feedback.malformed,
            available_bitrate=self._feedback.estimator.value,
            bandwidth_feedback=self._feedback.kind,
            told_bitrate=self._feedback.told_bitrate,
            padding_bytes_sent=self._feedback.padding.octets,
            last_feedback_age=None if self._feedback.last_at is None else now - self._feedback.last_at,
            queue_delay=self.pacer.backlog(now),
        )
