"""The whole answer of a provisioning server, and what a poll makes of it."""

import pytest

from edgemeet.errors import DeviceRevoked, MeetingUnavailable, RetryableError, ServerError
from edgemeet.provisioning import CreateMeeting, MeetingSource, Provisioner, ProvisioningOptions

PROVISIONED = MeetingSource("provisioned", name="Door", metadata={"floor": 1})


@pytest.fixture
def device(server, client, now):
    source = MeetingSource("provisioned", name="Door", metadata={"floor": 1}, api_url=server.url)
    return Provisioner(ProvisioningOptions(url=server.url + "/t"), source, client, "door", wall_clock=now)


async def test_the_meeting_may_be_an_object(server, device, mint):
    answer = {
        "token": mint(),
        "meeting": {"id": "one"},
        "name": "Gate",
        "metadata": {"floor": 2},
        "config": {"camera": {"fps": 10}},
        "poll_after": 30,
        "expires_at": 1_780_000_600,
        "revoked": False,
    }
    server.answer(200, answer, {"ETag": '"e1"'})
    assert device.assignment() is None
    admission = await device.admit()
    assert (admission.meeting_id, admission.name, admission.metadata) == ("one", "Gate", {"floor": 2})
    said = device.assignment()
    assert (said.meeting, said.name, said.poll_after, said.revoked) == ("one", "Gate", 30, False)
    assert said.config == {"camera": {"fps": 10}}


async def test_the_device_creates_the_meeting_when_told(server, device, mint):
    create = {"token": mint(), "meeting": {"create": {"custom_id": "front"}}}
    server.answer(200, create)
    server.answer(200, {"token": mint(roles=["crawler"])})
    server.answer(200, {"roomId": "made-1", "customRoomId": "front"})
    server.answer(200, create)
    assert [(await device.admit()).meeting_id for _ in range(2)] == ["made-1", "made-1"]
    assert [request["path"] for request in server.requests] == ["/t", "/t", "/v2/rooms", "/t"]
    assert server.requests[2]["json"] == {"customRoomId": "front"}
    assert device.assignment().meeting == CreateMeeting(custom_id="front")


@pytest.mark.parametrize(
    "answer",
    [
        {"meeting": {}},
        {"meeting": {"id": "one", "create": {}}},
        {"meeting": "one"},
        {"poll_after": "soon"},
        {"poll_after": True},
        {"config": {"camera": 1}},
        {"config": []},
        {"revoked": "perhaps"},
        {"expires_at": float("nan")},
    ],
    ids=str,
)
async def test_an_answer_that_makes_no_sense(server, device, mint, answer):
    server.answer(200, {"token": mint(), "meetingId": "one"} | answer)
    with pytest.raises(ServerError) as caught:
        await device.admit()
    assert caught.value.code == "server.bad_answer"
    assert next(iter(answer)) in caught.value.message


@pytest.mark.parametrize(("said", "meant"), [(0, 5), (-1, 5), (60, 60), (1e9, 86_400), (None, None)])
async def test_the_pause_between_polls_is_bounded(server, device, mint, said, meant):
    server.answer(200, {"token": mint(), "meetingId": "one", "poll_after": said})
    await device.admit()
    assert device.assignment().poll_after == meant


async def test_a_revoked_device_stays_out(server, device):
    server.answer(200, {"revoked": True, "poll_after": 60})
    with pytest.raises(DeviceRevoked) as caught:
        await device.admit()
    assert caught.value.code == "provisioning.revoked"
    assert device.assignment().revoked


async def test_a_device_without_a_meeting_asks_again(server, device):
    server.answer(200, {"meeting": None, "poll_after": 60})
    with pytest.raises(MeetingUnavailable) as caught:
        await device.admit()
    assert caught.value.code == "meeting.none_assigned"
    assert caught.value.retry_after is None, "an assignment ends the wait, and would not before a Retry-After"
    assert device.assignment().poll_after == 60


async def test_a_poll_that_finds_nothing_new(server, device, mint):
    server.answer(200, {"token": mint(), "meetingId": "one", "poll_after": 60}, {"ETag": '"e1"'})
    server.answer(304, b"")
    await device.admit()
    before = device.assignment()
    assert await device.poll() == before
    assert "if-none-match" not in server.requests[0]["headers"]
    assert server.requests[1]["headers"]["if-none-match"] == '"e1"'


async def test_a_poll_that_finds_another_meeting(server, device, mint):
    server.answer(200, {"token": mint(), "meetingId": "one", "poll_after": 60}, {"ETag": '"e1"'})
    server.answer(200, {"token": mint(), "meetingId": "two", "poll_after": 50}, {"ETag": '"e2"'})
    await device.admit()
    assert (await device.poll()).meeting == "two"


async def test_a_new_pause_alone_is_no_news(server, device, mint):
    for pause in (60, 50):
        server.answer(200, {"token": mint(), "meetingId": "one", "poll_after": pause})
    await device.admit()
    before = device.assignment()
    assert await device.poll() == before


async def test_a_poll_that_finds_a_revocation_forgets_the_last_token(server, device, mint):
    server.answer(200, {"token": mint(), "meetingId": "one"})
    server.answer(200, {"revoked": True})
    await device.admit()
    assert (await device.poll()).revoked
    server.down = True
    with pytest.raises(RetryableError):
        await device.admit()


async def test_a_restored_device_is_told_by_the_poll(server, device, mint):
    server.answer(200, {"revoked": True}, {"ETag": '"no"'})
    server.answer(200, {"token": mint(), "meetingId": "one"})
    with pytest.raises(DeviceRevoked):
        await device.admit()
    assert not (await device.poll()).revoked
    assert server.requests[1]["headers"]["if-none-match"] == '"no"'


async def test_a_poll_that_fails_leaves_the_last_word(server, device, mint):
    server.answer(200, {"token": mint(), "meetingId": "one"}, {"ETag": '"e1"'})
    server.answer(503, {}, {"Retry-After": "7"})
    await device.admit()
    with pytest.raises(ServerError) as caught:
        await device.poll()
    assert caught.value.retry_after == 7
    assert device.assignment().meeting == "one"


async def test_a_device_with_a_meeting_of_its_own_is_not_moved(server, client, mint, now):
    device = Provisioner(
        ProvisioningOptions(url=server.url),
        MeetingSource("fixed", id="mine"),
        client,
        "door",
        wall_clock=now,
    )
    server.answer(200, {"token": mint(), "meetingId": "one"})
    server.answer(200, {"token": mint(), "meetingId": "two"})
    await device.admit()
    before = device.assignment()
    assert await device.poll() == before
