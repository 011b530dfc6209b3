"""The private names of aiortc that only the sandbox touches, in one place.

aiortc's DTLS transport parses every packet into an object and handles one per task switch. The sandbox uses
it for the handshake alone and takes the SRTP sessions it derived. `tests/sandbox/test_aiortc_private.py` is
the contract; the version is pinned in pyproject.toml.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, Protocol, cast

import pylibsrtp
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

if TYPE_CHECKING:
    from aiortc.rtcicetransport import RTCIceTransport

PRIVATE_NAMES = ("_rx_srtp", "_tx_srtp", "_set_role", "_task")


SCTP_PORT = 5000
SCTP_MAX_MESSAGE_SIZE = 262_144  # bytes, as mediasoup has it by default


class DatagramPath(Protocol):
    """What `RTCDtlsTransport` asks of an ICE transport."""

    @property
    def role(self) -> str: ...

    @property
    def state(self) -> str: ...

    async def _recv(self) -> bytes: ...

    async def _send(self, data: bytes) -> None: ...


class Dtls:
    """One DTLS handshake over a `DatagramPath`, and the SRTP keys that come of it.

    Args:
        path: carries the datagrams.
        certificate: our side's.
        data: SCTP is answered too, so that the other side's data channels open. What comes through them is
            dropped.
    """

    def __init__(self, path: DatagramPath, certificate: RTCCertificate, *, data: bool = False) -> None:
        # The path has the four names that are used, not the class.
        self._transport = RTCDtlsTransport(cast("RTCIceTransport", path), [certificate])
        self._sctp = RTCSctpTransport(self._transport, SCTP_PORT) if data else None

    @property
    def connected(self) -> bool:
        """True while packets can be protected and unprotected."""
        return self._transport.state == "connected"

    @property
    def state(self) -> str:
        """new, connecting, connected, closed or failed."""
        return self._transport.state

    @property
    def data_state(self) -> str | None:
        """connecting, connected or closed; None without SCTP."""
        return self._sctp.state if self._sctp is not None else None

    async def start(self, role: Literal["client", "server"], fingerprints: list[RTCDtlsFingerprint]) -> None:
        """Shake hands; `connected` tells whether it worked. Ends when the path is closed."""
        self._transport._set_role(role)
        await self._transport.start(RTCDtlsParameters(fingerprints=fingerprints))
        if self._sctp is not None and self.connected:
            await self._sctp.start(RTCSctpCapabilities(SCTP_MAX_MESSAGE_SIZE), SCTP_PORT)

    async def stop(self) -> None:
        """Say goodbye and end the task that reads; idempotent."""
        task = self._transport._task
        if self._sctp is not None:
            await self._sctp.stop()
        await self._transport.stop()
        if task is not None:
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # ConnectionError of the closed path; taken so that nobody warns

    def unprotect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        """The plain packet, or None for one that is forged, repeated, too long or too early."""
        session = cast("pylibsrtp.Session | None", self._transport._rx_srtp)
        if session is None:
            return None
        try:
            return session.unprotect_rtcp(data) if rtcp else session.unprotect(data)
        except (pylibsrtp.Error, ValueError):
            return None

    def protect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        """The packet for the wire, or None when it cannot be sent now."""
        if not self.connected:
            return None
        session = self._transport._tx_srtp
        try:
            return session.protect_rtcp(data) if rtcp else session.protect(data)
        except (pylibsrtp.Error, ValueError):
            return None
