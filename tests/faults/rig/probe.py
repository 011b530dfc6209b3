"""The daemon with a look inside: `probe.py run` is `edgemeet run`.

It writes what its asyncio tasks are to $PROBE_FILE twice a second, and its event loop hangs on SIGUSR1.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from edgemeet.cli import main

_run = asyncio.run


def a_call_that_never_returns() -> None:
    """What a hang looks like in a dump of the stacks."""
    time.sleep(3600)


def _name(task: asyncio.Task[Any]) -> str:
    """What a task runs, for people."""
    work = task.get_coro()
    return getattr(work, "__qualname__", type(work).__name__)


async def _tell(file: Path) -> None:
    while True:
        told = json.dumps(Counter(sorted(map(_name, asyncio.all_tasks() - {asyncio.current_task()}))))
        await asyncio.to_thread(file.write_text, told)
        await asyncio.sleep(0.5)


async def _beside(work: Coroutine[Any, Any, Any]) -> Any:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, a_call_that_never_returns)
    telling = asyncio.create_task(_tell(Path(os.environ["PROBE_FILE"])))
    try:
        return await work
    finally:
        telling.cancel()


def _probed(work: Coroutine[Any, Any, Any], **options: Any) -> Any:
    return _run(_beside(work), **options)


if __name__ == "__main__":
    asyncio.run = _probed
    main()
