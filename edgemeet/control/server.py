"""The HTTP door of a running daemon, on a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from edgemeet.control.peers import Policy
from edgemeet.errors import ControlError

if TYPE_CHECKING:
    from edgemeet.control.application import Daemon

# Read and write for the owner and the group, nothing for others. Set by umask at bind time, so that there is
# no moment in which anybody may connect.
_SOCKET_UMASK = 0o117


def bind(path: Path, group: str | None = None) -> socket.socket:
    """A listening socket at `path`, mode 0660. A stale socket file is replaced, a living one never.

    Args:
        path: where; its folder is made if need be.
        group: whose members may use it; None leaves it to the user's own group.

    Raises:
        ControlError: another daemon listens there (control.in_use), something that is no socket lies there
            (control.path_taken), the folder cannot be written (control.unwritable), or there is no such
            group, or this user may not give the socket to it (control.group).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_way(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(_SOCKET_UMASK)
        try:
            listener.bind(str(path))
            if group is not None:
                _give_to(path, group)
            listener.listen(16)
        except (OSError, ControlError):
            listener.close()
            raise
        finally:
            os.umask(before)
    except OSError as error:
        raise ControlError(
            f"cannot open the control socket {path}: {os.strerror(error.errno or 0)}",
            code="control.unwritable",
            hint="set control.socket to a place this user may write, or run under systemd",
        ) from error
    return listener


def _give_to(path: Path, group: str) -> None:
    try:
        shutil.chown(path, group=group)
    except (LookupError, PermissionError) as error:
        path.unlink()
        raise ControlError(
            f"cannot give the control socket to the group {group}: "
            + ("there is no such group" if isinstance(error, LookupError) else "this user is not in it"),
            code="control.group",
            hint="set control.group to a group of the user that edgemeet runs as",
        ) from error


def _make_way(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(
            f"{path} is in the way: it is not a socket",
            code="control.path_taken",
            hint="remove it, or set control.socket to another path",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError as error:
            if error.errno not in (errno.ECONNREFUSED, errno.ENOENT):
                raise
            path.unlink(missing_ok=True)
            return
    raise ControlError(
        f"another edgemeet already answers on {path}",
        code="control.in_use",
        hint="stop it first, or give this one a control.socket of its own",
    )


@contextlib.contextmanager
def listening(
    path: Path, group: str | None = None, *, activated: socket.socket | None = None
) -> Iterator[socket.socket]:
    """The listening socket for as long as the block runs.

    Args:
        path: where it lies; its file is gone afterwards.
        group: as for `bind`.
        activated: the one that the service manager has opened at `path` already; its file and who may
            open it are the service manager's.
    """
    listener = activated or bind(path, group)
    try:
        yield listener
    finally:
        listener.close()
        if activated is None:
            path.unlink(missing_ok=True)


async def serve(daemon: Daemon, listener: socket.socket, allowed: Policy | None = None) -> None:
    """Answer on `listener` until cancelled.

    Args:
        daemon: what it opens on.
        listener: a listening Unix socket.
        allowed: who may; this process' own user and group when not given, and root always.
    """
    await _somebody_asks(listener)
    await asyncio.to_thread(_load)
    from edgemeet.control.application import create_app  # noqa: PLC0415 - loaded by `_load`
    from edgemeet.control.guard import Guard, PeerProtocol  # noqa: PLC0415 - as above

    closing = asyncio.Event()
    application = Guard(create_app(daemon, closing), allowed or Policy.for_group())
    await _answer(application, listener, PeerProtocol, closing)


async def serve_metrics(daemon: Daemon, listener: socket.socket | None) -> None:
    """Answer `GET /metrics` and nothing else on a TCP port until cancelled; at once done without one."""
    if listener is None:
        return
    with listener:
        await _somebody_asks(listener)
        await asyncio.to_thread(_load)
        from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: PLC0415 - loaded by `_load`

        from edgemeet.control.application import create_metrics_app  # noqa: PLC0415 - as above

        await _answer(create_metrics_app(daemon), listener, H11Protocol, asyncio.Event())


async def _somebody_asks(listener: socket.socket) -> None:
    """Wait for the first connection: who is never asked never loads a web server, nor turns in its loop."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(listener, asked.set)
    try:
        await asked.wait()
    finally:
        loop.remove_reader(listener)


def _load() -> None:
    """Import the web server. In a thread, because it takes longer than media can wait."""
    for module in (
        "uvicorn.protocols.http.h11_impl",
        "edgemeet.control.application",
        "edgemeet.control.guard",
    ):
        import_module(module)


async def _answer(
    application: Callable[..., Awaitable[None]],
    listener: socket.socket,
    protocol: type[asyncio.Protocol],
    closing: asyncio.Event,
) -> None:
    """Serve `application` until cancelled; `closing` is set first, for what would not end by itself."""
    import uvicorn  # noqa: PLC0415 - loaded by `_load`

    class Server(uvicorn.Server):
        """uvicorn without its signal handlers: the daemon has its own. It does not wake up to look around."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def main_loop(self) -> None:
            # uvicorn's looks ten times a second whether to end, and what the date is.
            await closing.wait()

    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        loop="asyncio",
        http=protocol,
        ws="none",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        limit_concurrency=32,
        server_header=False,
        date_header=False,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        closing.set()
        server.should_exit = True
        await serving
        raise
