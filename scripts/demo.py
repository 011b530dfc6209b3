"""Starts the sandbox and a daemon in it, tells where to look, and stops both at Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from array import array
from collections.abc import AsyncIterator
from math import pi, sin
from pathlib import Path

ROOM = "demo-room-one"
SAMPLE_RATE = 48_000
EDGEMEET = [sys.executable, "-m", "edgemeet"]

CONFIG = """\
[meeting]
source = "create"
custom_id = "{room}"
name = "Demo camera"
api_url = "{url}"
protocol = "{protocol}"

[provisioning]
url = "{url}/get-token"

[camera]
source = "test"

[microphone]
source = "alsa"
device = "demo"

[log]
format = "plain"
"""

# alsa-lib itself, reading a recorded tone instead of a sound card.
ASOUNDRC = """\
pcm.demo {{
    type file
    slave.pcm {{ type null }}
    file /dev/null
    infile {tone}
    format raw
}}
"""


def write_tone(path: Path, hertz: int = 440, seconds: int = 600) -> None:
    """A sine as 16-bit mono; a whole number of periods, so that its end joins its beginning."""
    second = array("h", (round(8000 * sin(2 * pi * hertz * n / SAMPLE_RATE)) for n in range(SAMPLE_RATE)))
    path.write_bytes(second.tobytes() * seconds)


@contextlib.asynccontextmanager
async def child(
    *arguments: str, env: dict[str, str], stdout: int | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that is asked to end, and made to, when the block ends."""
    # A process group of its own: Ctrl-C reaches this script alone, which then stops things in order.
    process = await asyncio.create_subprocess_exec(
        *EDGEMEET, *arguments, env=env, stdout=stdout, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 8)
            except TimeoutError:
                process.kill()
                await process.wait()


async def sandbox_address(process: asyncio.subprocess.Process) -> str:
    """What the sandbox prints when it listens."""
    assert process.stdout
    async for line in process.stdout:
        text = line.decode().strip()
        if text.startswith("sandbox ready: "):
            return text.removeprefix("sandbox ready: ").rstrip("/")
        print(text, flush=True)
    raise SystemExit("the sandbox did not start; is the port taken? try --port 0")


async def status(env: dict[str, str], *options: str) -> tuple[int, str]:
    """Exit code and output of `edgemeet status`."""
    asking = await asyncio.create_subprocess_exec(
        *EDGEMEET,
        "status",
        *options,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await asking.communicate()
    return asking.returncode or 0, out.decode()


async def joined(env: dict[str, str], daemon: asyncio.subprocess.Process) -> None:
    """Returns when the daemon sends; ends the demo when it does not within 30 s."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30):
            while daemon.returncode is None:
                code, out = await status(env, "--json")
                if code == 0 and json.loads(out)["timing"]["process_to_first_media"] is not None:
                    return
                await asyncio.sleep(0.3)
    what = "ended" if daemon.returncode is not None else "did not join within 30 s"
    raise SystemExit(f"the daemon {what}; its log above says why")


async def demo(folder: Path, port: int, protocol: str) -> None:
    """Run until a signal or until one of the two processes ends."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    write_tone(folder / "tone.raw")
    (folder / "asound.conf").write_text(ASOUNDRC.format(tone=folder / "tone.raw"))
    env = os.environ | {
        "EDGEMEET_CONFIG": str(folder / "edgemeet.toml"),
        "EDGEMEET_CONTROL__SOCKET": str(folder / "control.sock"),
        "STATE_DIRECTORY": str(folder / "state"),
        "RUNTIME_DIRECTORY": str(folder),
        "ALSA_CONFIG_PATH": f"/usr/share/alsa/alsa.conf:{folder / 'asound.conf'}",
    }
    async with child("sandbox", "--port", str(port), env=env, stdout=asyncio.subprocess.PIPE) as sandbox:
        url = await sandbox_address(sandbox)
        (folder / "edgemeet.toml").write_text(CONFIG.format(room=ROOM, url=url, protocol=protocol))
        async with child("run", env=env) as daemon:
            await joined(env, daemon)
            print("\n$ edgemeet status")
            print((await status(env))[1])
            print(f"See and hear it: {url}/?room={ROOM}")
            print(f"Ask it:          curl --unix-socket {folder / 'control.sock'} http://edgemeet/v1/status")
            print("Ctrl-C ends the demo.", flush=True)
            ends = [
                asyncio.create_task(wait) for wait in (stop.wait(), daemon.wait(), forward_output(sandbox))
            ]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            print("\nstopping", flush=True)


async def forward_output(process: asyncio.subprocess.Process) -> None:
    """Print what the sandbox prints, until it ends."""
    assert process.stdout
    async for line in process.stdout:
        print(line.decode().rstrip(), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8089, help="port of the page; 0 takes any free one")
    parser.add_argument(
        "--whip", action="store_true", help="publish over WHIP, and not as a full participant"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgemeet-") as folder:
        asyncio.run(demo(Path(folder), arguments.port, "whip" if arguments.whip else "native"))


if __name__ == "__main__":
    main()
