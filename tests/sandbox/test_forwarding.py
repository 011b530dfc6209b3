"""Keyframes, losses, layers and pauses, over real transports."""

from __future__ import annotations

import asyncio

import pytest

from edgemeet.sandbox.sfu.packet import parse

ROOM = "test-room-one"


async def test_a_late_viewer_gets_a_keyframe_on_request(rig, bars, eventually) -> None:
    sender = await rig.participant("sender")
    video = await sender.produce("video", [bars()])
    producer = rig.sandbox.peer(ROOM, "sender").producers[video]
    encoding = producer.encodings[0]
    await eventually(lambda: encoding.packets > 20)
    before = encoding.keyframes
    assert encoding.keyframe_requests == 0
    viewer = await rig.participant("viewer", receive=True)
    async with asyncio.timeout(3):
        await viewer.frame(video)
    assert encoding.keyframe_requests == 1
    assert encoding.keyframes > before

    # A viewer's PLI goes on to the sender, and at most two a second do.
    consumer = next(iter(rig.sandbox.peer(ROOM, "viewer").consumers.values()))
    receiver = viewer.receivers[video]
    start = rig.sandbox.clock()
    for _ in range(40):
        await receiver._send_rtcp_pli(consumer.ssrc)
        await asyncio.sleep(0.025)
    await eventually(lambda: encoding.keyframes > before + 1)
    elapsed = rig.sandbox.clock() - start
    assert 2 <= encoding.keyframe_requests <= 2 + elapsed * 2
    assert consumer.keyframe_requests >= 40


async def test_losses_towards_the_viewer_are_sent_again(rig, bars, eventually, monkeypatch) -> None:
    sender = await rig.participant("sender")
    viewer = await rig.participant("viewer", receive=True)
    video = await sender.produce("video", [bars(320, 240)])
    await viewer.frame(video)
    consumer = next(iter(rig.sandbox.peer(ROOM, "viewer").consumers.values()))
    send, lost = consumer.transport.send_rtp, []

    def lossy(data: bytes) -> None:
        packet = parse(data)
        # aiortc's receiver asks once only, so retransmissions must not be lost in their turn.
        if packet.ssrc == consumer.ssrc and packet.sequence % 7 == 0:
            lost.append(packet.sequence)
        else:
            send(data)

    monkeypatch.setattr(consumer.transport, "send_rtp", lossy)
    for _ in range(40):
        await viewer.frame(video)
    assert len(lost) >= 4
    await eventually(lambda: consumer.retransmitted >= len(lost) - 1)
    assert consumer.keyframe_requests == 1  # the first one: what was lost came again


async def test_losses_from_the_sender_are_asked_for(rig, bars, eventually) -> None:
    sender = await rig.participant("sender")
    viewer = await rig.participant("viewer", receive=True)
    video = await sender.produce("video", [bars(320, 240)])
    await viewer.frame(video)
    producer = rig.sandbox.peer(ROOM, "sender").producers[video]
    rig.sandbox.drop_media(inbound=0.1)
    await eventually(lambda: producer.encodings[0].recovered >= 5, "recovered packets")
    await eventually(lambda: producer.encodings[0].fraction_lost > 0)
    rig.sandbox.drop_media()
    assert producer.nacks_sent > 0
    await eventually(lambda: not producer.encodings[0].gaps.missing)
    for _ in range(20):
        await viewer.frame(video)


async def test_a_viewer_switches_layers(rig, bars, eventually) -> None:
    sender = await rig.participant("sender")
    viewer = await rig.participant("viewer", receive=True)
    video = await sender.produce("video", [bars(160, 120), bars(320, 240)])
    await eventually(lambda: video in viewer.offers)
    offer = viewer.offers[video]
    assert offer["type"] == "simulcast"
    assert len(offer["rtpParameters"]["encodings"]) == 1
    assert len(offer["appData"]["encodings"]) == 2

    async def frame_of_width(width: int) -> float:
        async with asyncio.timeout(10):
            while (frame := await viewer.frame(video)).width != width:
                pass
        return frame.time

    times = [await frame_of_width(320)]  # the best one unless told otherwise
    for layer, width in [(0, 160), (1, 320), (0, 160)]:
        await viewer.protoo.request("setConsumerPreferredLayers", consumerId=offer["id"], spatialLayer=layer)
        times.append(await frame_of_width(width))
        await eventually(
            lambda layer=layer: viewer.protoo.heard("consumerLayersChanged")[-1]["spatialLayer"] == layer
        )
    assert times == sorted(times)
    assert times[-1] - times[0] < 30  # the timeline made no jump
    # Switching costs the viewer no packet: nothing looks lost.
    statistics = await viewer.receivers[video].getStats()
    lost = [entry.packetsLost for entry in statistics.values() if entry.type == "inbound-rtp"]
    assert lost == [0]


async def test_the_lower_layer_stands_in_for_one_that_stops(rig, bars, eventually) -> None:
    sender = await rig.participant("sender")
    viewer = await rig.participant("viewer", receive=True)
    video = await sender.produce("video", [bars(160, 120), bars(320, 240)])
    consumers = rig.sandbox.peer(ROOM, "viewer").consumers
    await viewer.frame(video)
    consumer = next(iter(consumers.values()))
    await eventually(lambda: consumer.layer == 1)
    await sender.senders[1].stop()
    await eventually(lambda: consumer.layer == 0)
    async with asyncio.timeout(10):
        while (await viewer.frame(video)).width != 160:
            pass


async def test_pausing_and_closing(rig, bars, eventually) -> None:
    sender = await rig.participant("sender")
    viewer = await rig.participant("viewer", receive=True)
    video = await sender.produce("video", [bars()], app_data={"share": True})
    await viewer.frame(video)
    consumer = next(iter(rig.sandbox.peer(ROOM, "viewer").consumers.values()))
    await viewer.protoo.request("pauseConsumer", consumerId=consumer.id)
    paused_at = consumer.packets
    await asyncio.sleep(0.2)
    assert consumer.packets == paused_at
    await viewer.protoo.request("resumeConsumer", consumerId=consumer.id)
    await eventually(lambda: consumer.packets > paused_at)

    await sender.protoo.request("pauseProducer", producerId=video)
    await eventually(lambda: viewer.protoo.heard("consumerPaused"))
    await sender.protoo.request("resumeProducer", producerId=video)
    await eventually(lambda: viewer.protoo.heard("consumerResumed"))
    count = consumer.packets
    await eventually(lambda: consumer.packets > count)
    await sender.protoo.request("closeProducer", producerId=video)
    await eventually(lambda: viewer.protoo.heard("consumerClosed"))
    states = [
        (each["kind"], each["newState"]) for each in viewer.protoo.heard("participantMediaStateChanged")
    ]
    assert states == [("share", True), ("share", False), ("share", True), ("share", False)]
    assert not rig.sandbox.room(ROOM).router.producers
    assert not rig.sandbox.room(ROOM).router.consumers


async def test_a_participant_that_does_not_receive(rig, bars, eventually) -> None:
    sender = await rig.participant("sender")
    device = await rig.participant("device")
    device.protoo.on_request = lambda method, data: 403
    device.receiving = await device.open_path(producing=False)
    await sender.produce("video", [bars()])
    await eventually(lambda: any(method == "newConsumer" for method, _ in device.protoo.requests))
    await eventually(lambda: not rig.sandbox.room(ROOM).router.consumers)


async def test_reports_and_rates_reach_the_sender(rig, bars, tone, eventually) -> None:
    sender = await rig.participant("sender")
    viewer = await rig.participant("viewer", receive=True)
    video = await sender.produce("video", [bars()])
    audio = await sender.produce("audio", [tone()])
    await viewer.frame(video)
    await viewer.frame(audio)
    rig.sandbox.max_bitrate = 300_000
    received: list[int] = []
    media_sender = sender.senders[0]
    handle = media_sender._handle_rtcp_packet

    async def spy(packet: object) -> None:
        received.append(packet)
        await handle(packet)

    media_sender._handle_rtcp_packet = spy

    def rembs() -> list[int]:
        from aiortc.rtp import RtcpPsfbPacket, unpack_remb_fci

        return [
            unpack_remb_fci(each.fci)[0]
            for each in received
            if isinstance(each, RtcpPsfbPacket) and each.fmt == 15
        ]

    await eventually(rembs, "REMB")
    assert rembs()[-1] == pytest.approx(300_000, rel=0.01)

    async def round_trip() -> float | None:
        stats = await media_sender.getStats()
        found = [entry.roundTripTime for entry in stats.values() if entry.type == "remote-inbound-rtp"]
        return found[0] if found else None

    async with asyncio.timeout(10):
        while (seconds := await round_trip()) is None:
            await asyncio.sleep(0.05)
    assert 0 <= seconds < 0.5
    # Sender reports reach the viewer, whose answers give the sandbox its own round trip.
    consumers = rig.sandbox.peer(ROOM, "viewer").consumers.values()
    await eventually(lambda: all(each.round_trip is not None for each in consumers), "round trips")
    assert all(each.round_trip < 0.5 for each in consumers)
    await eventually(lambda: sender.protoo.heard("producerScore"))
    assert sender.protoo.heard("producerScore")[-1]["score"][0]["score"] == 10
    stats = await viewer.protoo.request("getTransportStats", peerId="sender")
    assert stats["send"]["bytesReceived"] > 0


async def test_the_speaker_is_named(rig, tone, eventually) -> None:
    sender = await rig.participant("sender")
    viewer = await rig.participant("viewer")
    await sender.produce("audio", [tone()])
    await eventually(lambda: viewer.protoo.heard("activeSpeaker"))
    assert viewer.protoo.heard("activeSpeaker")[0] == {"peerId": "sender"}


async def test_stopped_media_comes_back(rig, bars, eventually) -> None:
    sender = await rig.participant("sender")
    video = await sender.produce("video", [bars()])
    encoding = rig.sandbox.peer(ROOM, "sender").producers[video].encodings[0]
    await eventually(lambda: encoding.packets > 5)
    rig.sandbox.stop_media(0.5)
    before = encoding.packets
    await asyncio.sleep(0.3)
    assert encoding.packets == before
    await eventually(lambda: encoding.packets > before)
