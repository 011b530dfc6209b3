"""The protoo wire format, without I/O: JSON text in, messages out, and back.

protoo knows three kinds of messages; both sides send all of them::

    {"request": true, "id": 7, "method": "join", "data": {...}}
    {"response": true, "id": 7, "ok": true, "data": {...}}
    {"response": true, "id": 7, "ok": false, "errorCode": 403, "errorReason": "..."}
    {"notification": true, "method": "newPeer", "data": {...}}

The source of the format is protoo-client's `Message.js`. Unknown keys are tolerated, wrong shapes are not.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import NoReturn

from pydantic import JsonValue

JsonObject = dict[str, JsonValue]

MAX_FRAME = 2**20  # bytes; the largest seen is a `join` answer of some tens of kilobytes
MAX_ID = 2**53 - 1  # what a JavaScript number holds exactly
MAX_METHOD = 128  # characters; the longest known is 27
UNSTATED_ERROR = 500  # protoo-server's code for an error that names none


class ProtooError(ValueError):
    """A frame that is not protoo. The message never quotes the frame: it may hold a secret."""


@dataclass(frozen=True, slots=True)
class Request:
    """Asks the other side for something; it must answer with the same id."""

    id: int
    method: str
    # Not in the repr, here and below: `join` holds the token, transports hold ICE passwords.
    data: JsonObject = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """The good answer to a request."""

    id: int
    data: JsonObject = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """The bad answer to a request."""

    id: int
    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """Tells the other side something; there is no answer."""

    method: str
    data: JsonObject = field(default_factory=dict, repr=False)


Message = Request | Response | ErrorResponse | Notification


def parse(text: str | bytes, *, limit: int = MAX_FRAME) -> Message:
    """The message in one websocket frame.

    Args:
        text: the frame; a binary one is no protoo.
        limit: the most characters that are looked at.

    Raises:
        ProtooError: it is too long, no JSON, or not one of the four shapes.
    """
    if not isinstance(text, str):
        raise ProtooError("a protoo frame is text, this one is binary")
    if len(text) > limit:
        raise ProtooError(f"the frame is longer than {limit} characters")
    frame = _json_object(text)
    kinds = [kind for kind in ("request", "response", "notification") if frame.get(kind) is True]
    if len(kinds) != 1:
        raise ProtooError("exactly one of request, response and notification must be true")
    match kinds[0]:
        case "request":
            return Request(_id(frame), _method(frame), _data(frame))
        case "response":
            return _response(frame)
        case _:
            # Nothing waits for a notification: one with odd data is no reason to end a session,
            # and whoever reads that method finds its fields missing.
            data = frame.get("data")
            return Notification(_method(frame), data if isinstance(data, dict) else {})


def encode(message: Message, *, limit: int = MAX_FRAME) -> str:
    """The frame for a message; `parse` gives the same message back.

    Raises:
        ProtooError: the message has no JSON form, or breaks the rules that `parse` enforces.
    """
    frame: JsonObject
    match message:
        case Request(id_, method, data):
            frame = {"request": True, "id": id_, "method": method, "data": data}
        case Response(id_, data):
            frame = {"response": True, "id": id_, "ok": True, "data": data}
        case ErrorResponse(id_, code, reason):
            frame = {"response": True, "id": id_, "ok": False, "errorCode": code, "errorReason": reason}
        case Notification(method, data):
            frame = {"notification": True, "method": method, "data": data}
    try:
        text = json.dumps(frame, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ProtooError("the message has no JSON form") from None
    if len(text) > limit:
        raise ProtooError(f"the frame is longer than {limit} characters")
    return text


def _json_object(text: str) -> JsonObject:
    try:
        frame = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        # ValueError also stands for numbers of thousands of digits, RecursionError for deep nesting.
        raise ProtooError("the frame is no JSON") from None
    if not isinstance(frame, dict):
        raise ProtooError("the frame is no JSON object")
    if "\\ud" in text.lower():
        _refuse_lone_surrogates(frame)
    return frame


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # Python reads NaN and Infinity, JSON has neither


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(digits)  # 1e999 is infinite here, and could not be sent back
    return value


def _refuse_lone_surrogates(frame: JsonObject) -> None:
    """Half a UTF-16 pair makes a str that no log, file or model can take."""
    try:
        json.dumps(frame, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise ProtooError("the frame holds half a UTF-16 pair") from None


def _response(frame: JsonObject) -> Response | ErrorResponse:
    match frame.get("ok"):
        case True:
            return Response(_id(frame), _data(frame))
        case False:
            return ErrorResponse(_id(frame), _error_code(frame), _error_reason(frame))
        case _:
            raise ProtooError("ok must be true or false in a response")


def _id(frame: JsonObject) -> int:
    value = frame.get("id")
    # bool is a subclass of int in Python, not in JSON.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_ID:
        raise ProtooError(f"id must be a whole number from 0 to {MAX_ID}")
    return value


def _method(frame: JsonObject) -> str:
    value = frame.get("method")
    if not isinstance(value, str) or not 0 < len(value) <= MAX_METHOD:
        raise ProtooError(f"method must be a text of 1 to {MAX_METHOD} characters")
    return value


def _data(frame: JsonObject) -> JsonObject:
    value = frame.get("data")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProtooError("data must be an object")
    return value


def _error_code(frame: JsonObject) -> int:
    value = frame.get("errorCode")
    if value is None:
        return UNSTATED_ERROR
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_ID:
        raise ProtooError("errorCode must be a whole number")
    return value


def _error_reason(frame: JsonObject) -> str:
    value = frame.get("errorReason")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ProtooError("errorReason must be a text")
    return value
