"""What an enrolled device is told."""

from __future__ import annotations

import jwt
import pytest

from edgemeet.provision_server.groups import GroupChange, NewSlot
from edgemeet.provision_server.registry import DeviceChange

from .conftest import NOW, SECRET


@pytest.fixture
async def device(enrolled):
    return await enrolled()


async def ask(http, device, **more):
    return await http.get("/v1/token", headers=device.header() | more)


def claims(reply):
    return jwt.decode(
        reply.json()["token"],
        SECRET,
        algorithms=["HS256"],
        options={"verify_exp": False, "verify_iat": False},
    )


async def test_the_token_is_tight(http, registry, anna, device):
    registry.assign(anna, device.id, "abcd-efgh")
    reply = await ask(http, device)
    assert claims(reply) == {
        "apikey": "the-api-key",
        "permissions": ["allow_join"],
        "version": 2,
        "roles": ["rtc"],
        "participantId": "door-1",
        "roomId": "abcd-efgh",
        "iat": int(NOW),
        "exp": int(NOW) + 600,
    }
    assert reply.json()["expires_at"] == int(NOW) + 600
    assert reply.headers["cache-control"] == "no-store"
    assert SECRET not in reply.text


async def test_a_post_is_the_same(http, registry, anna, device):
    registry.assign(anna, device.id, "abcd-efgh")
    body = {"participantId": "door-1", "meetingId": "abcd-efgh"}
    reply = await http.post("/v1/token", headers=device.header(), json=body)
    assert reply.json()["meeting"] == {"id": "abcd-efgh"}


async def test_a_device_without_a_meeting(http, device):
    reply = await ask(http, device)
    assert reply.json() == {"meeting": None, "poll_after": 60, "revoked": False}


async def test_everything_an_administrator_can_say(http, registry, anna, device):
    change = DeviceChange(
        meeting_id="abcd-efgh",
        display_name="Gate",
        metadata={"floor": 2},
        config={"camera": {"fps": 10}, "meeting": {"mic": False}},
    )
    registry.change(anna, device.id, change)
    body = (await ask(http, device)).json()
    assert (body["meeting"], body["name"], body["metadata"]) == ({"id": "abcd-efgh"}, "Gate", {"floor": 2})
    assert body["config"] == {"camera": {"fps": 10}, "meeting": {"mic": False}}
    assert (body["poll_after"], body["revoked"]) == (60, False)


async def test_nothing_new_costs_no_token(http, registry, anna, device):
    registry.assign(anna, device.id, "abcd-efgh")
    first = await ask(http, device)
    second = await ask(http, device, **{"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")
    assert second.headers["etag"] == first.headers["etag"]
    minted = [entry for entry in registry.audit() if entry["action"] == "token.minted"]
    assert len(minted) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"meeting_id": "wxyz"},
        {"display_name": "Gate"},
        {"metadata": {"floor": 3}},
        {"config": {"camera": {"fps": 5}}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_each_change_is_news(http, registry, anna, device, change):
    registry.assign(anna, device.id, "abcd-efgh")
    first = await ask(http, device)
    registry.change(anna, device.id, DeviceChange.model_validate(change))
    second = await ask(http, device, **{"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]
    assert "token" in second.json()


async def test_revoked_and_restored(http, registry, anna, device):
    registry.assign(anna, device.id, "abcd-efgh")
    first = await ask(http, device)
    registry.revoke(anna, device.id)
    second = await ask(http, device, **{"If-None-Match": first.headers["etag"]})
    assert second.json() == {"revoked": True, "poll_after": 60}
    registry.restore(anna, device.id)
    third = await ask(http, device, **{"If-None-Match": second.headers["etag"]})
    assert claims(third)["roomId"] == "abcd-efgh"


async def test_who_names_the_meeting(registry, groups, anna, device, make_http, settings):
    async with make_http(settings.model_copy(update={"default_meeting": "default"})) as http:

        async def meeting():
            return (await ask(http, device)).json()["meeting"]["id"]

        assert await meeting() == "default"
        groups.put(anna, "ground-floor", GroupChange(meeting_id="of-the-group"))
        registry.change(anna, device.id, DeviceChange(group_name="ground-floor"))
        assert await meeting() == "of-the-group"
        always = {"starts": "00:00", "ends": "00:00"}
        group_slot = groups.add_slot(anna, NewSlot(group_name="ground-floor", meeting_id="hours", **always))
        assert await meeting() == "hours"
        registry.assign(anna, device.id, "own")
        assert await meeting() == "own"
        own_slot = groups.add_slot(anna, NewSlot(device_id=device.id, meeting_id="own-hours", **always))
        assert await meeting() == "own-hours"
        groups.remove_slot(anna, own_slot.id)
        groups.remove_slot(anna, group_slot.id)
        registry.assign(anna, device.id, None)
        assert await meeting() == "of-the-group"
        groups.remove(anna, "ground-floor")
        assert await meeting() == "default"


async def test_settings_of_the_device_come_before_its_groups(http, registry, groups, anna, device):
    groups.put(anna, "g", GroupChange(meeting_id="m", config={"camera": {"fps": 5, "hflip": True}}))
    registry.change(anna, device.id, DeviceChange(group_name="g", config={"camera": {"fps": 10}}))
    assert (await ask(http, device)).json()["config"] == {"camera": {"fps": 10, "hflip": True}}


async def test_a_device_asks_again_when_a_slot_begins(http, registry, groups, anna, device, clock):
    registry.assign(anna, device.id, "ordinary")
    # NOW is 20:26:40 UTC.
    groups.add_slot(anna, NewSlot(device_id=device.id, meeting_id="evening", starts="20:28", ends="21:00"))
    first = await ask(http, device)
    assert (first.json()["meeting"]["id"], first.json()["poll_after"]) == ("ordinary", 60)
    clock.now = NOW + 60
    second = await ask(http, device, **{"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.json()["poll_after"]) == (200, 21), (
        "20 s are left: told, though unchanged"
    )
    clock.now += 21
    third = await ask(http, device, **{"If-None-Match": second.headers["etag"]})
    assert third.json()["meeting"]["id"] == "evening"


async def test_the_last_time_a_device_was_seen(http, registry, device, clock):
    assert registry.get(device.id).last_seen_at is None
    await ask(http, device)
    assert registry.get(device.id).last_seen_at == int(NOW)
    clock.now += 31
    await ask(http, device)
    assert registry.get(device.id).last_seen_at == int(NOW) + 31
