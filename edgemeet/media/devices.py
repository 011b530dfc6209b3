"""Cameras, microphones and encoders of this machine.

What hangs or crashes while it is asked costs no more than its own part of the answer.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from pydantic import TypeAdapter, ValidationError

from edgemeet.media.child_process import child_environment
from edgemeet.media.survey import Camera, Encoder, Survey, Trouble
from edgemeet.media.surveyor import PARTS

PROGRAM = (sys.executable, "-P", "-m", "edgemeet.media.surveyor")
DEADLINE = 15.0  # seconds; a cold Pi loads libcamera for several

_SURVEY = TypeAdapter(Survey)


async def survey(*, deadline: float = DEADLINE, program: Sequence[str] = PROGRAM) -> Survey:
    """Everything that can be found within `deadline` seconds, and what could not be asked."""
    parts = await asyncio.gather(*(_ask(part, deadline, program) for part in PARTS))
    encoders = tuple(chain.from_iterable(part.encoders for part in parts))
    return Survey(
        cameras=tuple(
            dataclasses.replace(camera, encoders=_usable(camera, encoders))
            for part in parts
            for camera in part.cameras
        ),
        microphones=tuple(chain.from_iterable(part.microphones for part in parts)),
        encoders=encoders,
        troubles=tuple(chain.from_iterable(part.troubles for part in parts)),
    )


def _usable(camera: Camera, encoders: Sequence[Encoder]) -> tuple[str, ...]:
    """picamera2's encoder takes pictures from picamera2 alone."""
    return tuple(one.name for one in encoders if one.name != "picamera2" or camera.source == "picamera2")


async def _ask(part: str, deadline: float, program: Sequence[str]) -> Survey:
    process = await asyncio.create_subprocess_exec(
        *program,
        part,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # libcamera and alsa-lib tell their lives there
        env=child_environment(os.environ),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(deadline):
            out, _ = await process.communicate()
    except TimeoutError:
        return _trouble(part, "device.list_timeout", f"{part} gave no answer within {deadline:g} s")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    try:
        return _SURVEY.validate_json(out.strip().rpartition(b"\n")[2])
    except ValidationError:
        ending = f"exit code {process.returncode}" if process.returncode else "no answer"
        return _trouble(part, "device.list_failed", f"{part} could not be asked: it ended with {ending}")


def _trouble(part: str, code: str, message: str) -> Survey:
    return Survey(troubles=(Trouble(part, code, message),))
