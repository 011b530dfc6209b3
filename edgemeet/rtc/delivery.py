"""Brings packets from the pacer to the socket, and a sender report every second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pylibsrtp
from aiortc import RTCIceTransport

from edgemeet.rtc import aiortc_private
from edgemeet.rtc.aiortc_private import SrtpTransport
from edgemeet.rtc.pacer import Pacer

logger = logging.getLogger(__name__)

# A viewer can keep lips in step only after the first report, so that one is early.
FIRST_REPORT = 0.1
REPORT_INTERVAL = 1.0
# What the kernel does not take waits in asyncio without a bound: more than this and packets are dropped.
MAX_SOCKET_BACKLOG = 65_536


class Delivery:
    """Runs in one task of the transport.

    Args:
        pacer: says what may leave when.
        dtls: protects and sends.
        ice: the path, asked how much its socket holds back.
        clock: seconds, monotonic.
        reports: gives the RTCP to send.
    """

    def __init__(
        self,
        pacer: Pacer,
        dtls: SrtpTransport,
        ice: RTCIceTransport,
        clock: Callable[[], float],
        reports: Callable[[float], list[bytes]],
    ) -> None:
        self._pacer = pacer
        self._dtls = dtls
        self._ice = ice
        self._clock = clock
        self._reports = reports
        self._wake = asyncio.Event()
        self._next_report: float | None = None
        self._error_logged = False
        self.packets = 0
        self.octets = 0
        self.dropped = 0

    def wake(self) -> None:
        """The pacer has something new."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            now = self._clock()
            await self._send_due(now)
            await self._report_due(now)
            delay = self._delay(self._clock())
            timer = loop.call_later(delay, self._wake.set) if delay is not None else None
            try:
                await self._wake.wait()
            finally:
                if timer is not None:
                    timer.cancel()
            self._wake.clear()

    def _delay(self, now: float) -> float | None:
        waits = [w for w in (self._pacer.wait(now),) if w is not None]
        if self._next_report is not None:
            waits.append(max(0.0, self._next_report - now))
        return min(waits, default=None)

    async def _send_due(self, now: float) -> None:
        full = aiortc_private.socket_backlog(self._ice) > MAX_SOCKET_BACKLOG
        for packet in self._pacer.packets(now):
            if full:
                self.dropped += 1
            else:
                await self._send(packet)
            if self._next_report is None:
                self._next_report = now + FIRST_REPORT

    async def _report_due(self, now: float) -> None:
        if self._next_report is None or now < self._next_report:
            return
        self._next_report = now + REPORT_INTERVAL
        for packet in self._reports(now):
            await self._send(packet)

    async def _send(self, packet: bytes) -> None:
        try:
            await self._dtls.send_packet(packet)
        except (OSError, pylibsrtp.Error) as error:
            # One packet is no reason to stop: what lasts is noticed as a failed path or missing reports.
            self.dropped += 1
            if not self._error_logged:
                self._error_logged = True
                logger.warning("a packet could not be sent (%s); later ones are only counted", error)
        else:
            self.packets += 1
            self.octets += len(packet)
