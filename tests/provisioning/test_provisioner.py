import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from edgemeet.errors import (
    AuthError,
    ConfigError,
    MeetingNotFound,
    MeetingUnavailable,
    RetryableError,
    ServerError,
)
from edgemeet.provisioning import (
    FileToken,
    MeetingSource,
    Provisioner,
    ProvisioningOptions,
    ServerToken,
    SignedToken,
    StaticToken,
    Token,
    token_source,
)

FIXED = MeetingSource("fixed", id="abcd-efgh", name="Door", metadata={"floor": 1, "wing": "n"})
KEY = SecretStr("k" * 40)


@pytest.fixture
def provisioner(server, client, now):
    def make(meeting=FIXED, wall_clock=now, **options):
        options = options or {"url": server.url + "/get-token"}
        return Provisioner(ProvisioningOptions(**options), meeting, client, "door", wall_clock=wall_clock)

    return make


def created(server, **more):
    return MeetingSource("create", api_url=server.url, **more)


async def test_a_fixed_meeting(server, provisioner, mint):
    text = mint()
    server.answer(200, {"token": text})
    admission = await provisioner().admit()
    assert (admission.token.reveal(), admission.meeting_id, admission.name) == (text, "abcd-efgh", "Door")
    assert admission.metadata == {"floor": 1, "wing": "n"}
    assert server.requests[0]["query"] == {"participantId": "door", "meetingId": "abcd-efgh"}


async def test_the_server_may_dress_the_device_but_not_move_it(server, provisioner, mint):
    server.answer(
        200, {"token": mint(), "meetingId": "other", "name": "Gate", "metadata": {"floor": 2, "new": None}}
    )
    admission = await provisioner().admit()
    assert (admission.meeting_id, admission.name) == ("abcd-efgh", "Gate")
    assert admission.metadata == {"floor": 2, "wing": "n", "new": None}


async def test_a_provisioned_meeting_is_the_servers(server, provisioner, mint):
    server.answer(200, {"token": mint(), "meetingId": "one"})
    server.answer(200, {"token": mint(), "meetingId": "two"})
    device = provisioner(MeetingSource("provisioned"))
    assert [(await device.admit()).meeting_id for _ in range(2)] == ["one", "two"]
    assert server.requests[0]["query"] == {"participantId": "door"}


async def test_a_provisioned_meeting_must_be_named(server, provisioner, mint):
    server.answer(200, {"token": mint()})
    with pytest.raises(ServerError) as caught:
        await provisioner(MeetingSource("provisioned")).admit()
    assert caught.value.code == "server.no_meeting"
    assert "meetingId" in caught.value.hint


async def test_a_meeting_is_created_once(server, provisioner):
    server.answer(200, {"roomId": "made-1", "customRoomId": "front"})
    device = provisioner(created(server, custom_id="front"), api_key=KEY, api_secret=KEY)
    admissions = await asyncio.gather(*(device.admit() for _ in range(3)))
    assert {admission.meeting_id for admission in admissions} == {"made-1"}
    assert {admission.token.claims.room_id for admission in admissions} == {"made-1"}
    [request] = server.requests
    assert request["json"] == {"customRoomId": "front"}
    creator, joiner = Token.parse(request["headers"]["authorization"]), admissions[0].token
    assert (creator.claims.roles, joiner.claims.roles) == (["crawler"], ["rtc"])


async def test_a_creation_that_failed_is_tried_again(server, provisioner):
    server.answer(503, {})
    server.answer(200, {"roomId": "made-2"})
    device = provisioner(created(server), api_key=KEY, api_secret=KEY)
    with pytest.raises(ServerError):
        await device.admit()
    assert (await device.admit()).meeting_id == "made-2"


async def test_a_meeting_that_exists_and_is_disabled(server, provisioner):
    server.answer(200, {"roomId": "made-1", "disabled": True})
    with pytest.raises(MeetingUnavailable) as caught:
        await provisioner(created(server), api_key=KEY, api_secret=KEY).admit()
    assert caught.value.code == "meeting.disabled"


async def test_a_server_that_hands_out_tokens_can_have_a_meeting_created(server, provisioner, mint):
    server.answer(200, {"token": mint(roles=["crawler"])})
    server.answer(200, {"roomId": "made-3"})
    server.answer(200, {"token": mint(roles=["rtc"])})
    admission = await provisioner(created(server), url=server.url + "/get-token").admit()
    assert (admission.meeting_id, admission.token.claims.roles) == ("made-3", ["rtc"])
    assert [request["path"] for request in server.requests] == ["/get-token", "/v2/rooms", "/get-token"]
    assert server.requests[2]["query"]["meetingId"] == "made-3"


async def test_each_attempt_has_its_own_token(server, provisioner, mint):
    texts = [mint(n=n) for n in range(3)]
    for text in texts:
        server.answer(200, {"token": text})
    device = provisioner()
    assert [(await device.admit()).token.reveal() for _ in texts] == texts


@pytest.mark.parametrize(
    ("exp", "later", "reused"),
    [(600, 540, True), (600, 541, False), (600, 700, False), (None, 10_000_000, True)],
)
async def test_the_last_token_serves_while_the_server_is_down(
    server, provisioner, mint, now, exp, later, reused
):
    clock = now()
    text = mint(exp=exp and int(now()) + exp)
    server.answer(200, {"token": text})
    device = provisioner(wall_clock=lambda: clock)
    await device.admit()
    server.down, clock = True, now() + later
    if reused:
        assert (await device.admit()).token.reveal() == text
    else:
        with pytest.raises(RetryableError):
            await device.admit()


async def test_a_token_whose_join_failed_is_not_used_again(server, provisioner, mint):
    server.answer(200, {"token": mint()})
    device = provisioner()
    await device.admit()
    await device.join_failed(AuthError("refused"))
    server.down = True
    with pytest.raises(RetryableError):
        await device.admit()


async def test_a_refusal_is_not_papered_over(server, provisioner, mint):
    server.answer(200, {"token": mint()})
    server.answer(403, {"message": "this device is locked"})
    device = provisioner()
    await device.admit()
    with pytest.raises(AuthError, match="this device is locked"):
        await device.admit()


async def test_a_malformed_meeting_id_asks_nobody(server, provisioner):
    with pytest.raises(MeetingNotFound) as caught:
        await provisioner(MeetingSource("fixed", id="abcd efgh")).admit()
    assert caught.value.code == "meeting.malformed_id"
    assert server.requests == []


@pytest.mark.parametrize(
    ("meeting", "options", "names"),
    [
        (MeetingSource("fixed"), {"token": KEY}, "meeting.id"),
        (MeetingSource("provisioned"), {"token": KEY}, "provisioning.url"),
        (FIXED, {"method": "GET"}, "none is given"),
        (FIXED, {"token": KEY, "url": "http://x"}, "provisioning.url, provisioning.token"),
        (FIXED, {"api_key": KEY}, "provisioning.api_secret"),
        (FIXED, {"api_secret": KEY}, "provisioning.api_key"),
        (FIXED, {"url": "http://x", "auth": "bearer"}, "provisioning.bearer"),
    ],
)
def test_options_that_contradict_each_other(provisioner, meeting, options, names):
    with pytest.raises(ConfigError) as caught:
        provisioner(meeting, **options)
    assert names in caught.value.message


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"url": "http://x"}, ServerToken),
        ({"token": KEY}, StaticToken),
        ({"token_file": Path("/x")}, FileToken),
        ({"api_key": KEY, "api_secret": KEY}, SignedToken),
    ],
)
def test_the_options_choose_the_source(client, options, kind):
    assert type(token_source(ProvisioningOptions(**options), client)) is kind


async def test_a_bearer_is_sent_only_if_asked_for(server, provisioner, mint):
    server.answer(200, {"token": mint()})
    for auth in ("none", "bearer"):
        await provisioner(url=server.url, auth=auth, bearer=KEY).admit()
    sent = [request["headers"].get("authorization") for request in server.requests]
    assert sent == [None, f"Bearer {KEY.get_secret_value()}"]
