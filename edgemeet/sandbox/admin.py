"""The door through which tests in another process cause faults: `POST /sandbox/...`, open only on request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from edgemeet.sandbox.refusal import Refused
from edgemeet.sandbox.sandbox import Sandbox


class _Order(BaseModel):
    """All that any of the orders can hold."""

    model_config = ConfigDict(extra="forbid")

    room_id: str = ""
    peer_id: str = ""
    seconds: float = Field(default=0.0, ge=0, le=3600)
    count: int = Field(default=1, ge=0, le=1000)
    inbound: float = Field(default=0.0, ge=0, le=1)
    outbound: float = Field(default=0.0, ge=0, le=1)
    disabled: bool = True
    bits_per_second: int | None = Field(default=None, ge=1)


class Admin:
    """The orders of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """For the application."""
        return [Route("/sandbox/{order}", self.obey, methods=["POST"])]

    async def obey(self, request: Request) -> JSONResponse:
        """Carry out one order; its values are a JSON object in the body."""
        # A page from elsewhere can post without being asked only what needs no preflight; JSON does.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Refused(415, "Content-Type must be application/json", status=415)
        try:
            order = _Order.model_validate(json.loads(await request.body() or b"{}"))
        except (ValidationError, ValueError):
            raise Refused(400, "the body must be a JSON object of known values") from None
        try:
            killed = self._carry_out(request.path_params["order"], order)
        except KeyError:
            raise Refused(404, "there is no such room or participant", status=404) from None
        return JSONResponse({"done": True, "count": killed})

    def _carry_out(self, name: str, order: _Order) -> int:
        if name == "kill-sockets":
            return self._sandbox.kill_sockets()
        carry_out = _ORDERS.get(name)
        if carry_out is None:
            raise Refused(404, "there is no such order", status=404)
        carry_out(self._sandbox, order)
        return 0


def _limit(sandbox: Sandbox, order: _Order) -> None:
    sandbox.max_bitrate = order.bits_per_second


_ORDERS: Final[dict[str, Callable[[Sandbox, _Order], None]]] = {
    "stop-media": lambda sandbox, order: sandbox.stop_media(order.seconds),
    "drop-media": lambda sandbox, order: sandbox.drop_media(inbound=order.inbound, outbound=order.outbound),
    "deny-next": lambda sandbox, order: sandbox.deny_next(order.room_id, order.count),
    "close-room": lambda sandbox, order: sandbox.close_room(order.room_id),
    "disable-room": lambda sandbox, order: sandbox.disable_room(order.room_id, disabled=order.disabled),
    "shut-native": lambda sandbox, order: sandbox.shut_native(shut=order.disabled),
    "remove-peer": lambda sandbox, order: sandbox.remove_peer(order.room_id, order.peer_id),
    "request-keyframe": lambda sandbox, order: sandbox.request_keyframe(order.room_id, order.peer_id),
    "max-bitrate": _limit,
}
