from email.utils import formatdate

import pytest
from pydantic import SecretStr

from edgemeet.errors import (
    AuthError,
    ClockError,
    MeetingNotFound,
    NetworkError,
    RateLimited,
    ServerError,
    TokenMalformed,
)
from edgemeet.provisioning import ServerToken

ASKER = {"meeting_id": "abcd-efgh", "participant_id": "door one"}


@pytest.fixture
def source(server, client, now):
    def make(path="/get-token", **options):
        return ServerToken(client, server.url + path, wall_clock=now, **options)

    return make


async def test_a_get_tells_who_asks_in_the_query(server, source, mint):
    server.answer(200, {"token": mint()})
    await source("/get-token?site=7").fetch(**ASKER)
    [request] = server.requests
    assert (request["method"], request["path"]) == ("GET", "/get-token")
    assert request["query"] == {"site": "7", "participantId": "door one", "meetingId": "abcd-efgh"}
    assert request["json"] is None
    assert "authorization" not in request["headers"]


async def test_a_post_tells_who_asks_in_json(server, source, mint):
    server.answer(200, {"token": mint()})
    await source(method="POST").fetch(meeting_id=None, participant_id="door one")
    [request] = server.requests
    assert (request["method"], request["query"]) == ("POST", {})
    assert request["json"] == {"participantId": "door one"}


async def test_the_bearer_is_in_the_header_alone(server, source, mint):
    server.answer(200, {"token": mint()})
    await source(bearer=SecretStr("hush-hush")).fetch(**ASKER)
    [request] = server.requests
    assert request["headers"]["authorization"] == "Bearer hush-hush"
    assert "hush" not in request["target"]


async def test_a_token_for_the_rooms_api_is_asked_for_as_such(server, source, mint):
    server.answer(200, {"token": mint(roles=["crawler"])})
    token = await source().fetch_for_rooms(participant_id="door")
    assert token.claims.roles == ["crawler"]
    assert server.requests[0]["query"] == {"participantId": "door", "purpose": "create-meeting"}


@pytest.mark.parametrize("key", ["meetingId", "meeting_id", "roomId"])
async def test_the_whole_answer(server, source, mint, key):
    text = mint()
    server.answer(200, {"token": text, key: "wxyz-1", "name": "Gate", "metadata": {"floor": 2}, "more": [1]})
    grant = await source().fetch(**ASKER)
    assert grant.token.reveal() == text
    assert (grant.meeting_id, grant.name, grant.metadata) == ("wxyz-1", "Gate", {"floor": 2})


@pytest.mark.parametrize(
    "answer", [{}, {"meetingId": None, "name": None, "metadata": None}, {"meetingId": ""}]
)
async def test_only_the_token_is_required(server, source, mint, answer):
    server.answer(200, {"token": mint(), **answer})
    grant = await source().fetch(**ASKER)
    assert (grant.meeting_id, grant.name, grant.metadata) == (None, None, None)


async def test_a_token_without_an_end_is_taken(server, source, mint):
    server.answer(200, {"token": mint(exp=None)})
    assert (await source().fetch(**ASKER)).token.expires_at is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, {"error": "who are you"}, AuthError, "auth.refused"),
        (401, b"Unauthorized", AuthError, "auth.refused"),
        (403, b"<html>", AuthError, "auth.refused"),
        (400, {"code": 4002}, AuthError, "auth.token_refused"),
        (404, b"not here", ServerError, "server.wrong_path"),
        (409, {}, ServerError, "server.refused"),
        (429, b"", RateLimited, "server.rate_limited"),
        (500, b"Traceback", ServerError, "server.error"),
        (302, b"", ServerError, "server.refused"),
        (200, b"<html>Welcome to the hotel", ServerError, "server.not_json"),
        (200, b"eyJ.eyJ.x", ServerError, "server.not_json"),
        (200, b"", ServerError, "server.bad_answer"),
        (200, {"error": "no token today"}, ServerError, "server.bad_answer"),
        (200, {"token": None}, ServerError, "server.bad_answer"),
        (200, {"token": 7}, ServerError, "server.bad_answer"),
        (200, {"token": "t", "metadata": "x"}, ServerError, "server.bad_answer"),
        (200, {"token": ""}, TokenMalformed, "auth.token_empty"),
        (200, {"token": "your token here"}, TokenMalformed, "auth.token_not_jwt"),
        (200, b" " * 300_000, ServerError, "server.too_large"),
    ],
)
async def test_bad_answers(server, source, status, body, kind, code):
    server.answer(status, body)
    with pytest.raises(kind) as caught:
        await source().fetch(**ASKER)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert "token" in caught.value.message or "the provisioning server" in caught.value.message


async def test_a_bad_answer_names_the_key_and_shows_one_that_is_right(server, source):
    server.answer(200, {"jwt": "x"})
    with pytest.raises(ServerError) as caught:
        await source().fetch(**ASKER)
    assert '"token"' in caught.value.message
    assert '{"token": "eyJ..."}' in caught.value.hint


async def test_the_meeting_that_is_named_has_to_be_one(server, source, mint):
    server.answer(200, {"token": mint(), "meetingId": "not/one"})
    with pytest.raises(MeetingNotFound) as caught:
        await source().fetch(**ASKER)
    assert caught.value.code == "meeting.malformed_id"


async def test_no_answer_at_all(server, source):
    server.down = True
    with pytest.raises(NetworkError) as caught:
        await source().fetch(**ASKER)
    assert caught.value.code == "network.broken"


@pytest.mark.parametrize(
    ("claims", "server_is_ahead", "kind", "code"),
    [
        ({"exp": -100}, 0, AuthError, "auth.token_expired"),
        ({"exp": -100}, -3600, ClockError, "clock.ahead"),
        ({"iat": 3600, "exp": 7200}, 3600, ClockError, "clock.behind"),
    ],
)
async def test_the_servers_clock_settles_who_is_wrong(
    server, source, mint, now, claims, server_is_ahead, kind, code
):
    token = mint(**{name: int(now()) + value for name, value in claims.items()})
    server.answer(200, {"token": token}, {"Date": formatdate(now() + server_is_ahead, usegmt=True)})
    with pytest.raises(kind) as caught:
        await source().fetch(**ASKER)
    assert caught.value.code == code
