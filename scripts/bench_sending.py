"""The processor time of the daemon itself, which sends what its children have encoded, at 2.5 Mb/s.

    scripts/bench sending [--bitrate 2500000] [--layers 3] [--seconds 30] [--profile FILE]

The room is a process of its own; encoding is in the camera's child and not counted. Sending over loopback
makes the kernel deliver at once, so its part is more than it is over a network. `--profile` writes what
cProfile saw, which costs about as much again.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from edgemeet.control import ControlClient, Status
from edgemeet.errors import ControlError

TICKS = os.sysconf("SC_CLK_TCK")
ROOM = "abcd-efgh-ijkl"
CONFIG = """\
[meeting]
id = "{room}"
api_url = "{url}"
multistream = {multistream}
[provisioning]
url = "{url}/get-token"
[camera]
source = "test"
encoder = "x264"
max_bitrate = {bitrate}
[microphone]
source = "tone"
"""
SANDBOX = """\
import asyncio
from edgemeet.sandbox import SandboxOptions, serve
options = SandboxOptions(port=0, rooms=("{room}",))
asyncio.run(serve(options, ready=lambda address: print(address.base_url, flush=True)))
"""


def busy(pid: int) -> tuple[float, float]:
    """Seconds of processor time a process has used itself, and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def wakeups(pid: int) -> int:
    """How often a process has waited, and so was woken up."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


@contextlib.asynccontextmanager
async def process(*command: str, **options: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends with the block."""
    started = await asyncio.create_subprocess_exec(*command, **options)  # type: ignore[arg-type]  # pipes and env
    try:
        yield started
    finally:
        started.terminate()
        await asyncio.wait_for(started.wait(), 20)


async def joined(control: ControlClient) -> None:
    """Wait until pictures are sent."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(ControlError):
                status = await asyncio.to_thread(control.status)
                if any(
                    e.frames_sent > 100 for p in status.producers for e in p.encodings if p.kind == "video"
                ):
                    return
            await asyncio.sleep(0.2)


def packets(status: Status) -> tuple[int, int]:
    """Packets and bytes of the whole transport."""
    assert status.transport is not None
    return status.transport.packets_sent, status.transport.bytes_sent


async def measure(arguments: argparse.Namespace) -> None:
    """One daemon in one room."""
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgemeet-")))
        sandbox = await stack.enter_async_context(
            process(sys.executable, "-c", SANDBOX.format(room=ROOM), stdout=asyncio.subprocess.PIPE)
        )
        assert sandbox.stdout is not None
        url = (await asyncio.wait_for(sandbox.stdout.readline(), 30)).decode().strip()
        config, socket = folder / "edgemeet.toml", folder / "control.sock"
        multistream = str(arguments.layers > 1).lower()
        config.write_text(
            CONFIG.format(room=ROOM, url=url, multistream=multistream, bitrate=arguments.bitrate)
        )
        env = os.environ | {
            "EDGEMEET_CONFIG": str(config),
            "EDGEMEET_CONTROL__SOCKET": str(socket),
            "STATE_DIRECTORY": str(folder),
            "RUNTIME_DIRECTORY": str(folder),
        }
        profiled = ("-m", "cProfile", "-o", arguments.profile) if arguments.profile else ()
        daemon = await stack.enter_async_context(
            process(
                *(sys.executable, *profiled, "-m", "edgemeet", "run"),
                env=env,
                stderr=asyncio.subprocess.DEVNULL,
            )
        )
        control = ControlClient(socket)
        await joined(control)
        await asyncio.sleep(3)
        before, sent_before, since = busy(daemon.pid), control.status(), time.monotonic()
        woken = wakeups(daemon.pid)
        await asyncio.sleep(arguments.seconds)
        sent, lasted = control.status(), time.monotonic() - since
        woken = wakeups(daemon.pid) - woken
        own, kernel = (b - a for a, b in zip(before, busy(daemon.pid), strict=True))
        count, octets = (b - a for a, b in zip(packets(sent_before), packets(sent), strict=True))
        print(
            f"{octets * 8 / lasted / 1e6:.2f} Mb/s in {count / lasted:.0f} packets a second: "
            f"{100 * (own + kernel) / lasted:.1f} % of a core ({100 * kernel / lasted:.1f} % in the kernel), "
            f"{1e6 * (own + kernel) / count:.0f} us a packet, {woken / lasted:.0f} wake-ups a second"
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="bench sending", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--bitrate", type=int, default=2_500_000, help="bits per second of the picture")
    parser.add_argument("--layers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--profile", help="file for cProfile's figures")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
