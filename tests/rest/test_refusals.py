"""Servers that are broken or busy or send elsewhere, and requests that cannot be made."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from rigging.web_server import ask, listening, refused, says, sends

from edgemeet.errors import (
    ConfigError,
    NetworkError,
    RateLimited,
    ServerError,
)
from edgemeet.rest import MAX_RETRY_AFTER, new_client, origin


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 40_000,
        b"\x00\x01\x02" * 1000,
    ],
)
async def test_a_broken_answer(raw):
    error = await refused(sends(raw), NetworkError)
    assert error.code == "network.broken"
    assert error.__suppress_context__  # the library's text quotes what was sent


@pytest.mark.parametrize(
    ("status", "portal"), [("500 Oops", False), ("503 Busy", False), ("511 Log in", True)]
)
async def test_a_broken_server(status, portal):
    error = await refused(says({"code": 5000}, status, Retry_After="30"), ServerError)
    assert (error.code, error.retry_after) == ("server.error", 30.0)
    assert status[:3] in error.message
    assert bool(error.hint) is portal


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("999999999", MAX_RETRY_AFTER),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
        ("soon", None),
        ("-5", None),
        ("nan", None),
    ],
)
@pytest.mark.parametrize("dated", [True, False])
async def test_rate_limits_say_when(text, seconds, dated):
    """The other side's own Date is what its Retry-After date is measured from, if it is there."""
    date = {"Date": format_datetime(NOW, usegmt=True)} if dated else {}
    clock = NOW + timedelta(days=400) if dated else NOW
    error = await refused(
        says(b"slow down", "429 Slow", Retry_After=text, **date), RateLimited, wall_clock=lambda: clock
    )
    assert error.retry_after == seconds


def _redirects(to, then):
    async def answer(head, body, writer):
        if head.split()[1] == "/":
            await says(b"", "302 Found", Location=to)(head, body, writer)
        else:
            await then(head, body, writer)

    return answer


async def test_a_redirect_within_the_host_is_followed_with_the_credentials():
    async def then(head, body, writer):
        await says({"path": head.split()[1], "auth": "authorization: bearer b" in head.lower()})(
            head, body, writer
        )

    async with listening(_redirects("/next?x=1", then)) as url:
        reply = await ask(url, headers={"Authorization": "Bearer b"})
    assert reply.body == {"path": "/next?x=1", "auth": True}


@pytest.mark.parametrize("to", ["http://login.invalid/?key=hush", "http://localhost:1/", "ftp://127.0.0.1/"])
async def test_a_redirect_elsewhere_is_not_followed(to):
    error = await refused(_redirects(to, says()), ServerError)
    assert error.code == "server.redirected"
    assert origin(to) in error.message
    assert "hush" not in error.message


async def test_a_post_is_not_redirected():
    error = await refused(_redirects("/next", says()), ServerError, method="POST")
    assert error.code == "server.redirected"


async def test_redirects_in_circles():
    error = await refused(says(b"", "302 Found", Location="/"), ServerError)
    assert error.code == "server.redirected"


@pytest.mark.parametrize("url", ["", "x", "ftp://127.0.0.1", "http://", "http://a:b:c", "//h/"])
async def test_an_unusable_url(url):
    with pytest.raises(ConfigError) as caught:
        await ask(url)
    assert caught.value.code == "config.url"


@pytest.mark.parametrize("value", ["hush\nhush", "hüsh", "hush\x00", " hush"])
async def test_an_unusable_header_is_not_quoted(value):
    with pytest.raises(ConfigError) as caught:
        async with listening(says()) as url:
            await ask(url, headers={"Authorization": value})
    assert caught.value.code == "config.header"
    assert "hush" not in str(caught.value) + repr(caught.value) + str(caught.value.hint)
    assert caught.value.__suppress_context__


def test_a_ca_file_that_cannot_be_used(tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError) as caught:
            new_client(ca_file=path)
        assert caught.value.code == "config.ca_file"
        assert path.name in caught.value.message
