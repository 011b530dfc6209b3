import pytest

from edgemeet.errors import AuthError, MeetingNotFound, RateLimited, ServerError
from edgemeet.provisioning import Room, Rooms, Token

ROOM = {
    "roomId": "abcd-efgh-ijkl",
    "customRoomId": "front-door",
    "userId": "u",
    "disabled": False,
    "createdAt": "2026-01-01T00:00:00.000Z",
    "id": "x",
    "links": {"get_room": "https://api.example/v2/rooms/abcd-efgh-ijkl"},
}


@pytest.fixture
def rooms(server, client):
    return Rooms(client, server.url + "/")


@pytest.fixture
def token(mint):
    return Token.parse(mint())


async def test_create_sends_the_bare_token(server, rooms, token):
    server.answer(200, ROOM)
    assert await rooms.create(token, "front-door") == Room("abcd-efgh-ijkl", "front-door", disabled=False)
    [request] = server.requests
    assert (request["method"], request["target"]) == ("POST", "/v2/rooms")
    assert request["json"] == {"customRoomId": "front-door"}
    assert request["headers"]["authorization"] == token.reveal()
    assert request["headers"]["content-type"] == "application/json"


async def test_create_without_a_custom_id(server, rooms, token):
    server.answer(200, {"roomId": "abcd-efgh-ijkl"})
    assert await rooms.create(token) == Room("abcd-efgh-ijkl")
    assert server.requests[0]["json"] == {}


async def test_validate(server, rooms, token):
    server.answer(200, {**ROOM, "disabled": True})
    assert (await rooms.validate(token, "front-door")).disabled
    [request] = server.requests
    assert (request["method"], request["target"]) == ("GET", "/v2/rooms/validate/front-door")
    assert request["headers"]["authorization"] == token.reveal()


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"message": "Room not found."}, MeetingNotFound, "meeting.not_found"),
        (400, {"error": "RoomId is invalid."}, MeetingNotFound, "meeting.not_found"),
        (402, {}, MeetingNotFound, "meeting.not_found"),
        (404, b"gone", MeetingNotFound, "meeting.not_found"),
        (400, {"code": 4002, "message": "Room token is expired"}, AuthError, "auth.token_refused"),
        (400, {"errorCode": 4001, "msg": "x"}, AuthError, "auth.api_key"),
        (401, {"statusMessage": "no"}, AuthError, "auth.refused"),
        (429, {}, RateLimited, "server.rate_limited"),
        (502, b"", ServerError, "server.error"),
        (200, {"id": "x"}, ServerError, "server.bad_answer"),
        (200, {"roomId": 5}, ServerError, "server.bad_answer"),
        (200, {"roomId": "a/b"}, MeetingNotFound, "meeting.malformed_id"),
    ],
)
async def test_refusals(server, rooms, token, status, body, kind, code):
    server.answer(status, body)
    with pytest.raises(kind) as caught:
        await rooms.validate(token, "abcd-efgh-ijkl")
    assert (type(caught.value), caught.value.code) == (kind, code)


@pytest.mark.parametrize("status", [400, 402, 404])
async def test_at_creation_no_meeting_can_be_missing(server, rooms, token, status):
    server.answer(status, {"message": "customRoomId: room ids have no spaces"})
    with pytest.raises(ServerError) as caught:
        await rooms.create(token)
    assert "room ids have no spaces" in caught.value.message


async def test_malformed_ids_are_not_sent(server, rooms, token):
    for attempt in (rooms.create(token, "../x"), rooms.validate(token, "a b")):
        with pytest.raises(MeetingNotFound):
            await attempt
    assert server.requests == []
