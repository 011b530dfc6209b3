"""Every error edgemeet raises on purpose, and what each one asks of the supervisor.

::

    EdgemeetError                  .code .hint .retry_after .remedy
    ├── ConfigError                STOP     the configuration cannot be used; exit code 78
    ├── RetryableError             RETRY    may well work at the next try
    │   ├── NetworkError                    no route, name, connection, TLS or answer in time
    │   ├── ServerError                     5xx, a page instead of JSON, an answer that makes no sense
    │   ├── RateLimited                     429; retry_after says when
    │   ├── SignalingLost                   the websocket is gone
    │   ├── TransportFailed                 ICE or DTLS did not come up, or went away
    │   └── MediaStalled                    connected, but nothing moves
    ├── ClockError                 WAIT     this machine's clock is wrong, not the other side
    ├── AuthError                  REFRESH  the token or the device's own identity was refused
    │   └── TokenMalformed                  what was given as a token is not one
    ├── MeetingUnavailable         WAIT     no such room, disabled, full, or entry was not granted
    │   ├── MeetingNotFound
    │   ├── MeetingFull
    │   ├── EntryDenied
    │   └── NothingAssigned                 the provisioning server has no meeting for this device
    ├── DeviceRevoked              STOP     the provisioning server wants this device to stay out
    ├── ProtocolMismatch           WAIT     the other side speaks, but not what we speak
    ├── Evicted                    YIELD    somebody wants this participant out
    │   ├── DuplicateParticipant            the same participant id joined elsewhere
    │   ├── RemovedByHost
    │   └── RoomClosed
    ├── DeviceError                RETRY    a camera or microphone; the meeting goes on without it
    │   ├── DeviceNotInstalled              the library for it is not there
    │   ├── DeviceNotFound
    │   ├── DeviceBusy
    │   ├── DeviceForbidden
    │   ├── FormatNotOffered
    │   └── DeviceFailed                    it was there and stopped working
    ├── StateError                 RETRY    nothing can be remembered on disk; everything else goes on
    └── ControlError               STOP     for the person at the command line

A message never holds a secret: it goes to logs, to ``status`` and to the terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


class Remedy(StrEnum):
    """What the supervisor does about an error."""

    RETRY = "retry"  # try again after a jittered backoff
    REFRESH = "refresh"  # fetch a new token first, then as RETRY
    WAIT = "wait"  # ask again slowly: the world has to change, not this device
    YIELD = "yield"  # stay out for a long, randomised time
    STOP = "stop"  # only a person can mend this


class EdgemeetError(Exception):
    """The root of all errors raised on purpose.

    Args:
        message: what is wrong, in one plain sentence without secrets.
        code: a stable dotted name for programs; each class has a default.
        hint: what the reader can do about it.
        retry_after: seconds the other side asked us to wait, if it did.
    """

    default_code: ClassVar[str] = "error"
    remedy: ClassVar[Remedy] = Remedy.RETRY

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.retry_after = retry_after


class ConfigError(EdgemeetError):
    """The configuration cannot be used."""

    default_code = "config.invalid"
    remedy = Remedy.STOP


class RetryableError(EdgemeetError):
    """May well work at the next try."""

    default_code = "retryable"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host, by name or address, and one of its TCP ports."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class NetworkError(RetryableError):
    """No route, name, connection, TLS or answer in time.

    Args:
        endpoint: what could not be reached, where it was no answer of a server that failed; it may be
            probed. None where there is nothing that a TCP connection to it could tell.
    """

    default_code = "network.unreachable"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        retry_after: float | None = None,
        endpoint: Endpoint | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, retry_after=retry_after)
        self.endpoint = endpoint


class ServerError(RetryableError):
    """The other side answered with something that makes no sense or says it is broken."""

    default_code = "server.error"


class RateLimited(RetryableError):
    """The other side asks for fewer requests."""

    default_code = "server.rate_limited"


class SignalingLost(RetryableError):
    """The websocket is gone."""

    default_code = "signaling.lost"


class TransportFailed(RetryableError):
    """ICE or DTLS did not come up, or went away."""

    default_code = "transport.failed"


class MediaStalled(RetryableError):
    """Everything says connected and nothing moves."""

    default_code = "media.stalled"


class ClockError(EdgemeetError):
    """The clock of this machine is wrong."""

    default_code = "clock.wrong"
    remedy = Remedy.WAIT


class AuthError(EdgemeetError):
    """The token or the device's identity was refused."""

    default_code = "auth.refused"
    remedy = Remedy.REFRESH


class TokenMalformed(AuthError):
    """What was given as a token is not one."""

    default_code = "auth.token_malformed"


class MeetingUnavailable(EdgemeetError):
    """The meeting cannot be entered now."""

    default_code = "meeting.unavailable"
    remedy = Remedy.WAIT


class MeetingNotFound(MeetingUnavailable):
    """There is no such meeting."""

    default_code = "meeting.not_found"


class MeetingFull(MeetingUnavailable):
    """The meeting or the organization has no place left."""

    default_code = "meeting.full"


class EntryDenied(MeetingUnavailable):
    """A host said no, or nobody answered in time."""

    default_code = "meeting.entry_denied"


class NothingAssigned(MeetingUnavailable):
    """The provisioning server has no meeting for this device at present."""

    default_code = "meeting.none_assigned"


class DeviceRevoked(EdgemeetError):
    """The provisioning server wants this device to stay out until it says otherwise."""

    default_code = "provisioning.revoked"
    remedy = Remedy.STOP


class ProtocolMismatch(EdgemeetError):
    """The other side speaks, but not what we speak."""

    default_code = "protocol.mismatch"
    remedy = Remedy.WAIT


class Evicted(EdgemeetError):
    """Somebody wants this participant out."""

    default_code = "evicted"
    remedy = Remedy.YIELD


class DuplicateParticipant(Evicted):
    """The same participant id joined elsewhere."""

    default_code = "evicted.duplicate"


class RemovedByHost(Evicted):
    """A host, or the API, removed this participant."""

    default_code = "evicted.removed"


class RoomClosed(Evicted):
    """The meeting was ended for everybody."""

    default_code = "evicted.room_closed"


class DeviceError(EdgemeetError):
    """A camera or microphone cannot be used; the meeting goes on without it."""

    default_code = "device.error"


class DeviceNotInstalled(DeviceError):
    """The library that drives the device is not installed."""

    default_code = "device.not_installed"


class DeviceNotFound(DeviceError):
    """There is no such device."""

    default_code = "device.not_found"


class DeviceBusy(DeviceError):
    """Another program has the device."""

    default_code = "device.busy"


class DeviceForbidden(DeviceError):
    """The permission to open the device is missing."""

    default_code = "device.forbidden"


class FormatNotOffered(DeviceError):
    """The device does not offer the wanted size, rate or format."""

    default_code = "device.format_not_offered"


class DeviceFailed(DeviceError):
    """The device was there and stopped working."""

    default_code = "device.failed"


class StateError(EdgemeetError):
    """The state directory cannot be written; a restart will know only the configuration."""

    default_code = "state.unwritable"


class ControlError(EdgemeetError):
    """For the person at the command line: no daemon, no permission, bad request."""

    default_code = "control.error"
    remedy = Remedy.STOP

    @classmethod
    def not_running(cls, path: Path) -> ControlError:
        """Nobody answers on the socket at `path`."""
        return cls(
            f"no edgemeet is running: nothing answers on {path}",
            code="control.not_running",
            hint="`systemctl start edgemeet` or `edgemeet run` starts it; --socket names another place",
        )
