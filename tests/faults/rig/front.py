"""A front before the room server that answers in its place when told to."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def http(status: int, body: bytes = b"{}", kind: str = "application/json", **headers: str) -> Answer:
    """An answer; underscores in names of headers are dashes."""
    told = {"content-type": kind, "content-length": str(len(body))}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} Told\r\n{head}connection: close\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


PORTAL = http(200, b"<!doctype html><title>Hotel</title><p>Welcome! Please log in.", "text/html")


async def slow_loris(writer: asyncio.StreamWriter) -> None:
    """A good beginning, and then a byte a second for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{")
    while True:
        await asyncio.sleep(1)
        writer.write(b" ")
        await writer.drain()


def in_seconds(seconds: float) -> str:
    """Retry-After as a date."""
    return formatdate(time.time() + seconds, usegmt=True)


class Front:
    """Hands everything on to `port` but what `faults` names.

    Attributes:
        faults: by the beginning of a path, what is answered instead.
        asked: the time and the path of each request.
    """

    def __init__(self, port: int, *, host: str = "127.0.0.1") -> None:
        self._port = port
        self._host = host
        self.faults: dict[str, Answer] = {}
        self.asked: list[tuple[float, str]] = []
        self.url = ""
        self._server: asyncio.Server | None = None
        self._busy: set[asyncio.Task[None]] = set()

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=tls)
        port = self._server.sockets[0].getsockname()[1]
        self._scheme = "https" if tls else "http"
        self.url = f"{self._scheme}://{self._host}:{port}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    def times(self, path: str) -> list[float]:
        """When something that begins so was asked for."""
        return [at for at, asked in self.asked if asked.startswith(path)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._busy.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
                await self._answer(reader, writer)
        finally:
            self._busy.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode()
        self.asked.append((time.monotonic(), path))
        for prefix, fault in self.faults.items():
            if path.startswith(prefix):
                await fault(writer)
                return
        inner_reader, inner_writer = await asyncio.open_connection(self._host, self._port)
        try:
            first, rest = head.split(b"\r\n", 1)
            inner_writer.write(
                first + f"\r\nX-Forwarded-Proto: {self._scheme}\r\n".encode() + self._once(rest)
            )
            ways = [
                asyncio.create_task(_copy(reader, inner_writer)),
                asyncio.create_task(_copy(inner_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            inner_writer.close()

    def _once(self, headers: bytes) -> bytes:
        """One request a connection, so that each is seen; a websocket stays what it is."""
        lines = headers.split(b"\r\n")
        if any(line.lower().startswith(b"upgrade:") for line in lines):
            return headers
        kept = [line for line in lines if not line.lower().startswith(b"connection:")]
        return b"connection: close\r\n" + b"\r\n".join(kept)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def certificate(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for these names ("IP:127.0.0.1"), and what serves with it."""
    file, key = folder / "front.pem", folder / "front.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", "/CN=front", "-addext", f"subjectAltName={','.join(names)}"),
            *("-keyout", str(key), "-out", str(file)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return file, context
