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
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edgemeet.control.models import Accepted, Command, Problem, Refused, Reloaded, Status
from edgemeet.control.peers import Policy
from edgemeet.errors import ConfigError, ControlError, DeviceError, EdgemeetError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# Read and write for the owner and the group, nothing for others. Set by umask at bind time, so that there is
# no moment in which anybody may connect.
_SOCKET_UMASK = 0o117

_REFUSALS = {404: "control.unknown_path", 405: "control.wrong_method"}
_USAGE = "GET /v1/status, GET /v1/snapshot, or POST /v1/ with one of: " + ", ".join((*Command, "reload"))


class Daemon(Protocol):
    """What the door opens on."""

    def status(self) -> Status:
        """How things stand."""

    async def snapshot(self) -> bytes:
        """The camera's next picture as a JPEG. Raises DeviceError."""

    def command(self, command: Command) -> None:
        """Begin to carry out `command`; returns at once."""

    async def reload(self) -> Reloaded:
        """Read the configuration anew. Raises ConfigError; the old one is then kept."""


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


def create_app(daemon: Daemon) -> Starlette:
    """The control API over `daemon`."""
    from starlette.applications import Starlette  # noqa: PLC0415 - loaded after the first join has begun
    from starlette.responses import Response  # noqa: PLC0415 - as above
    from starlette.routing import Route  # noqa: PLC0415 - as above

    def reply(model: Status | Accepted | Refused | Reloaded, status_code: int = 200) -> Response:
        return Response(model.model_dump_json(), status_code, media_type="application/json")

    async def status(_: Request) -> Response:
        return reply(daemon.status())

    async def snapshot(_: Request) -> Response:
        try:
            jpeg = await daemon.snapshot()
        except DeviceError as error:
            return reply(_refused(error), 404 if error.code == "snapshot.camera_off" else 503)
        return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})

    async def reload(_: Request) -> Response:
        try:
            return reply(await daemon.reload())
        except ConfigError as error:
            return reply(_refused(error), 409)

    def accept(command: Command) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(_: Request) -> Response:
            daemon.command(command)
            return reply(Accepted(accepted=command), 202)

        return endpoint

    async def refuse(request: Request, error: Exception) -> Response:
        code = getattr(error, "status_code", 500)
        return reply(Refused(error=_problem(code, f"{request.method} {request.url.path}")), code)

    return Starlette(
        routes=[
            Route("/v1/status", status, methods=["GET"]),
            Route("/v1/snapshot", snapshot, methods=["GET"]),
            Route("/v1/reload", reload, methods=["POST"]),
            *(Route(f"/v1/{c}", accept(c), methods=["POST"]) for c in Command),
        ],
        exception_handlers={404: refuse, 405: refuse, 500: refuse},
    )


def _refused(error: EdgemeetError) -> Refused:
    return Refused(error=Problem(code=error.code, message=error.message, hint=error.hint))


def _problem(status_code: int, asked: str) -> Problem:
    known = _REFUSALS.get(status_code)
    if known is None:
        return Problem(code="control.failed", message="the request failed; the log says why")
    return Problem(code=known, message=f"{asked} is not something this daemon answers", hint=_USAGE)


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
    import uvicorn  # noqa: PLC0415 - loaded after the first join has begun

    from edgemeet.control.guard import Guard, PeerProtocol  # noqa: PLC0415 - as above

    class Server(uvicorn.Server):
        """uvicorn without its signal handlers: the daemon has its own."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        Guard(create_app(daemon), allowed or Policy.for_group()),
        log_config=None,
        access_log=False,
        lifespan="off",
        loop="asyncio",
        http=PeerProtocol,
        ws="none",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        limit_concurrency=32,
        server_header=False,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
