"""The token goes through this room in a URL and in a message. It comes out nowhere."""

from __future__ import annotations

import asyncio
import gc
import http
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgemeet.errors import EdgemeetError
from edgemeet.signaling.messages import DeviceInfo, JoinRequest
from edgemeet.signaling.protoo import ErrorResponse, JsonObject, Notification, Request

STEPS = ["getRouterRtpCapabilities", "createWebRtcTransport", "requestEntry", "join"]


@pytest.fixture(autouse=True)
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every logger, also those of the libraries, at DEBUG; the loop in its talkative debug mode."""
    names = ["", "websockets", "websockets.client", "asyncio", "edgemeet", "edgemeet.signaling.silent"]
    for name in names:
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    caplog.clear()


def shown(error: BaseException) -> str:
    return "".join([str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)])


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What this side logged. The scripted server's own library logs the request it got, as it should."""
    client = [record for record in caplog.records if record.name != "websockets.server"]
    formatter = logging.Formatter("%(name)s %(message)s")
    return "\n".join([*map(formatter.format, client), *(repr(record.args) for record in client)])


async def refuse_upgrade(room: Any, kit: Any) -> None:
    room.upgrade = lambda socket, _: socket.respond(http.HTTPStatus.FORBIDDEN, f"no {kit.TOKEN}")


async def refuse_with_a_code(room: Any, kit: Any) -> None:
    body = f'{{"code": 4002, "message": "bad token: {kit.TOKEN}"}}'
    room.upgrade = lambda socket, _: socket.respond(http.HTTPStatus.BAD_REQUEST, body)


async def redirect(room: Any, kit: Any) -> None:
    def answer(socket: Any, request: Any) -> Any:
        response = socket.respond(http.HTTPStatus.FOUND, "")
        response.headers["Location"] = "ws://127.0.0.1:1" + request.path
        return response

    room.upgrade = answer


async def garbage(room: Any, kit: Any) -> None:
    room.scripts["join"] = kit.says(f"garbage {kit.TOKEN}")


async def refuse_the_join(room: Any, kit: Any) -> None:
    room.scripts["join"] = kit.says(ErrorResponse(0, 4002, f"bad {kit.TOKEN}"))


async def refuse_the_join_unusually(room: Any, kit: Any) -> None:
    room.scripts["join"] = kit.says(ErrorResponse(0, 401, f"secret={kit.TOKEN}"))


async def complain(room: Any, kit: Any) -> None:
    room.scripts["requestEntry"] = kit.says(
        Notification("error", {"code": 4002, "message": f"bad/{kit.TOKEN}/token"})
    )


async def close(room: Any, kit: Any) -> None:
    reason: JsonObject = {"code": 1007, "message": f"{kit.TOKEN}"}
    room.scripts["requestEntry"] = kit.says(Request(1, "close", {"reason": reason}))


async def odd_answer(room: Any, kit: Any) -> None:
    room.scripts["createWebRtcTransport"] = kit.says({"id": [kit.TOKEN]})


async def odd_method(room: Any, kit: Any) -> None:
    room.scripts["requestEntry"] = kit.says(Notification(kit.TOKEN), ErrorResponse(0, 500, ""))


async def close_the_socket(room: Any, kit: Any) -> None:
    async def script(room: Any, request: Request) -> None:
        await room.socket.close(4000, kit.TOKEN)

    room.scripts["join"] = script


@pytest.mark.parametrize(
    "trouble",
    [
        refuse_upgrade,
        refuse_with_a_code,
        redirect,
        garbage,
        refuse_the_join,
        refuse_the_join_unusually,
        complain,
        close,
        odd_answer,
        odd_method,
        close_the_socket,
    ],
)
async def test_no_token_comes_out_of_trouble(
    room: Any, join: Any, kit: Any, caplog: pytest.LogCaptureFixture, trouble: Any
) -> None:
    asyncio.get_running_loop().set_debug(True)
    await trouble(room, kit)
    with pytest.raises(EdgemeetError) as caught:
        await join().__aenter__()
    await asyncio.sleep(0)
    gc.collect()  # would log exceptions that nobody retrieved
    assert kit.TOKEN in room.paths[0] if room.paths else True
    assert kit.TOKEN not in shown(caught.value)
    assert kit.TOKEN not in logged(caplog)


async def test_no_token_comes_out_of_a_good_meeting(
    room: Any, join: Any, kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.get_running_loop().set_debug(True)
    async with join() as meeting:
        assert kit.TOKEN in room.paths[0]  # it was there to leak
        await room.ask("statsData", {"about": kit.TOKEN})
        await room.send(Notification(kit.TOKEN))
        await room.ask("statsData")
        parts = [meeting, meeting._room, meeting._inbox, meeting._options, meeting.transport, room.requests]
        assert kit.TOKEN not in "".join(map(repr, parts))
        assert kit.TOKEN not in repr(meeting.ignored)
        assert "ice-password" not in repr(meeting.transport)
        assert kit.TOKEN not in "".join(map(repr, asyncio.all_tasks()))
    assert kit.TOKEN not in logged(caplog)


secrets = st.from_regex(r"\A[A-Za-z0-9_-]{12,40}\.[A-Za-z0-9_-]{12,80}\.[A-Za-z0-9_-]{12,60}\Z")


# caplog is cleared for each example by hand.
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=secrets, step=st.sampled_from(STEPS), prefix=st.text(st.characters(codec="ascii"), max_size=8))
def test_whatever_the_token_no_error_and_no_log_holds_it(
    kit: Any, caplog: Any, secret: str, step: str, prefix: str
) -> None:
    async def run() -> str:
        async with kit.ScriptedRoom().running() as room:
            room.scripts[step] = kit.says(
                Notification("error", {"code": 4002, "message": prefix + secret}),
                ErrorResponse(0, 4002, prefix + secret),
            )
            with pytest.raises(EdgemeetError) as caught:
                await kit.Joining(room)(token=secret).__aenter__()
            return shown(caught.value)

    caplog.clear()
    assert secret not in asyncio.run(run(), debug=True)
    assert secret not in logged(caplog)


def test_no_token_in_the_repr_of_what_holds_it(kit: Any) -> None:
    request = JoinRequest(
        secret=kit.TOKEN,
        display_name="Porch",
        device_info=DeviceInfo(sdk_version="1"),
        rtp_capabilities={"codecs": []},  # type: ignore[arg-type]  # pydantic reads it
        mode="SEND_AND_RECV",
    )
    assert kit.TOKEN not in repr(request) + str(request)
    assert kit.TOKEN not in repr(kit.options()) + str(kit.options())
    assert request.to_wire()["secret"] == kit.TOKEN
