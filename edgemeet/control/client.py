"""Asks a running daemon, for the command line."""

from __future__ import annotations

import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from pydantic import ValidationError

from edgemeet.control.history import Stats
from edgemeet.control.models import Accepted, Command, Refused, Reloaded, Status
from edgemeet.errors import ControlError

# The daemon answers in milliseconds; a daemon that does not is stuck, and the person should hear it.
_TIMEOUT = 5.0
# A status is a few kilobytes.
_LARGEST_ANSWER = 16 * 1024 * 1024


class ControlClient:
    """A client of the daemon that listens at `path`.

    Every method raises ControlError: no daemon (control.not_running), no permission (control.forbidden), no
    answer in 5 s (control.stuck), another program's answer
    (control.foreign), or whatever the daemon refused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def status(self) -> Status:
        """How the daemon is."""
        return Status.model_validate_json(self._ask("GET", "status"))

    def stats(self) -> Stats:
        """How it was in the last minutes."""
        return Stats.model_validate_json(self._ask("GET", "stats"))

    def snapshot(self) -> bytes:
        """The camera's picture of now, a JPEG."""
        return self._ask("GET", "snapshot")

    def reload(self) -> Reloaded:
        """Make it read its configuration anew. Raises ControlError with a code config.* when that is bad."""
        return Reloaded.model_validate_json(self._ask("POST", "reload"))

    def send(self, command: Command) -> Accepted:
        """Tell it `command`; returns when it was accepted, not when it is done."""
        return Accepted.model_validate_json(self._ask("POST", command.value))

    def _ask(self, method: str, path: str) -> bytes:
        connection = _UnixConnection(self._path)
        try:
            connection.request(method, f"/v1/{path}")
            response = connection.getresponse()
            body = response.read(_LARGEST_ANSWER)
        except TimeoutError as error:
            raise ControlError(
                f"the daemon at {self._path} does not answer",
                code="control.stuck",
                hint="systemctl restart edgemeet",
            ) from error
        except PermissionError as error:
            raise ControlError(
                f"no permission to open {self._path}",
                code="control.forbidden",
                hint="run as root, or join the group edgemeet",
            ) from error
        except OSError as error:
            raise ControlError.not_running(self._path) from error
        except HTTPException as error:
            raise self._foreign("does not speak HTTP") from error
        finally:
            connection.close()
        if response.status in (200, 202):
            return body
        try:
            problem = Refused.model_validate_json(body).error
        except ValidationError:
            raise self._foreign(f"answered {response.status}") from None
        raise ControlError(problem.message, code=problem.code, hint=problem.hint)

    def _foreign(self, what: str) -> ControlError:
        return ControlError(
            f"{self._path} {what}, which is not edgemeet's way to answer",
            code="control.foreign",
            hint="is control.socket the path of another program's socket?",
        )


class _UnixConnection(HTTPConnection):
    """The standard library's client over a Unix socket.

    Not httpx: it takes 0.3 s to import, and httpcore 1.0.9 leaks the socket when a Unix connect fails.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("edgemeet", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(str(self._path))
