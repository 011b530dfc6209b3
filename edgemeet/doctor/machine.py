"""What the checks look at, so that tests can put another machine in its place."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from edgemeet.config import Settings
from edgemeet.control import Status
from edgemeet.doctor.probes import Encoding, Listening, encode, listen
from edgemeet.errors import ConfigError
from edgemeet.media.devices import survey
from edgemeet.media.plan import CameraPlan, MicrophonePlan
from edgemeet.media.survey import Survey

PROGRAM_TIMEOUT = 4.0  # seconds; systemctl answers in milliseconds, unless something is broken
SURVEY_TIMEOUT = 10.0  # seconds; a cold Pi loads libcamera for several
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


async def run_program(*arguments: str) -> str | None:
    """The standard output of a program; None when there is none such, it fails, or takes over 4 s."""
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(PROGRAM_TIMEOUT):
            out, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return out.decode(errors="replace") if process.returncode == 0 else None


def clock_synchronised() -> bool | None:
    """Whether the kernel was told that its clock is right; None when it cannot be asked."""
    libc = ctypes.CDLL(None, use_errno=True)
    timex = ctypes.create_string_buffer(512)  # struct timex has 208 bytes; all zero asks and changes nothing
    state = libc.adjtimex(timex)
    return None if state < 0 else state != _TIME_ERROR


async def resolve(host: str) -> None:
    """Raises OSError where the system's resolver finds no address of `host`."""
    await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)


async def look_for_devices() -> Survey:
    """What `edgemeet devices` lists."""
    return await survey(deadline=SURVEY_TIMEOUT)


@dataclass(frozen=True)
class Machine:
    """The device that is looked at.

    Attributes:
        settings: None when the configuration cannot be used; then `config_error` says why.
        config_file: the file they come from.
        daemon: the status of the running daemon, if one runs.
        root: where /proc, /sys, /etc and /run lie.
        environ: the environment variables.
        synchronised: whether the clock is.
        resolve: looks a host up, or raises OSError.
        program: runs one and returns its output.
        survey: lists the devices.
        encode: tries the encoder and says what it costs.
        listen: records one second.
        space: statvfs of a path.
        wall_clock: seconds since 1970.
    """

    settings: Settings | None
    config_file: Path
    config_error: ConfigError | None = None
    daemon: Status | None = None
    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    synchronised: Callable[[], bool | None] = clock_synchronised
    resolve: Callable[[str], Awaitable[None]] = resolve
    program: Callable[..., Awaitable[str | None]] = run_program
    survey: Callable[[], Awaitable[Survey]] = look_for_devices
    encode: Callable[[CameraPlan], Awaitable[Encoding]] = encode
    listen: Callable[[MicrophonePlan], Awaitable[Listening]] = listen
    space: Callable[[Path], os.statvfs_result] = os.statvfs
    wall_clock: Callable[[], float] = time.time

    def read(self, path: str) -> str | None:
        """The text of a small file of the machine; None when there is no such file."""
        try:
            return (self.root / path.lstrip("/")).read_text(errors="replace")
        except OSError:
            return None
