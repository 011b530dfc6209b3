"""Figures of the capture process: what 500 rounds of SIGKILL leave behind, and who uses the processor.

    .venv/bin/python scripts/bench_capture.py kill [--rounds 500]
    .venv/bin/python scripts/bench_capture.py cpu [--seconds 30]

`cpu` runs a sandbox in this process, `edgemeet run` at 1280x720, 30 pictures a second and 1.5 Mb/s, and no
viewer. Run by hand; docs/devices.md holds the figures.
"""

# ruff: noqa: ASYNC110, ASYNC240 - looking and waiting is all that it does; its loop serves nobody else
from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from edgemeet.encoded import VideoEncoding
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.plan import Respawn, camera_plan
from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
ROOM = "abcd-efgh-ijkl"
CONFIG = """\
[meeting]
id = "{room}"
api_url = "{url}"
[provisioning]
url = "{url}/get-token"
[camera]
source = "test"
encoder = "x264"
max_bitrate = 1500000
[microphone]
source = "tone"
"""


def children(pid: int) -> dict[int, str]:
    """State of each child process by pid; Z is a zombie."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = entry.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid:
                found[int(entry.parent.name)] = state
    return found


def leftovers() -> str:
    """What this process holds."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6
    zombies = sum(state == "Z" for state in children(os.getpid()).values())
    return (
        f"{len(os.listdir('/proc/self/fd'))} file descriptors, {resident:.1f} MB resident, "
        f"{zombies} zombies, {len(asyncio.all_tasks())} tasks"
    )


async def kill(rounds: int) -> None:
    """Kill the child as soon as it gives pictures, over and over."""
    encoding = VideoEncoding(width=320, height=180, fps=30, max_bitrate=300_000)
    plan = camera_plan(
        source="test", encodings=[encoding], width=320, height=180, respawn=Respawn(base=0.01, ceiling=0.01)
    )
    units = 0

    def count(_: object) -> None:
        nonlocal units
        units += 1

    capture = CaptureProcess(plan)
    capture.attach(count)
    task = asyncio.create_task(capture.run())
    back: list[float] = []
    for number in range(rounds + 1):
        seen, since = units, time.monotonic()
        async with asyncio.timeout(30):
            while units < seen + 2:
                await asyncio.sleep(0.002)
        if number:
            back.append(time.monotonic() - since)
        if number in {0, 10, rounds // 2, rounds}:
            print(f"after {number:3} kills: {leftovers()}", flush=True)
        pid = capture.status().pid
        if pid is not None and number < rounds:
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(30):
                while capture.status().pid == pid:
                    await asyncio.sleep(0.001)
    print(
        f"from the kill to the second picture of the next child: median {statistics.median(back):.2f} s, "
        f"longest {max(back):.2f} s; {capture.status().restarts} restarts"
    )
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    print(f"stopped: {leftovers()}")


def busy(pid: int) -> float:
    """Seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def cpu(seconds: float) -> None:
    """Run the daemon in a sandbox and divide its processor time among its processes."""
    ready: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
    sandbox = asyncio.create_task(serve(SandboxOptions(port=0, rooms=(ROOM,)), ready=ready.set_result))
    url = (await asyncio.wait_for(ready, 10)).base_url
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "edgemeet.toml")
        config.write_text(CONFIG.format(room=ROOM, url=url))
        env = os.environ | {
            "EDGEMEET_CONFIG": str(config),
            "STATE_DIRECTORY": folder,
            "RUNTIME_DIRECTORY": folder,
        }
        daemon = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edgemeet", "run", env=env, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await asyncio.sleep(8)  # joined, and past the first keyframes
            before = {pid: busy(pid) for pid in (daemon.pid, *children(daemon.pid))}
            await asyncio.sleep(seconds)
            used = {pid: busy(pid) - since for pid, since in before.items()}
            camera = max(
                used.keys() - {daemon.pid}, key=lambda pid: used[pid]
            )  # the other one is the microphone
            for pid, spent in used.items():
                name = {daemon.pid: "parent", camera: "camera's child"}.get(pid, "microphone's child")
                print(f"{name}: {100 * spent / seconds:.1f} % of a core")
        finally:
            daemon.terminate()
            await asyncio.wait_for(daemon.wait(), 10)
            sandbox.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sandbox


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("kill", "cpu"))
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=30)
    arguments = parser.parse_args()
    asyncio.run(kill(arguments.rounds) if arguments.what == "kill" else cpu(arguments.seconds))


if __name__ == "__main__":
    main()
