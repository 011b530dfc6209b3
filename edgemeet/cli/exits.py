"""Exit codes, and how errors are told at the command line.

====  ==========================================================
0     done
1     it did not work
2     the command line itself is wrong
3, 4  `doctor` found warnings, or errors
69    no daemon is running, or it does not answer (EX_UNAVAILABLE)
75    `wait` gave up: it was not so in time (EX_TEMPFAIL)
77    no permission (EX_NOPERM)
78    the configuration cannot be used (EX_CONFIG)
====  ==========================================================

Numbers from 64 on: sysexits.h; systemd shows them by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from edgemeet.errors import ConfigError, EdgemeetError

_BY_CODE = {
    "control.not_running": os.EX_UNAVAILABLE,
    "control.stuck": os.EX_UNAVAILABLE,
    "control.timeout": os.EX_TEMPFAIL,
    "control.forbidden": os.EX_NOPERM,
}


def exit_code(error: EdgemeetError) -> int:
    """The exit code for `error`."""
    if isinstance(error, ConfigError):
        return os.EX_CONFIG
    return _BY_CODE.get(error.code, 1)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Expected errors inside the block become a message on standard error and an exit code."""
    try:
        yield
    except EdgemeetError as error:
        hint = f"  {error.hint}\n" if error.hint else ""
        sys.stderr.write(f"edgemeet: {error.message}\n{hint}")
        raise SystemExit(exit_code(error)) from None
