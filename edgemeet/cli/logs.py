"""`edgemeet logs`."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

from edgemeet.errors import ControlError

UNIT = "edgemeet.service"


def show_journal(*, follow: bool, lines: int) -> NoReturn:
    """Become journalctl: its colours, its pager and its keys are what people know.

    Raises:
        ControlError: there is no journalctl (code control.no_journal).
    """
    program = shutil.which("journalctl")
    if program is None:
        raise ControlError(
            "there is no journal on this machine",
            code="control.no_journal",
            hint="a daemon that no systemd started writes its log to its standard error",
        )
    arguments = [program, f"--unit={UNIT}", f"--lines={lines}", *(["--follow"] if follow else [])]
    os.execv(program, arguments)  # noqa: S606 - no shell is wanted
