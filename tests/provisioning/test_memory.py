"""What a restarted device knows of its last life."""

import stat

import pytest
from pydantic import SecretStr

from edgemeet.errors import AuthError, MeetingNotFound, NetworkError, RetryableError
from edgemeet.provisioning import MeetingSource, Provisioner, ProvisioningOptions
from edgemeet.state import StateStore

PROVISIONED = MeetingSource("provisioned")
KEY = SecretStr("k" * 40)


@pytest.fixture
def born(server, client, now, tmp_path):
    """A provisioner as after a restart: only the state directory is the same."""

    def make(meeting=PROVISIONED, participant_id="door", wall_clock=now, **options):
        options = options or {"url": server.url + "/get-token"}
        return Provisioner(
            ProvisioningOptions(**options),
            meeting,
            client,
            participant_id,
            store=StateStore(tmp_path / "state"),
            wall_clock=wall_clock,
        )

    return make


async def test_with_the_server_down_the_last_good_answer_is_used_while_its_token_lasts(
    server, born, mint, now, tmp_path
):
    text = mint(exp=int(now()) + 3600)
    server.answer(200, {"token": text, "meetingId": "one", "name": "Gate", "metadata": {"floor": 2}})
    first = born()
    await first.admit()
    await first.joined()
    server.down = True
    admission = await born().admit()
    assert (admission.token.reveal(), admission.meeting_id, admission.name) == (text, "one", "Gate")
    assert admission.metadata == {"floor": 2}
    file = tmp_path / "state" / "provisioning.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(RetryableError):
        await born(wall_clock=lambda: now() + 3550).admit()
    with pytest.raises(RetryableError):
        await born(participant_id="another").admit()


async def test_an_answer_that_led_nowhere_is_not_remembered(server, born, mint):
    server.answer(200, {"token": mint(), "meetingId": "one"})
    await born().admit()
    server.down = True
    with pytest.raises(RetryableError):
        await born().admit()


async def test_a_token_that_was_refused_is_forgotten_and_one_that_met_a_dead_link_is_not(server, born, mint):
    server.answer(200, {"token": mint(), "meetingId": "one"})
    device = born()
    await device.admit()
    await device.joined()
    server.down = True
    await device.join_failed(NetworkError("no route"))
    assert (await born().admit()).meeting_id == "one"
    await device.join_failed(AuthError("revoked"))
    for provisioner in (device, born()):
        with pytest.raises(RetryableError):
            await provisioner.admit()


async def test_a_meeting_is_made_once_in_the_life_of_a_device(server, born):
    server.answer(200, {"roomId": "made-1"})
    server.answer(200, {"roomId": "made-2"})
    source = MeetingSource("create", api_url=server.url)
    signed = {"api_key": KEY, "api_secret": KEY}
    assert (await born(source, **signed).admit()).meeting_id == "made-1"
    assert (await born(source, **signed).admit()).meeting_id == "made-1"
    assert len(server.requests) == 1
    other = MeetingSource("create", custom_id="front", api_url=server.url)
    assert (await born(other, **signed).admit()).meeting_id == "made-2"


async def test_a_made_meeting_that_is_gone_is_made_again(server, born):
    server.answer(200, {"roomId": "made-1"})
    server.answer(200, {"roomId": "made-2"})
    device = born(MeetingSource("create", api_url=server.url), api_key=KEY, api_secret=KEY)
    await device.admit()
    await device.join_failed(MeetingNotFound("gone"))
    assert (await device.admit()).meeting_id == "made-2"
