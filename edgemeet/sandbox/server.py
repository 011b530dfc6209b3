"""The sandbox on its sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from edgemeet.errors import ConfigError
from edgemeet.sandbox.app import create_app
from edgemeet.sandbox.options import SandboxAddress, SandboxOptions, base_url
from edgemeet.sandbox.sandbox import Sandbox

_log = logging.getLogger(__name__)

_MAX_FRAME: Final = 256 * 1024  # bytes; a join with a browser's capabilities has about 20 kB
_PING_INTERVAL: Final = 10.0  # seconds; a half-open websocket is noticed within twice that
_START_TIMEOUT: Final = 10.0
_STOP_TIMEOUT: Final = 3  # seconds for participants to take their goodbye


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: whoever runs the sandbox decides what a signal means."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(
    options: SandboxOptions,
    *,
    ready: Callable[[SandboxAddress], None] = lambda address: None,
    sandbox: Sandbox | None = None,
) -> None:
    """Run a sandbox until cancelled; no socket and no task is left then.

    `ready` is called once, with where the sandbox is, when it answers. It serves the state in `sandbox`, or
    a new one made from `options`.

    Raises:
        ConfigError: ``sandbox.address``, the address cannot be bound.
    """
    state = sandbox or Sandbox(options)
    listener = _bind(options)
    try:
        await _run(state, listener, ready)
    finally:
        listener.close()


@asynccontextmanager
async def running_sandbox(options: SandboxOptions) -> AsyncIterator[tuple[Sandbox, SandboxAddress]]:
    """A sandbox for the length of a block, with the handle that causes faults."""
    sandbox = Sandbox(options)
    started: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(options, ready=started.set_result, sandbox=sandbox))
    try:
        async with asyncio.timeout(_START_TIMEOUT):
            address = await _first(task, started)
        yield sandbox, address
    finally:
        started.cancel()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _first(task: asyncio.Task[None], started: asyncio.Future[SandboxAddress]) -> SandboxAddress:
    """The address, or what kept the sandbox from starting."""
    task.add_done_callback(lambda _: started.cancel())
    try:
        return await started
    except asyncio.CancelledError:
        if task.done():
            task.result()
        raise


async def _run(state: Sandbox, listener: socket.socket, ready: Callable[[SandboxAddress], None]) -> None:
    config = uvicorn.Config(
        create_app(state.options, sandbox=state),
        loop="none",
        http="h11",
        ws="websockets-sansio",
        ws_max_size=_MAX_FRAME,
        ws_ping_interval=_PING_INTERVAL,
        ws_ping_timeout=_PING_INTERVAL,
        lifespan="on",
        # uvicorn writes whole URLs to its log, and the websocket's holds the token.
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_STOP_TIMEOUT,
    )
    server = _Server(config)
    state.use_connections(lambda: _websockets(server))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has only this flag
            await asyncio.sleep(0.005)
        if not serving.done():
            port = listener.getsockname()[1]
            address = SandboxAddress(base_url(state.options.host, port), port)
            _log.info("the sandbox is at %s", address.base_url)
            ready(address)
        await asyncio.shield(serving)
    finally:
        # Participants see a server that goes down, and not a meeting that ended: they shall come back.
        server.should_exit = True
        await serving


def _websockets(server: uvicorn.Server) -> list[asyncio.Transport]:
    return [
        connection.transport
        for connection in server.server_state.connections
        if isinstance(connection, WebSocketsSansIOProtocol)
    ]


def _bind(options: SandboxOptions) -> socket.socket:
    """Bound here and not by uvicorn, so that a taken address is an error and not an exit of the process."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_bind(options, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _cannot_bind(options, error) from error
    return listener


def _cannot_bind(options: SandboxOptions, error: OSError) -> ConfigError:
    return ConfigError(
        f"the sandbox cannot listen on {options.host} port {options.port}: {error.strerror or error}",
        code="sandbox.address",
        hint="Choose another port, or 0 for any free one.",
    )
