"""`edgemeet run` as a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rig.parts import in_namespace
from rig.room_server import ROOM
from rigging.daemon import WatchedDaemon

NAME = "Front door"
SMALL = {"CAMERA__WIDTH": "640", "CAMERA__HEIGHT": "360", "CAMERA__FPS": "15"}  # a picture that costs little
_MISTAKEN = Path(__file__).parent / "mistaken.py"

_CONFIG = """\
[meeting]
id = "{room}"
name = "{name}"
participant_id = "{participant}"
api_url = "{url}"

[provisioning]
url = "{url}/get-token"

[camera]
source = "test"

[microphone]
source = "tone"
tone_hz = 440
"""


class Device(WatchedDaemon):
    """One daemon.

    Attributes:
        started_at: Unix time at which its process began.
    """

    def __init__(self, folder: Path, participant: str) -> None:
        super().__init__(folder)
        self.participant = participant
        self.started_at = 0.0

    async def start(
        self,
        url: str,
        *,
        namespace: str | None = None,
        name: str = NAME,
        mistake: str | None = None,
        launcher: Path | None = None,
        **environ: str,
    ) -> None:
        """Variables are those of the configuration, without EDGEMEET_; for mistakes see mistaken.py.

        A `launcher` is run in the place of `python -m edgemeet`.
        """
        config = self.folder / "edgemeet.toml"
        config.write_text(_CONFIG.format(room=ROOM, name=name, participant=self.participant, url=url))
        env = os.environ | {
            "EDGEMEET_CONFIG": str(config),
            "EDGEMEET_CONTROL__SOCKET": str(self.folder / "control.sock"),
            "STATE_DIRECTORY": str(self.folder / "state"),
            "RUNTIME_DIRECTORY": str(self.folder),
        }
        env |= {f"EDGEMEET_{key}": value for key, value in environ.items()}
        program = ("-m", "edgemeet") if mistake is None else (str(_MISTAKEN), mistake)
        if launcher is not None:
            program = (str(launcher),)
        command = in_namespace(namespace, sys.executable, *program, "run")
        self.started_at = time.time()
        with (self.folder / "device.log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(*command, env=env, stdout=log, stderr=log)


StartDevice = Callable[..., Awaitable[Device]]
