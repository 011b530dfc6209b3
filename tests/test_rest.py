"""`rest` against real sockets: what a good server, a bad one and none at all become."""

import asyncio
import contextlib
import gc
import gzip
import ipaddress
import json
import socket
import ssl
import time
import warnings
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from edgemeet.errors import (
    ClockError,
    ConfigError,
    EdgemeetError,
    Endpoint,
    NetworkError,
    RateLimited,
    ServerError,
)
from edgemeet.rest import KEEP_IDLE, MAX_RETRY_AFTER, endpoint_of, exchange, new_client, origin

WHAT = "the provisioning server"


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory):
    """A store with one certificate: reading all of the usual ones takes longer than most of these tests."""
    path = tmp_path_factory.mktemp("authorities") / "one.pem"
    first, end, _ = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
    path.write_text(first + end + "\n")
    return path


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, one_authority):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(one_authority))


@contextlib.asynccontextmanager
async def listening(answer, *, tls=None):
    """A server that hands each request's head and body to `answer(head, body, writer)`."""
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")),
                0,
            )
            await answer(head, await reader.readexactly(length), writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # cancelled only below; StreamReaderProtocol logs a task that ends as cancelled
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def says(content=b"{}", status="200 OK", **headers):
    """An answer with these bytes; header names are written with _ for -."""
    if isinstance(content, dict | list):
        content = json.dumps(content).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return sends("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def sends(raw):
    async def answer(head, body, writer):
        writer.write(raw)

    return answer


async def ask(url, method="GET", *, timeout=10, ca_file=None, client_cert=None, **more):
    async with new_client(ca_file=ca_file, client_cert=client_cert) as client:
        return await exchange(client, method, url, what=WHAT, timeout=timeout, **more)


async def refused(answer, kind, *, tls=None, **more):
    async with listening(answer, tls=tls) as url:
        with pytest.raises(kind) as caught:
            await ask(url, **more)
    assert type(caught.value) is kind
    return caught.value


async def test_an_answer_is_a_json_object_with_its_headers():
    date = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    answer = says({"token": "t"}, Date=format_datetime(date, usegmt=True), ETag='"7"', Retry_After="9")
    async with listening(answer) as url:
        reply = await ask(url)
    assert (reply.status, reply.body, reply.date) == (200, {"token": "t"}, date)
    assert (reply.etag, reply.retry_after) == ('"7"', 9.0)
    assert "'t'" not in repr(reply)


async def test_the_request_is_what_was_asked_for():
    seen = []

    async def answer(head, body, writer):
        seen.append((head.lower(), body))
        await says(b"", Set_Cookie="kept=no")(head, body, writer)

    async with listening(answer) as url, new_client() as client:
        for _ in range(2):
            reply = await exchange(
                client, "POST", f"{url}/a?b=c", what=WHAT, timeout=10, headers={"X-One": "1"}, json={"k": [1]}
            )
    assert reply.body == {}
    head, body = seen[1]
    assert head.startswith("post /a?b=c http/1.1\r\n")
    assert json.loads(body) == {"k": [1]}
    assert "x-one: 1" in head
    assert "user-agent: edgemeet/" in head
    assert "accept-encoding: identity" in head
    assert "cookie" not in head


@pytest.mark.parametrize("status", ["400 Bad", "401 No", "404 Lost", "410 Gone"])
async def test_a_refusal_is_an_answer(status):
    async with listening(says({"code": 4002}, status)) as url:
        reply = await ask(url)
    assert (reply.status, reply.body) == (int(status[:3]), {"code": 4002})


@pytest.mark.parametrize("content", [b"Unauthorized", b"<html>no</html>", b"[1]"])
async def test_a_refusal_needs_no_json(content):
    async with listening(says(content, "401 No")) as url:
        assert (await ask(url)).body == {}


@pytest.mark.parametrize(
    ("content", "headers", "phrase", "portal"),
    [
        (b"<html><title>Hotel</title>", {}, "a web page", True),
        (b"\n  <!DOCTYPE html>", {}, "a web page", True),
        (b"Log in first", {"Content_Type": "text/html; charset=utf-8"}, "a web page", True),
        (b"plain words", {}, "not JSON", False),
        (b'{"token": ', {}, "not JSON", False),
        (b"\xff\xfe\x00", {}, "not JSON", False),
        (b"[" * 100_000, {}, "not JSON", False),
        (b'{"n": ' + b"9" * 5000 + b"}", {}, "not JSON", False),
        (b'["a"]', {}, "a JSON list", False),
        (b'"token"', {}, "a JSON str", False),
        (b"null", {}, "a JSON NoneType", False),
    ],
)
async def test_what_is_no_json_object_is_told_apart(content, headers, phrase, portal):
    error = await refused(says(content, **headers), ServerError)
    assert error.code == "server.not_json"
    assert phrase in error.message
    assert ("captive portal" in (error.hint or "")) is portal


async def test_compressed_answers_are_not_unpacked():
    bomb = gzip.compress(b'{"a": "' + b"x" * 10_000_000 + b'"}')
    error = await refused(says(bomb, Content_Encoding="gzip"), ServerError)
    assert error.code == "server.not_json"


async def test_a_gigabyte_that_is_announced_is_not_read():
    error = await refused(sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n{"), ServerError)
    assert error.code == "server.too_large"
    assert "262144 bytes" in error.message


async def test_an_endless_answer_is_cut_off_early():
    sent = 0
    cut_off = asyncio.Event()

    async def answer(head, body, writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while sent < 1_000_000_000:
                writer.write(b" " * 65_536)
                await writer.drain()
                sent += 65_536
        except ConnectionError:
            cut_off.set()
            raise

    async with listening(answer) as url:
        with pytest.raises(ServerError) as caught:
            await ask(url, timeout=30)
        async with asyncio.timeout(30):
            await cut_off.wait()
    assert caught.value.code == "server.too_large"
    assert sent < 64_000_000  # what the two sockets' buffers took


async def test_the_limit_is_the_callers():
    async with listening(says(b'{"a":1}')) as url:
        assert (await ask(url, limit=7)).body == {"a": 1}
    error = await refused(sends(b'HTTP/1.1 200 OK\r\n\r\n{"a":1}'), ServerError, limit=6)
    assert error.code == "server.too_large"


async def _drip(head, body, writer):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b" " * 500:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def _silence(head, body, writer):
    await asyncio.sleep(3600)


@pytest.mark.parametrize("answer", [_drip, _silence])
async def test_the_deadline_is_for_all_of_it(answer):
    began = time.monotonic()
    error = await refused(answer, NetworkError, timeout=0.4)
    assert error.code == "network.timeout"
    assert "0.4 s" in error.message
    assert time.monotonic() - began < 5


async def test_a_connection_is_not_kept_for_long():
    """It may have been made from an address that is gone by the next request, and then nothing answers."""

    async def once(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await asyncio.Event().wait()

    async with listening(once) as url, new_client() as client:
        await exchange(client, "GET", url, what=WHAT, timeout=10)
        await asyncio.sleep(KEEP_IDLE + 0.5)
        await exchange(client, "GET", url, what=WHAT, timeout=10)


async def test_nobody_accepts():
    """A full backlog: the connection hangs, as behind a firewall that drops."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        try:
            with pytest.raises(NetworkError) as caught:
                await ask(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=0.4)
        finally:
            for filler in fillers:
                filler.close()
    assert caught.value.code == "network.timeout"


async def test_nothing_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        free_port = free.getsockname()[1]
        with pytest.raises(NetworkError) as caught:
            await ask(f"http://user:pass@127.0.0.1:{free_port}/a?key=hush")
    assert caught.value.code == "network.refused"
    assert caught.value.endpoint == Endpoint("127.0.0.1", free_port)
    assert "127.0.0.1" in str(caught.value)
    assert not any(part in str(caught.value) for part in ("pass", "hush", "user"))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid"])
async def test_the_name_is_unknown(host):
    with pytest.raises(NetworkError) as caught:
        await ask(f"http://{host}")
    assert caught.value.code == "network.dns"
    assert caught.value.endpoint is None, "there is no host to try a connection to"
    assert host in caught.value.message


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://api.example/v2/x?token=hush", Endpoint("api.example", 443)),
        ("http://api.example/", Endpoint("api.example", 80)),
        ("wss://user:pass@room.example:8443/?secret=hush", Endpoint("room.example", 8443)),
        ("ws://[::1]:9/", Endpoint("::1", 9)),
        ("nonsense", None),
    ],
)
def test_where_a_connection_goes(url, endpoint):
    assert endpoint_of(url) == endpoint


def test_behind_a_proxy_no_connection_of_ours_would_tell(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "near.example")
    assert endpoint_of("https://far.example/") is None
    assert endpoint_of("https://near.example/") == Endpoint("near.example", 443)


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


async def test_a_proxy_that_refuses(monkeypatch):
    async with listening(says(b"", "403 Forbidden")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(NetworkError) as caught:
            await ask("https://elsewhere.invalid")
    assert caught.value.code == "network.proxy"


# TLS


class Authority:
    """A certificate authority that lives as long as the test."""

    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        others = (
            "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
            "crl_sign encipher_only decipher_only"
        )
        usage = dict.fromkeys(others.split(), False)
        # Python 3.13 verifies strictly: RFC 5280 asks for all of these.
        extensions = [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (x509.KeyUsage(key_cert_sign=True, **usage), True),
            (x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False),
        ]
        certificate = self._sign(self.name, self.key.public_key(), timedelta(0), extensions)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, name, key, shift, extensions):
        start = datetime.now(UTC) + shift - timedelta(days=1)
        builder = x509.CertificateBuilder().issuer_name(self.name).subject_name(name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=2))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, *, shift=timedelta(0), address="127.0.0.1"):
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = self._sign(x509.Name([]), key.public_key(), shift, [(names, True), (issuer, False)])
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._keep("server.pem", certificate, key))
        return context

    def server_that_asks(self):
        """One that lets nobody in without a certificate of this authority."""
        context = self.server()
        context.load_verify_locations(self.ca_file)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def device(self):
        """A device's certificate, with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "front-door")])
        certificate = self._sign(name, key.public_key(), timedelta(0), [(issuer, False)])
        return self._keep("device.pem", certificate, key)

    def _keep(self, name, certificate, key):
        pem = self.folder / name
        pem.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pem


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


async def test_a_known_authority_is_trusted(authority):
    async with listening(says({"a": 1}), tls=authority.server()) as url:
        assert (await ask(url, ca_file=authority.ca_file)).body == {"a": 1}


async def test_a_server_that_asks_for_a_certificate_gets_it(authority):
    async with listening(says({"a": 1}), tls=authority.server_that_asks()) as url:
        reply = await ask(url, ca_file=authority.ca_file, client_cert=authority.device())
    assert reply.body == {"a": 1}


@pytest.mark.parametrize("whose", ["nobody's", "a stranger's"])
async def test_without_its_certificate_a_server_that_asks_for_one_refuses(authority, tmp_path, whose):
    (tmp_path / "elsewhere").mkdir()
    shown = Authority(tmp_path / "elsewhere").device() if whose == "a stranger's" else None
    tls = authority.server_that_asks()
    error = await refused(says({"a": 1}), NetworkError, tls=tls, ca_file=authority.ca_file, client_cert=shown)
    # In TLS 1.3 the refusal comes after the handshake, and races with the end of the connection.
    assert error.code in {"network.tls", "network.broken"}


async def test_an_unknown_authority_is_not_trusted(authority):
    error = await refused(says(), NetworkError, tls=authority.server())
    assert error.code == "network.tls_untrusted"
    assert "ca_file" in error.hint


async def test_a_certificate_of_the_future_is_the_clocks_fault(authority):
    tls = authority.server(shift=timedelta(days=30))
    error = await refused(
        says(),
        ClockError,
        tls=tls,
        ca_file=authority.ca_file,
        wall_clock=lambda: datetime(1970, 1, 2, tzinfo=UTC),
    )
    assert error.code == "clock.behind"
    assert "1970-01-02" in error.message


async def test_a_certificate_of_the_past_may_be_the_servers_fault(authority):
    tls = authority.server(shift=timedelta(days=-30))
    error = await refused(says(), NetworkError, tls=tls, ca_file=authority.ca_file)
    assert error.code == "network.tls_expired"
    assert "clock" in error.hint


async def test_a_certificate_for_another_name(authority):
    tls = authority.server(address="192.0.2.1")
    error = await refused(says(), NetworkError, tls=tls, ca_file=authority.ca_file)
    assert error.code == "network.tls_wrong_name"


async def test_https_to_a_plain_port():
    def refuse(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        with pytest.raises(NetworkError) as caught:
            await ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert caught.value.code == "network.tls"
    assert "https" in caught.value.hint


async def test_a_handshake_that_hangs_leaves_no_socket_behind():
    began = time.monotonic()
    async with listening(_silence) as url:
        with pytest.raises(NetworkError) as caught:
            await ask(url.replace("http:", "https:"), timeout=0.4)
        assert caught.value.code == "network.timeout"
        assert time.monotonic() - began < 5
        del caught
        with warnings.catch_warnings(record=True, category=ResourceWarning) as leaks:
            gc.collect()
    assert leaks == []


# Whatever comes, it is an answer or an error of ours


@given(
    raw=st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda status, head, body: b"HTTP/1.1 %d X\r\n%s\r\n\r\n%s" % (status, head, body),
            st.integers(100, 699),
            st.sampled_from([b"", b"Retry-After", b"Date: x", b"Location: http://[", b"Location: \xff/"])
            | st.binary(max_size=40),
            st.binary(max_size=60)
            | st.sampled_from([b'{"a": NaN}', b"{}", b"\xef\xbb\xbf{}", b'{"\\ud800": 1}']),
        ),
    )
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_end_in_an_answer_or_an_error_of_ours(fuzz_runner, raw):
    fuzz_runner(raw)


@pytest.fixture(scope="module")
def fuzz_runner():
    current = b""

    async def answer(head, body, writer):
        writer.write(current)

    async def once(raw):
        nonlocal current
        current = raw
        with contextlib.suppress(EdgemeetError):
            await exchange(client, "GET", url, what=WHAT, timeout=10)

    with asyncio.Runner() as runner:
        server = listening(answer)
        client = new_client()
        url = runner.run(server.__aenter__())
        yield lambda raw: runner.run(once(raw))
        runner.run(client.aclose())
        runner.run(server.__aexit__(None, None, None))
