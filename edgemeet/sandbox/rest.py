"""The REST side: tokens, the rooms API and init-config, as the vendor and its sample servers answer."""

from __future__ import annotations

import json
from typing import Final

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from edgemeet.sandbox.refusal import Code, Refused
from edgemeet.sandbox.registry import room_json
from edgemeet.sandbox.room import Room
from edgemeet.sandbox.sandbox import Sandbox
from edgemeet.sandbox.tokens import PERMISSIONS, Claims
from edgemeet.signaling.initconfig import encrypt_ice_servers

_MAX_BODY: Final = 64 * 1024
_NOT_FOUND: Final = "Room not found."  # the vendor's words


class Rest:
    """The handlers of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """For the application."""
        return [
            Route("/get-token", self.get_token, methods=["GET"]),
            Route("/create-meeting", self.create_meeting, methods=["POST"]),
            Route("/create-meeting/", self.create_meeting, methods=["POST"]),
            Route("/validate-meeting/{room_id}", self.validate_meeting, methods=["POST"]),
            Route("/v2/rooms", self.create_room, methods=["POST"]),
            Route("/v2/rooms/validate/{room_id}", self.validate_room, methods=["GET"]),
            Route("/infra/v1/meetings/server-init-config", self.init_config, methods=["POST"]),
            Route("/infra/v1/meetings/init-config", self.init_config, methods=["POST"]),
        ]

    async def get_token(self, request: Request) -> JSONResponse:
        """A fresh token, as the vendor's sample token server gives it.

        Beyond that one, `permissions` (separated by commas) asks for others than allow_join and allow_mod.
        """
        wanted = request.query_params.get("permissions")
        permissions = wanted.split(",") if wanted else ["allow_join", "allow_mod"]
        if not set(permissions) <= PERMISSIONS:
            raise Refused(Code.PERMISSIONS_INVALID)
        token = self._sandbox.issuer.sign(
            participant_id=request.query_params.get("participantId"),
            room_id=request.query_params.get("roomId"),
            permissions=permissions,
        )
        return JSONResponse({"token": token}, headers={"Cache-Control": "no-store"})

    async def create_meeting(self, request: Request) -> JSONResponse:
        """The sample server's way to the rooms API: the token is in the body."""
        body = await _body(request)
        self._verify(_text(body, "token")).check_role("crawler")
        return self._created(request, None)

    async def validate_meeting(self, request: Request) -> JSONResponse:
        """The sample server's way to the rooms API: the token is in the body."""
        body = await _body(request)
        self._verify(_text(body, "token"))
        return self._found(request)

    async def create_room(self, request: Request) -> JSONResponse:
        """A new room, or the one that has the custom id."""
        self._authorised(request).check_role("crawler")
        body = await _body(request)
        custom_id = body.get("customRoomId")
        if custom_id is not None and not isinstance(custom_id, str):
            raise Refused(400, "customRoomId must be a text")
        return self._created(request, custom_id or None)

    async def validate_room(self, request: Request) -> JSONResponse:
        """The room, if there is one with this id or custom id."""
        self._authorised(request)
        return self._found(request)

    async def init_config(self, request: Request) -> JSONResponse:
        """Where to join: the websocket's address and the ICE servers."""
        if self._sandbox.native_shut:
            raise Refused(404, "there is nothing here", status=404)
        claims = self._authorised(request)
        body = await _body(request)
        room = self._sandbox.rooms.find(_text(body, "roomId"))
        if room is None:
            raise Refused(Code.MEETING_INVALID)
        claims.check_room(room.id, room.custom_id)
        claims.check_role("rtc")
        if room.disabled:
            raise Refused(Code.MEETING_DISABLED)
        return JSONResponse({"data": self._init_data(request)}, headers={"Cache-Control": "no-store"})

    def _init_data(self, request: Request) -> dict[str, JsonValue]:
        url = request.url
        # The JavaScript SDK crashes where logs or traces are missing.
        silent: JsonValue = {"enabled": False, "endPoint": f"{url.scheme}://{url.netloc}/sandbox/telemetry"}
        return {
            "baseUrl": url.netloc,
            "signalingUrl": f"{'wss' if url.scheme == 'https' else 'ws'}://{url.netloc}",
            "iceServers": encrypt_ice_servers(self._sandbox.options.ice_servers),
            "observability": {"jwt": "", "traces": silent, "logs": silent, "metaData": {}},
        }

    def _authorised(self, request: Request) -> Claims:
        token = request.headers.get("authorization", "")
        if not token:
            raise Refused(Code.TOKEN_INVALID, "Authorization must hold the token.", status=401)
        return self._verify(token)

    def _verify(self, token: str) -> Claims:
        return self._sandbox.issuer.verify(token)

    def _created(self, request: Request, custom_id: str | None) -> JSONResponse:
        try:
            room = self._sandbox.rooms.create(custom_id)
        except ValueError as error:
            raise Refused(400, str(error)) from None
        return _room_response(request, room)

    def _found(self, request: Request) -> JSONResponse:
        room = self._sandbox.rooms.find(request.path_params["room_id"])
        if room is None:
            raise Refused(400, _NOT_FOUND)
        return _room_response(request, room)


def _room_response(request: Request, room: Room) -> JSONResponse:
    return JSONResponse(room_json(room, f"{request.url.scheme}://{request.url.netloc}"))


async def _body(request: Request) -> dict[str, JsonValue]:
    """The JSON object in the body; an empty body is an empty object."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MAX_BODY:
            raise Refused(413, "the body is too long", status=413)
    if not data:
        return {}
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused(400, "the body must be JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "the body must be a JSON object")
    return body


def _text(body: dict[str, JsonValue], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise Refused(400, f"{key} must be a text")
    return value


async def refused(request: Request, error: Exception) -> JSONResponse:
    """A refusal as it looks on the wire."""
    assert isinstance(error, Refused)
    body: dict[str, JsonValue] = {"error": error.text, "statusCode": error.status}
    if error.code > 999:  # one of the vendor's; others are HTTP's own
        body["code"] = error.code
    return JSONResponse(body, status_code=error.status)
