from __future__ import annotations

from typing import Any

LIMIT = 300_000


async def test_what_is_sent_and_why_it_is_not_more(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    status = await device.expect(
        lambda s: (
            s.transport is not None
            and s.transport.bandwidth_feedback == "transport-cc"
            and len(s.producers) == 2
            and all(e.last_report_age is not None for p in s.producers for e in p.encodings)
            and all(e.quality_limitation_reason == "none" for p in s.producers for e in p.encodings)
        )
    )
    video = next(p for p in status.producers if p.kind == "video").encodings[0]
    assert video.active
    assert video.key_frames_sent >= 1
    assert status.transport.told_bitrate is None
    assert all(not p.paused for p in status.producers)

    await sandbox.order("max-bitrate", bits_per_second=LIMIT)
    status = await device.expect(
        lambda s: (
            s.transport is not None
            and s.transport.told_bitrate is not None
            and any(
                e.quality_limitation_reason == "bandwidth"
                and e.quality_limitation_durations.bandwidth > 0
                and (e.target_bitrate or 0) < LIMIT
                for p in s.producers
                if p.kind == "video"
                for e in p.encodings
            )
        )
    )
    assert status.transport.told_bitrate <= LIMIT
    assert status.transport.available_bitrate <= LIMIT
    sound = next(p for p in status.producers if p.kind == "audio").encodings[0]
    assert sound.quality_limitation_reason == "none"
