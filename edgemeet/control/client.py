"""Asks a running daemon, for the command line."""

from __future__ import annotations

from pathlib import Path

import httpx
from pydantic import ValidationError

from edgemeet.control.models import Command, Refused, Status
from edgemeet.errors import ControlError

# The daemon answers in milliseconds; a daemon that does not is stuck, and the person should hear it.
_TIMEOUT = 5.0


class ControlClient:
    """A client of the daemon that listens at `path`.

    Every method raises ControlError: no daemon (control.not_running), no permission (control.forbidden), no
    answer in 5 s (control.stuck), or whatever the daemon refused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def status(self) -> Status:
        """How the daemon is."""
        return Status.model_validate_json(self._ask("GET", "status"))

    def send(self, command: Command) -> None:
        """Tell it `command`; returns when it was accepted, not when it is done."""
        self._ask("POST", command.value)

    def _ask(self, method: str, path: str) -> bytes:
        try:
            with httpx.Client(
                transport=httpx.HTTPTransport(uds=str(self._path)), timeout=_TIMEOUT, trust_env=False
            ) as client:
                response = client.request(method, f"http://edgemeet/v1/{path}")
        except httpx.TimeoutException as error:
            raise ControlError(
                f"the daemon at {self._path} does not answer",
                code="control.stuck",
                hint="systemctl restart edgemeet",
            ) from error
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if response.is_success:
            return response.content
        try:
            problem = Refused.model_validate_json(response.content).error
        except ValidationError:
            raise ControlError(
                f"{self._path} answered {response.status_code}, which is not edgemeet's way to answer",
                code="control.foreign",
                hint="is control.socket the path of another program's socket?",
            ) from None
        raise ControlError(problem.message, code=problem.code, hint=problem.hint)

    def _unreachable(self, error: httpx.TransportError) -> ControlError:
        cause = error.__cause__
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        if isinstance(cause, PermissionError):
            return ControlError(
                f"no permission to open {self._path}",
                code="control.forbidden",
                hint="run as root, or join the group edgemeet",
            )
        return ControlError(
            f"no edgemeet is running: nothing answers on {self._path}",
            code="control.not_running",
            hint="start it with `systemctl start edgemeet` or `edgemeet run`; --socket names another place",
        )
