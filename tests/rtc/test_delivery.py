from __future__ import annotations

import asyncio
import time
from typing import cast

import pytest

from edgemeet.rtc import delivery as module
from edgemeet.rtc.aiortc_private import SrtpTransport
from edgemeet.rtc.delivery import Delivery
from edgemeet.rtc.history import SentPacket
from edgemeet.rtc.pacer import Pacer, QueuedFrame
from edgemeet.rtc.padding import Padding


class Socket:
    backlog = 0

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send_packet(self, packet: bytes) -> None:
        self.sent.append(packet)


class Stream:
    def write(self, frame: QueuedFrame, payload: bytes, now: float, *, last: bool) -> bytes:
        return payload

    def write_again(self, packet: SentPacket, now: float) -> bytes:
        return packet.payload


def picture(stream: Stream, packets: int, size: int = 100) -> QueuedFrame:
    return QueuedFrame(stream, [bytes(size)] * packets, 0, False, False, None, packets * size)


@pytest.fixture
def socket() -> Socket:
    return Socket()


@pytest.fixture
def delivery(socket: Socket, monkeypatch: pytest.MonkeyPatch) -> Delivery:
    monkeypatch.setattr(module, "FIRST_REPORT", 0.02)
    monkeypatch.setattr(module, "REPORT_INTERVAL", 0.05)
    return Delivery(
        Pacer(),
        cast(SrtpTransport, socket),
        time.monotonic,
        padding=Padding(lambda now: None),
        reports=lambda now: [b"report"],
        on_fault=lambda error: pytest.fail(repr(error)),
    )


async def test_reports_come_while_pictures_do_and_after_them(delivery: Delivery, socket: Socket) -> None:
    stream = Stream()
    delivery._pacer.set_target(50_000_000)  # every picture leaves at once
    delivery.start()
    pictures = 0
    async with asyncio.timeout(20):
        while socket.sent.count(b"report") < 3:
            assert delivery._pacer.offer_video(picture(stream, 3), time.monotonic())
            delivery.wake()
            pictures += 1
            await asyncio.sleep(0.005)
        assert len(socket.sent) - socket.sent.count(b"report") == 3 * pictures
        while socket.sent.count(b"report") < 6:
            await asyncio.sleep(0.005)
    delivery.stop()
    before = len(socket.sent)
    await asyncio.sleep(0.15)
    assert len(socket.sent) == before


async def test_what_is_paced_leaves_before_the_next_report(
    delivery: Delivery, socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPORT_INTERVAL", 3600.0)
    stream = Stream()
    delivery.start()
    async with asyncio.timeout(20):
        delivery._pacer.offer_video(picture(stream, 1), time.monotonic())
        delivery.wake()
        while b"report" not in socket.sent:
            await asyncio.sleep(0.005)
        delivery._pacer.offer_video(picture(stream, 1), time.monotonic())
        delivery.wake()  # all of it leaves; the timer waits for the report of the next hour
        delivery._pacer.offer_video(picture(stream, 20, 1000), time.monotonic())
        delivery.wake()
        assert len(socket.sent) < 20  # the rest is paced
        while len(socket.sent) < 1 + 1 + 1 + 20:
            await asyncio.sleep(0.005)
    delivery.stop()
