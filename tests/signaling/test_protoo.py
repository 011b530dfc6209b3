from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.signaling.protoo import (
    MAX_ID,
    MAX_METHOD,
    ErrorResponse,
    Message,
    Notification,
    ProtooError,
    Request,
    Response,
    encode,
    parse,
)

# Text that UTF-8 can hold: lone surrogates are refused on purpose.
text = st.text(st.characters(codec="utf-8"), max_size=20)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(text, json_values, max_size=5)
ids = st.integers(0, MAX_ID)
methods = st.text(st.characters(codec="utf-8"), min_size=1, max_size=MAX_METHOD)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Request, ids, methods, objects),
    st.builds(Response, ids, objects),
    st.builds(ErrorResponse, ids, st.integers(-1000, 100000), text),
    st.builds(Notification, methods, objects),
)


@given(messages)
def test_what_is_encoded_is_parsed_back(message: Message) -> None:
    assert parse(encode(message)) == message


@given(st.text(max_size=200))
def test_any_text_is_a_message_or_a_protoo_error(frame: str) -> None:
    with contextlib.suppress(ProtooError):
        parse(frame)


flags = st.booleans() | json_values
keys = dict.fromkeys(("request", "response", "notification", "ok"), flags)
keys |= dict.fromkeys(
    ("id", "method", "data", "errorCode", "errorReason"), ids | methods | objects | json_values
)


@given(st.fixed_dictionaries({}, optional=keys))
def test_any_object_with_protoo_keys_is_a_message_or_a_protoo_error(frame: dict[str, object]) -> None:
    try:
        message = parse(json.dumps(frame))
    except ProtooError:
        return
    assert parse(encode(message)) == message


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ('{"request":true,"id":0,"method":"join"}', Request(0, "join")),
        ('{"request":true,"id":7,"method":"join","data":null}', Request(7, "join")),
        ('{"request":true,"id":7,"method":"m","data":{"a":1},"new":"key"}', Request(7, "m", {"a": 1})),
        ('{"response":true,"id":7,"ok":true,"data":{"a":[]}}', Response(7, {"a": []})),
        ('{"response":true,"id":7,"ok":true}', Response(7)),
        (
            '{"response":true,"id":7,"ok":false,"errorCode":403,"errorReason":"no"}',
            ErrorResponse(7, 403, "no"),
        ),
        ('{"response":true,"id":7,"ok":false}', ErrorResponse(7, 500, "")),
        ('{"notification":true,"method":"newPeer","data":{"id":"x"}}', Notification("newPeer", {"id": "x"})),
        ('{"notification":true,"method":"odd","data":[1]}', Notification("odd")),
        ('{"request":false,"notification":true,"method":"m"}', Notification("m")),
        (
            '{"notification":true,"method":"m","data":{"a":"\\ud83d\\ude00"}}',
            Notification("m", {"a": "\U0001f600"}),
        ),
    ],
)
def test_shapes_that_are_taken(frame: str, message: Message) -> None:
    assert parse(frame) == message


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ("", "no JSON"),
        ("nonsense", "no JSON"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ("{}", "exactly one"),
        ('{"request":1,"id":1,"method":"m"}', "exactly one"),
        ('{"request":true,"response":true,"id":1,"ok":true,"method":"m"}', "exactly one"),
        ('{"request":true,"method":"m"}', "id must be"),
        ('{"request":true,"id":true,"method":"m"}', "id must be"),
        ('{"request":true,"id":-1,"method":"m"}', "id must be"),
        ('{"request":true,"id":1.0,"method":"m"}', "id must be"),
        ('{"request":true,"id":"1","method":"m"}', "id must be"),
        ('{"request":true,"id":9007199254740992,"method":"m"}', "id must be"),
        ('{"request":true,"id":1}', "method must be"),
        ('{"request":true,"id":1,"method":""}', "method must be"),
        ('{"request":true,"id":1,"method":5}', "method must be"),
        ('{"request":true,"id":1,"method":"' + "m" * 129 + '"}', "method must be"),
        ('{"request":true,"id":1,"method":"m","data":[]}', "data must be"),
        ('{"response":true,"id":1}', "ok must be"),
        ('{"response":true,"id":1,"ok":1}', "ok must be"),
        ('{"response":true,"id":1,"ok":true,"data":"x"}', "data must be"),
        ('{"response":true,"id":1,"ok":false,"errorCode":"403"}', "errorCode must be"),
        ('{"response":true,"id":1,"ok":false,"errorCode":true}', "errorCode must be"),
        ('{"response":true,"id":1,"ok":false,"errorReason":{}}', "errorReason must be"),
        ('{"notification":true,"method":"m","data":{"a":NaN}}', "no JSON"),
        ('{"notification":true,"method":"m","data":{"a":-Infinity}}', "no JSON"),
        ('{"notification":true,"method":"m","data":{"a":1e999}}', "no JSON"),
        ('{"notification":true,"method":"m","data":{"a":"\\ud800"}}', "UTF-16"),
        ('{"notification":true,"method":"\\uDFFF"}', "UTF-16"),
        ('{"notification":true,"method":"m","data":{"a":' + "1" * 5000 + "}}", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"a":' * 100_000, "no JSON"),
    ],
)
def test_shapes_that_are_refused(frame: str, says: str) -> None:
    with pytest.raises(ProtooError, match=says):
        parse(frame)


def test_a_binary_frame_is_refused() -> None:
    with pytest.raises(ProtooError, match="binary"):
        parse(b'{"notification":true,"method":"m"}')


def test_the_size_limit_is_exact() -> None:
    frame = encode(Notification("m", {"a": "x" * 100}))
    assert parse(frame, limit=len(frame)) == Notification("m", {"a": "x" * 100})
    with pytest.raises(ProtooError, match="longer than"):
        parse(frame, limit=len(frame) - 1)
    with pytest.raises(ProtooError, match="longer than"):
        encode(Notification("m", {"a": "x" * 100}), limit=len(frame) - 1)


def _endless() -> dict[str, object]:
    inner: dict[str, object] = {}
    inner["self"] = inner
    return inner


@pytest.mark.parametrize("value", [float("nan"), object(), b"bytes", _endless()])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(ProtooError, match="no JSON form"):
        encode(Request(1, "m", {"a": value}))  # type: ignore[dict-item]  # the fault under test


@pytest.mark.parametrize(
    "message",
    [Request(1, "m", {"secret": "hush"}), Response(1, {"secret": "hush"}), Notification("m", {"s": "hush"})],
)
def test_no_data_in_the_repr(message: Message) -> None:
    assert "hush" not in repr(message)


def test_no_frame_in_the_error() -> None:
    with pytest.raises(ProtooError) as caught:
        parse('{"secret":"hush"')
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
