"""Media from one participant to another, decoded at the end by aiortc's own receiver."""

from __future__ import annotations

import array
import logging

ROOM = "test-room-one"


async def test_pictures_and_sound_arrive(rig, bars, tone, eventually, caplog) -> None:
    caplog.set_level(logging.INFO, logger="edgemeet.sandbox")
    sender = await rig.participant("sender")
    viewer = await rig.participant("viewer", receive=True)
    video = await sender.produce("video", [bars()])
    audio = await sender.produce("audio", [tone(440.0)])
    frames = [await viewer.frame(video) for _ in range(20)]
    assert len({bytes(frame.planes[0]) for frame in frames}) > 15
    assert (frames[0].width, frames[0].height) == (160, 120)

    for _ in range(20):
        await viewer.frame(audio)  # the decoder settles
    sound = array.array("h")
    for _ in range(50):
        frame = await viewer.frame(audio)
        sound.frombytes(bytes(frame.planes[0])[: frame.samples * 4])
    left = sound[::2]
    rising = [index for index in range(1, len(left)) if left[index - 1] < 0 <= left[index]]
    assert abs(48000 * (len(rising) - 1) / (rising[-1] - rising[0]) - 440) < 2
    first = [record for record in caplog.records if getattr(record, "event", "") == "first_rtp"]
    assert {record.kind for record in first} == {"audio", "video"}
    assert all(0 < record.seconds_since_connected < 10 for record in first)
