"""Brings packets from the pacer to the socket, and a sender report every second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pylibsrtp

from edgemeet.rtc.aiortc_private import SrtpTransport
from edgemeet.rtc.pacer import Pacer
from edgemeet.rtc.padding import Padding

logger = logging.getLogger(__name__)

# A viewer can keep lips in step only after the first report, so that one is early.
FIRST_REPORT = 0.1
REPORT_INTERVAL = 1.0
# What the kernel does not take waits in asyncio without a bound: more than this and packets are dropped.
MAX_SOCKET_BACKLOG = 65_536


class Delivery:
    """Sends what is due when something new comes, and by a timer.

    There is no task: waking one up for every packet costs more than the packet, and a timer needs no
    owner but this one.

    Args:
        pacer: says what may leave when.
        dtls: protects and sends, and tells how much its socket holds back.
        clock: seconds, monotonic.
        padding: gives what fills the path, when it is to be probed.
        reports: gives the RTCP to send.
        on_fault: told when sending has ended by a fault of ours.
    """

    def __init__(
        self,
        pacer: Pacer,
        dtls: SrtpTransport,
        clock: Callable[[], float],
        *,
        padding: Padding,
        reports: Callable[[float], list[bytes]],
        on_fault: Callable[[Exception], None],
    ) -> None:
        self._pacer = pacer
        self._dtls = dtls
        self._clock = clock
        self._padding = padding
        self._reports = reports
        self._on_fault = on_fault
        self._running = False
        self._timer: asyncio.TimerHandle | None = None
        self._next_report: float | None = None
        self._armed: float | None = None  # the report that the timer has regard to
        self._error_logged = False
        self.packets = 0
        self.octets = 0
        self.dropped = 0

    def start(self) -> None:
        """Packets may leave from now on. Called on the event loop."""
        self._running = True
        self.wake()

    def stop(self) -> None:
        """Nothing leaves from now on."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def wake(self) -> None:
        """The pacer has something new: send what may leave at once."""
        if not self._running:
            return
        try:
            now = self._clock()
            self._send_due(now)
            self._report_due(now)
            self._schedule(self._clock())
        except Exception as error:
            logger.exception("sending has stopped by a fault of ours")
            self.stop()
            self._on_fault(error)

    def _schedule(self, now: float) -> None:
        paced, padding = self._pacer.wait(now), self._padding.wait(now)
        if self._timer is not None and paced is None and padding is None and self._next_report == self._armed:
            return  # what nearly every picture finds: the timer rings for the report, or earlier
        self._armed = self._next_report
        waits = [] if self._next_report is None else [self._next_report - now]
        waits += [wait for wait in (paced, padding) if wait is not None]
        if not waits:
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + max(0.0, min(waits))
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.wake()

    def _send_due(self, now: float) -> None:
        full = self._dtls.backlog > MAX_SOCKET_BACKLOG
        for packet in self._pacer.packets(now):
            if full:
                self.dropped += 1
            else:
                self._send(packet)
            if self._next_report is None:
                self._next_report = now + FIRST_REPORT
        if not full:
            for packet in self._padding.packets(now):
                self._send(packet)

    def _report_due(self, now: float) -> None:
        if self._next_report is None or now < self._next_report:
            return
        self._next_report = now + REPORT_INTERVAL
        for packet in self._reports(now):
            self._send(packet)

    def _send(self, packet: bytes) -> None:
        try:
            self._dtls.send_packet(packet)
        except (OSError, pylibsrtp.Error) as error:
            # One packet is no reason to stop: what lasts is noticed as a failed path or missing reports.
            self.dropped += 1
            if not self._error_logged:
                self._error_logged = True
                logger.warning("a packet could not be sent (%s); later ones are only counted", error)
        else:
            self.packets += 1
            self.octets += len(packet)
