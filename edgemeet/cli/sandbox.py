"""`edgemeet sandbox`."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import typer

from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve
from edgemeet.telemetry import Redactor, configure_logging


def run_sandbox(host: str, port: int) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        ControlError: the address cannot be listened on.
    """
    configure_logging("INFO", "auto", Redactor())
    asyncio.run(_serve(SandboxOptions(host=host, port=port)))


async def _serve(options: SandboxOptions) -> None:
    loop = asyncio.get_running_loop()
    serving = loop.create_task(serve(options, ready=_announce))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def _announce(address: SandboxAddress) -> None:
    typer.echo(f"sandbox ready: {address.base_url}")
