"""VideoSDK's own Python SDK as a second participant, and the TLS it insists on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from rig.parts import HERE, part
from rigging.waiting import eventually


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    certificate, key = folder / "front.pem", folder / "front.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@contextlib.asynccontextmanager
async def tls_front(certificate: Path, key: Path, port: int) -> AsyncIterator[int]:
    """A port that speaks TLS and hands everything on to `port`, saying as proxies do that it was TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    busy: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        busy.add(task)
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            inner_writer.write(await reader.readuntil(b"\r\n") + b"X-Forwarded-Proto: https\r\n")
            await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
        finally:
            busy.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tuple(busy):
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


class Vendor:
    """One participant process; `events` grows with what it tells."""

    def __init__(self, folder: Path, certificate: Path) -> None:
        self._log = folder / "vendor.log"
        self._certificate = certificate
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self.events: list[dict[str, Any]] = []

    async def start(self, **options: object) -> None:
        trust = {name: str(self._certificate) for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")}
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(str(part("VENDOR")), str(HERE / "vendor" / "participant.py"), json.dumps(options)),
                env=os.environ | trust,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self._reader = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    async def _read(self) -> None:
        assert self._process
        assert self._process.stdout
        async for line in self._process.stdout:
            if line.startswith(b"{"):  # the SDK itself prints as well
                self.events.append(json.loads(line))

    async def expect(
        self, event: str, condition: Callable[[dict[str, Any]], bool] = lambda _: True, *, within: float = 40
    ) -> dict[str, Any]:
        """The first event of this name for which the condition holds."""
        found: list[dict[str, Any]] = []

        async def seen() -> bool:
            found[:] = [each for each in self.events if each["event"] == event and condition(each)]
            return bool(found)

        try:
            await eventually(seen, within=within, what=f"{event} at the vendor's SDK")
        except pytest.fail.Exception:
            pytest.fail(f"no such {event}; told: {self.events[-8:]}\n{self._log.read_text()[-3000:]}")
        return found[0]

    async def stop(self) -> None:
        if self._process is None or self._reader is None:
            return
        assert self._process.stdin
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 15)
        except TimeoutError:
            self._process.kill()  # how long it takes to leave is the vendor's affair
            await self._process.wait()
        await self._reader
