"""`meeting.protocol = "auto"`: the native way is shut, and opens again."""

from __future__ import annotations

from typing import Any

from edgemeet.control import Command, Status

AUTO = {"EDGEMEET_MEETING__PROTOCOL": "auto", "EDGEMEET_WHIP__AFTER_FAILURES": "2"}


def is_well(protocol: str) -> Any:
    def holds(status: Status) -> bool:
        return status.state == "joined" and status.meeting.protocol == protocol and bool(status.producers)

    return holds


async def test_whip_carries_media_while_the_native_way_is_shut_until_told_otherwise(
    sandbox: Any, start_device: Any
) -> None:
    await sandbox.order("shut-native")
    device = await start_device(sandbox.url, **AUTO)
    await sandbox.expect_media(within=60)
    status = await device.expect(is_well("whip"))
    assert "roster" in status.meeting.unavailable
    (condition,) = status.health
    assert (condition.code, condition.severity) == ("whip.fallback", "warning")
    assert "server.wrong_path" in condition.message

    await sandbox.order("shut-native", disabled=False)
    await device.tell(Command.REJOIN)
    status = await device.expect(is_well("native"), within=60)
    await sandbox.expect_media()
    assert status.health == ()
    assert status.meeting.unavailable == ()
    assert (await sandbox.participants()).keys() == {"front-door"}


async def test_the_native_way_is_tried_again_after_the_configured_time(
    sandbox: Any, start_device: Any
) -> None:
    await sandbox.order("shut-native")
    device = await start_device(sandbox.url, EDGEMEET_WHIP__BACK_AFTER="1", **AUTO)
    await sandbox.expect_media(within=60)
    await device.expect(is_well("whip"))

    # Still shut: one attempt, and WHIP again. A session that runs is not ended for it.
    await sandbox.order("remove-peer", room_id="abcd-efgh-ijkl", peer_id="front-door")
    status = await device.expect(lambda s: is_well("whip")(s) and s.joins == 2, within=60)
    assert [condition.code for condition in status.health] == ["whip.fallback"]
    await sandbox.expect_media()

    await sandbox.order("shut-native", disabled=False)
    await sandbox.order("remove-peer", room_id="abcd-efgh-ijkl", peer_id="front-door")
    status = await device.expect(is_well("native"), within=60)
    await sandbox.expect_media()
    assert status.health == ()
