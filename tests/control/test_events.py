"""Server-sent events over the real socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from edgemeet.control import Event, listening, serve, serve_metrics

if TYPE_CHECKING:
    from tests.control.conftest import RecordedDaemon

EVENT = Event(number=7, at=1.0, kind="state", subject="session", value="held", before="joined", text="held")


@asynccontextmanager
async def served(daemon: RecordedDaemon, path: Path) -> AsyncIterator[asyncio.Task[None]]:
    with listening(path) as listener:
        serving = asyncio.create_task(serve(daemon, listener))
        try:
            yield serving
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def client(path: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://edgemeet", timeout=20
    )


async def parts(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    part: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            part[name] = value
        elif part:
            yield part
            part = {}


async def test_the_status_comes_first_and_then_what_happens(recorded: RecordedDaemon, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with served(recorded, path), client(path) as asking, asking.stream("GET", "/v1/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        coming = parts(stream.aiter_lines())
        first = await anext(coming)
        assert (first["event"], json.loads(first["data"])["schema_version"]) == ("status", 1)
        recorded.listeners[0].put(EVENT)
        second = await anext(coming)
        assert (second["event"], second["id"]) == ("state", "7")
        assert Event.model_validate_json(second["data"]) == EVENT


async def test_who_goes_is_forgotten(recorded: RecordedDaemon, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with served(recorded, path):
        async with client(path) as asking, asking.stream("GET", "/v1/events") as stream:
            await anext(parts(stream.aiter_lines()))
            assert len(recorded.listeners) == 1
        async with asyncio.timeout(20):
            while recorded.listeners:
                await asyncio.sleep(0.05)


async def test_who_listens_does_not_keep_the_daemon_from_ending(
    recorded: RecordedDaemon, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "control.sock"
    async with (
        served(recorded, path) as serving,
        client(path) as asking,
        asking.stream("GET", "/v1/events") as stream,
    ):
        coming = parts(stream.aiter_lines())
        await anext(coming)
        serving.cancel()
        async with asyncio.timeout(20):
            await asyncio.gather(serving, return_exceptions=True)
            assert [part async for part in coming] == []
    assert "timeout graceful shutdown exceeded" not in caplog.text


async def test_too_many_are_told_so(recorded: RecordedDaemon, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    recorded.full = True
    async with served(recorded, path), client(path) as asking:
        response = await asking.get("/v1/events")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "control.busy")


async def test_the_port_for_metrics_tells_nothing_else(recorded: RecordedDaemon) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving = asyncio.create_task(serve_metrics(recorded, listener))
    try:
        async with httpx.AsyncClient(timeout=20) as asking:
            assert (await asking.get(f"{url}/metrics")).text == recorded.metrics().decode()
            for path in ("/v1/status", "/v1/snapshot", "/"):
                assert (await asking.get(url + path)).status_code == 404
            assert (await asking.post(f"{url}/v1/leave")).status_code == 404
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert recorded.told == []
