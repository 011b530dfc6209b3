"""Where a session goes in: a meeting with a fresh token, VideoSDK's WHIP API with one, or an endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from edgemeet.provisioning import Admission

if TYPE_CHECKING:
    from edgemeet.signaling.whip import WhipTarget

# ruff: noqa: PLC0415 - WHIP is loaded where it is the way in: a start is short


class Admitter(Protocol):
    """Where tokens and meetings come from: what `edgemeet.provisioning.Provisioner` is to this room."""

    async def admit(self) -> Admission:
        """A fresh token and the meeting to join with it."""

    async def join_failed(self, error: BaseException) -> None:
        """The join with the last admission failed by `error`; its token or meeting may be the reason."""

    async def joined(self) -> None:
        """The join with the last admission worked."""


@dataclass(frozen=True, slots=True)
class WhipAdmission:
    """All that one attempt to publish needs to know.

    Attributes:
        meeting_id: the meeting, where there is one: an endpoint names none.
        token_expires_at: Unix time, if it is known.
    """

    target: WhipTarget
    meeting_id: str | None
    name: str
    token_expires_at: float | None = None


class WhipDoor(Protocol):
    """Gets what one attempt needs."""

    async def admit(self) -> WhipAdmission:
        """A fresh admission."""

    async def joined(self) -> None:
        """The attempt with the last admission worked."""

    async def failed(self, error: BaseException) -> None:
        """The attempt with the last admission failed by `error`; its token may be the reason."""


class VideoSdkDoor:
    """VideoSDK's WHIP API, with the same tokens and meetings as the native way in."""

    def __init__(self, admitter: Admitter, *, api_url: str, participant_id: str) -> None:
        self._admitter = admitter
        self._api_url = api_url
        self._participant_id = participant_id

    async def admit(self) -> WhipAdmission:
        """See `WhipDoor`. Raises what the admitter raises."""
        from edgemeet.signaling.whip import videosdk_target

        admission = await self._admitter.admit()
        target = videosdk_target(
            self._api_url,
            token=admission.token.reveal(),
            meeting_id=admission.meeting_id,
            participant_id=self._participant_id,
            name=admission.name,
        )
        return WhipAdmission(target, admission.meeting_id, admission.name, admission.token.expires_at)

    async def joined(self) -> None:
        """See `WhipDoor`."""
        await self._admitter.joined()

    async def failed(self, error: BaseException) -> None:
        """See `WhipDoor`."""
        await self._admitter.join_failed(error)


class EndpointDoor:
    """Any WHIP server (RFC 9725).

    Args:
        endpoint: its URL; some servers keep a stream's key in it.
        bearer: sent as `Authorization: Bearer`, if there is one.
        name: of the device, for `status`.
    """

    def __init__(self, endpoint: SecretStr, *, bearer: SecretStr | None, name: str) -> None:
        from edgemeet.signaling.whip import WhipTarget

        secret = bearer.get_secret_value() if bearer is not None else None
        self._admission = WhipAdmission(
            WhipTarget(
                url=endpoint.get_secret_value(),
                authorization=f"Bearer {secret}" if secret else None,
                secrets=(secret,) if secret else (),
            ),
            meeting_id=None,
            name=name,
        )

    async def admit(self) -> WhipAdmission:
        """See `WhipDoor`."""
        return self._admission

    async def joined(self) -> None:
        """See `WhipDoor`. There is nothing to remember."""

    async def failed(self, error: BaseException) -> None:
        """See `WhipDoor`. There is no other token to try."""
