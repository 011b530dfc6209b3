"""The provisioning server under 10,000 devices that power up in one minute, and at its limit; loopback only.

The simulated devices sign and speak HTTP on the same machine: they take part of what the server could have
had, and the figures are a lower bound.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
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

DEADLINE = 10.0  # seconds for one request, as a device has by default
AT_ONCE = 128  # exchanges under way among all simulated devices
PATIENCE = 300.0  # seconds after which a device counts as left without


@dataclass
class Figures:
    """What was seen."""

    seconds: list[float] = field(default_factory=list)  # from a question to its answer
    until_token: list[float] = field(default_factory=list)  # from power-up to the token, with all attempts
    outcomes: Counter[str] = field(default_factory=Counter)

    def line(self, name: str, took: float, cpu: float) -> str:
        """For a person."""
        good = self.outcomes["200"]
        bad = {outcome: number for outcome, number in self.outcomes.items() if outcome != "200"}
        return (
            f"{name}: {good} tokens in {took:.1f} s = {good / took:.0f}/s, answers {marks(self.seconds)}, "
            f"{1000 * cpu / max(1, sum(self.outcomes.values())):.1f} ms of the server's CPU each"
            + (f", power-up to token {marks(self.until_token)}" if self.until_token else "")
            + (f", others {bad}" if bad else "")
        )


def marks(seconds: list[float]) -> str:
    """Median and 99th percentile."""
    if len(seconds) < 2:
        return "none"
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1000:.0f} ms p99 {cuts[98] * 1000:.0f} ms"


class Fleet:
    """Devices with keys of their own, in the database already."""

    def __init__(self, size: int, port: int) -> None:
        self._port = port
        self._processor = asyncio.Semaphore(AT_ONCE)
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

    async def ask(self, device_id: str, figures: Figures) -> float | None:
        """One device asks for its token; the answer is None, or seconds after which to ask again."""
        # They have one processor among them: with all of them at it at once, none would be in time.
        async with self._processor:
            began = time.monotonic()
            try:
                async with asyncio.timeout(DEADLINE):
                    status, wait = await self._exchange(device_id)
            except (OSError, TimeoutError) as error:
                status, wait = type(error).__name__, None
        figures.outcomes[status] += 1
        if status == "200":
            figures.seconds.append(time.monotonic() - began)
            return None
        return wait or random.uniform(2, 15)

    async def power_up(self, device_id: str, figures: Figures) -> None:
        """Ask until there is a token, as a device does."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            wait = await self.ask(device_id, figures)
            if wait is None:
                figures.until_token.append(time.monotonic() - began)
                return
            await asyncio.sleep(wait)

    async def _exchange(self, device_id: str) -> tuple[str, float | None]:
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
        status = answer[9:12].decode("ascii", "replace") or "closed"
        wait = re.search(rb"(?i)retry-after: (\d+)", answer)
        return status, float(wait[1]) if wait else None


def cpu_seconds(pid: int) -> float:
    """Of a process and its children, so far (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return ticks / os.sysconf("SC_CLK_TCK") + sum(cpu_seconds(int(child)) for child in children)


@asynccontextmanager
async def server(port: int, url: str, workers: int):
    environ = os.environ | {
        "EDGEPROVISION_API_KEY": "the-api-key",
        "EDGEPROVISION_API_SECRET": secrets.token_hex(32),
        "EDGEPROVISION_DATABASE_URL": url,
        "EDGEPROVISION_PORT": str(port),
        "EDGEPROVISION_WORKERS": str(workers),
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
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def power_up(fleet: Fleet, seconds: float, pid: int) -> str:
    """Every device asks once, at a random moment of a minute."""
    figures, rng = Figures(), random.Random(1)

    async def one(device_id: str, at: float) -> None:
        await asyncio.sleep(at)
        await fleet.power_up(device_id, figures)

    began, before = time.monotonic(), cpu_seconds(pid)
    async with asyncio.TaskGroup() as group:
        for device_id in fleet.keys:
            group.create_task(one(device_id, rng.uniform(0, seconds)))
    name = f"{len(fleet.keys)} devices in {seconds:g} s"
    return figures.line(name, time.monotonic() - began, cpu_seconds(pid) - before)


async def limit(fleet: Fleet, seconds: float, at_once: int, pid: int) -> str:
    """So many devices at a time ask one after another, as fast as they are answered."""
    figures = Figures()
    waiting = iter(list(fleet.keys) * 20)
    until = time.monotonic() + seconds

    async def some() -> None:
        while time.monotonic() < until:
            await fleet.ask(next(waiting), figures)

    began, before = time.monotonic(), cpu_seconds(pid)
    await asyncio.gather(*(some() for _ in range(at_once)))
    name = f"at its limit, {at_once} at once"
    return figures.line(name, time.monotonic() - began, cpu_seconds(pid) - before)


async def settle() -> None:
    """Let what is left of the last measurement be done with."""
    await asyncio.sleep(5)


async def measure(options: argparse.Namespace) -> None:
    print(f"load of this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory(prefix="edgemeet-bench-") as folder:
        for workers in options.workers:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
            url = options.database_url or f"sqlite:///{Path(folder)}/{workers}.db"
            database = Database(SecretStr(url))
            upgrade(database)
            fleet = Fleet(options.devices, port)
            fleet.put_into(database)
            async with server(port, url, workers) as pid:
                name = f"workers {workers}, {'SQLite' if database.sqlite else 'PostgreSQL'}"
                print(f"{name}: {await power_up(fleet, options.seconds, pid)}", flush=True)
                await settle()
                print(
                    f"{name}: {await limit(fleet, options.limit_seconds, options.at_once, pid)}", flush=True
                )
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
