import io
import json
import logging
from collections.abc import Iterator
from urllib.parse import quote

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.telemetry import Redactor, configure_logging
from edgemeet.telemetry.redaction import MASK

TOKEN = jwt.encode({"apikey": "k", "exp": 1}, "a secret that is long enough for HS256", algorithm="HS256")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "text",
    [
        f"token {TOKEN}",
        f"wss://host/?roomId=a&secret={TOKEN}&mode=SEND_AND_RECV",
        "https://host/?secret=hunter2hunter2&x=1",
        "{'password': 'hunter2hunter2'}",
        '{"credential": "hunter2hunter2", "urls": "turn:host"}',
        "Authorization: hunter2hunter2",
        "authorization: Bearer hunter2hunter2",
        "a=ice-pwd:hunter2hunter2",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    out = Redactor()(text)
    assert "hunter2" not in out
    assert TOKEN not in out
    assert MASK in out


@pytest.mark.parametrize("text", ["joined abcd-efgh-ijkl", "42 packets, 1 lost", "the token has expired"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert Redactor()(text) == text


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=60),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_a_known_secret_never_passes(secret: str, before: str, after: str) -> None:
    redact = Redactor()
    redact.learn(secret)
    out = redact(f"{before}{secret}{after} {quote(secret, safe='')}")
    assert secret not in out.replace(MASK, "")


@pytest.mark.parametrize("log_format", ["plain", "journal", "json"])
def test_no_format_lets_a_secret_through_even_in_a_traceback(logged: io.StringIO, log_format: str) -> None:
    redactor = Redactor()
    redactor.learn("my-device-key")
    configure_logging("DEBUG", log_format, redactor, stream=logged)
    log = logging.getLogger("edgemeet.signaling.room")
    try:
        raise ValueError(f"my-device-key {TOKEN}")
    except ValueError:
        log.exception("refused my-device-key with %s", TOKEN)
    assert "my-device-key" not in logged.getvalue()
    assert TOKEN not in logged.getvalue()
    assert "ValueError" in logged.getvalue()


def test_the_journal_gets_a_priority_on_every_line(logged: io.StringIO) -> None:
    configure_logging("INFO", "journal", Redactor(), stream=logged)
    logging.getLogger("edgemeet.rtc.sender").warning("one\ntwo")
    assert logged.getvalue() == "<4>rtc: one\n<4>two\n"


def test_json_lines_are_json(logged: io.StringIO) -> None:
    configure_logging("INFO", "json", Redactor(), stream=logged)
    logging.getLogger("edgemeet.rtc.sender").info("hello %s", "world")
    line = json.loads(logged.getvalue())
    assert line["message"] == "hello world"
    assert line["level"] == "info"


def test_libraries_are_not_heard_below_warning(logged: io.StringIO) -> None:
    configure_logging("DEBUG", "plain", Redactor(), stream=logged)
    logging.getLogger("aioice.ice").debug("USERNAME pwd")
    logging.getLogger("websockets.client").info("> GET /?secret=x")
    assert logged.getvalue() == ""
