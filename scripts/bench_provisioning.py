"""The provisioning server under 10,000 devices that power up in one minute, and at its limit; loopback only.

The simulated devices sign and speak HTTP on the same machine: they take part of what the server could have
had, and the figures are a lower bound.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from edgemeet.provision_server.database import Database
from edgemeet.provision_server.schema import upgrade
from edgemeet.provision_server.tables import DEVICES
from edgemeet.provisioning import DeviceKey

DEADLINE = 30.0  # seconds for one request


@dataclass
class Figures:
    """What was seen."""

    seconds: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    def line(self, name: str, took: float) -> str:
        """For a person."""
        good = self.outcomes["200"]
        bad = {outcome: number for outcome, number in self.outcomes.items() if outcome != "200"}
        marks = statistics.quantiles(self.seconds or [0.0, 0.0], n=100)
        return (
            f"{name:<34} {good:>6} answers in {took:5.1f} s = {good / took:6.0f}/s   "
            f"p50 {marks[49] * 1000:6.1f} ms   p99 {marks[98] * 1000:7.1f} ms"
            + (f"   others: {bad}" if bad else "")
        )


class Fleet:
    """Devices with keys of their own, in the database already."""

    def __init__(self, size: int, port: int) -> None:
        self._port = port
        self._audience = f"http://127.0.0.1:{port}"
        self.keys = {f"d-{number:08}": DeviceKey.generate() for number in range(size)}

    def put_into(self, database: Database) -> None:
        now = int(time.time())
        rows = [
            {
                "id": device_id,
                "name": device_id,
                "participant_id": device_id,
                "public_key": key.public.model_dump_json(exclude_none=True),
                "thumbprint": key.public.thumbprint,
                "meeting_id": "abcd-efgh-ijkl",
                "created_at": now,
                "enrolled_at": now,
            }
            for device_id, key in self.keys.items()
        ]
        with database.write() as connection:
            connection.execute(DEVICES.delete())
            connection.execute(DEVICES.insert(), rows)

    async def ask(self, device_id: str, figures: Figures) -> None:
        """One device asks for its token, over a connection of its own."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(DEADLINE):
                status = await self._exchange(device_id)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            status = type(error).__name__
        figures.outcomes[status] += 1
        if status == "200":
            figures.seconds.append(time.monotonic() - began)

    async def _exchange(self, device_id: str) -> str:
        now = int(time.time())
        claims = {
            "iss": device_id,
            "sub": device_id,
            "aud": self._audience,
            "jti": secrets.token_hex(12),
            "iat": now,
            "exp": now + 60,
        }
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(
                f"GET /v1/token?participantId={device_id} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
                f"Authorization: Bearer {self.keys[device_id].sign(claims)}\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            answer = await reader.read()
        finally:
            writer.close()
        return answer[9:12].decode("ascii", "replace") or "closed"


@asynccontextmanager
async def server(port: int, url: str, workers: int):
    environ = os.environ | {
        "EDGEPROVISION_API_KEY": "the-api-key",
        "EDGEPROVISION_API_SECRET": secrets.token_hex(32),
        "EDGEPROVISION_DATABASE_URL": url,
        "EDGEPROVISION_PORT": str(port),
        "EDGEPROVISION_WORKERS": str(workers),
        "EDGEPROVISION_MAX_IN_FLIGHT": "100000",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edgemeet", "provision", "serve", env=environ, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except OSError:
                    await asyncio.sleep(0.2)
        await asyncio.sleep(2)  # the second worker may still be coming
        yield
    finally:
        process.terminate()
        await process.wait()


async def power_up(fleet: Fleet, seconds: float) -> str:
    """Every device asks once, at a random moment of a minute."""
    figures, rng = Figures(), random.Random(1)

    async def one(device_id: str, at: float) -> None:
        await asyncio.sleep(at)
        await fleet.ask(device_id, figures)

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for device_id in fleet.keys:
            group.create_task(one(device_id, rng.uniform(0, seconds)))
    return figures.line(f"{len(fleet.keys)} devices in {seconds:g} s", time.monotonic() - began)


async def limit(fleet: Fleet, seconds: float, at_once: int) -> str:
    """So many devices at a time ask one after another, as fast as they are answered."""
    figures = Figures()
    waiting = iter(list(fleet.keys) * 20)
    until = time.monotonic() + seconds

    async def some() -> None:
        while time.monotonic() < until:
            await fleet.ask(next(waiting), figures)

    began = time.monotonic()
    await asyncio.gather(*(some() for _ in range(at_once)))
    return figures.line(f"at its limit, {at_once} at once", time.monotonic() - began)


async def measure(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="edgemeet-bench-") as folder:
        for workers in options.workers:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
            url = options.database_url or f"sqlite:///{Path(folder)}/{workers}.db"
            database = Database(SecretStr(url))
            upgrade(database)
            fleet = Fleet(options.devices, port)
            fleet.put_into(database)
            async with server(port, url, workers):
                name = f"workers {workers}, {'SQLite' if database.sqlite else 'PostgreSQL'}"
                print(f"{name}: {await power_up(fleet, options.seconds)}", flush=True)
                print(f"{name}: {await limit(fleet, options.limit_seconds, options.at_once)}", flush=True)
            database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="in which all of them power up")
    parser.add_argument("--limit-seconds", type=float, default=20.0)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--database-url", help="postgresql://...; when absent SQLite in a temporary folder")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
