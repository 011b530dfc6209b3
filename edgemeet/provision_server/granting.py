"""Requests of enrolled devices: who asks, whether it may, and what it is told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from edgemeet.provision_server import audit
from edgemeet.provision_server.assertion import LEEWAY, LONGEST_LIFE, Claims, check, claimed_device
from edgemeet.provision_server.database import Database
from edgemeet.provision_server.decision import Decision, decide
from edgemeet.provision_server.records import Device, Standing, find_standing
from edgemeet.provision_server.refusal import Refused
from edgemeet.provision_server.settings import ServerSettings
from edgemeet.provision_server.tables import ASSERTIONS, DEVICES
from edgemeet.provisioning import SignedToken

_WINDOW: Final = 60  # seconds over which requests are counted
_SEEN_EVERY: Final = 30  # seconds; a busy device's row is not written at each request


# Made once, see `records`.
_SEE: Final = ASSERTIONS.insert()
_RECENT: Final = sa.select(sa.func.count(), sa.func.min(ASSERTIONS.c.seen_at)).where(
    ASSERTIONS.c.device_id == sa.bindparam("device"), ASSERTIONS.c.seen_at > sa.bindparam("since")
)
_TOUCH: Final = (
    DEVICES.update().where(DEVICES.c.id == sa.bindparam("device")).values(last_seen_at=sa.bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class Question:
    """What a device asks.

    Attributes:
        assertion: the JWT of its Authorization header.
        participant_id, meeting_id, purpose: what it says beside that; each may be absent.
        etag: what it knows already.
        address: where it asks from.
    """

    assertion: str
    participant_id: str | None = None
    meeting_id: str | None = None
    purpose: str | None = None
    etag: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What it is told; a token unless it knows everything already, is revoked or has no meeting."""

    decision: Decision
    unchanged: bool
    token: str | None = None
    expires_at: int | None = None


class Granting:
    """Answers devices.

    Args:
        database: where devices are kept.
        settings: of the server.
    """

    def __init__(self, database: Database, settings: ServerSettings) -> None:
        self._database = database
        self._settings = settings
        self._audiences: Collection[str] = settings.audiences

    def answer(self, question: Question, now: float) -> Answer:
        """The answer to a device.

        Raises:
            Refused: as `assertion.check`; ``identity.unknown_device``, ``identity.not_enrolled``,
                ``identity.replayed``, ``identity.participant``, ``identity.meeting``, ``identity.purpose``,
                ``server.rate_limited``.
            DatabaseGone: nothing has changed.
        """
        standing, claims = self._known(question.assertion, now)
        _check_wishes(question, standing.device)
        decision = decide(
            standing,
            now,
            poll_after=self._settings.poll_after,
            default_meeting=self._settings.default_meeting,
        )
        unchanged = question.etag is not None and question.etag == decision.etag
        wants_token = not unchanged and not decision.revoked and decision.meeting_id is not None
        if wants_token and question.meeting_id not in {None, decision.meeting_id}:
            raise Refused(403, "identity.meeting", "another meeting is assigned to this device", proven=True)
        self._count(question, claims, decision if wants_token else None, standing.device, now)
        if not wants_token:
            return Answer(decision, unchanged)
        assert decision.meeting_id is not None
        signer = SignedToken(
            self._settings.api_key,
            self._settings.api_secret,
            self._settings.token_ttl,
            wall_clock=lambda: now,
        )
        token = signer.sign_join(
            meeting_id=decision.meeting_id, participant_id=standing.device.participant_id or ""
        )
        expires = token.expires_at
        return Answer(decision, False, token.reveal(), int(expires) if expires else None)

    def _known(self, text: str, now: float) -> tuple[Standing, Claims]:
        device_id = claimed_device(text)
        with self._database.read() as connection:
            standing = find_standing(connection, device_id)
        if standing is None:
            raise Refused(401, "identity.unknown_device", "there is no such device")
        key = standing.device.public_key
        if key is None:
            raise Refused(401, "identity.not_enrolled", "this device is not enrolled yet")
        return standing, check(text, key, issuer=device_id, audiences=self._audiences, now=now)

    def _count(
        self, question: Question, claims: Claims, minted: Decision | None, device: Device, now: float
    ) -> None:
        """Take the assertion as seen, within the device's limit, and note what it gets."""
        try:
            with self._database.write() as connection:
                connection.execute(
                    _SEE,
                    {
                        "device_id": device.id,
                        "jti": claims.jti,
                        "seen_at": int(now),
                        "forget_at": int(now) + LONGEST_LIFE + 2 * LEEWAY,
                    },
                )
                self._limit(connection, device.id, now)
                if device.last_seen_at is None or now - device.last_seen_at >= _SEEN_EVERY:
                    connection.execute(_TOUCH, {"device": device.id, "at": int(now)})
                if minted is not None:
                    actor = audit.Actor(f"device:{device.id}", question.address)
                    audit.note(connection, actor, now, "token.minted", device.id, meeting=minted.meeting_id)
        except IntegrityError:
            raise Refused(
                401, "identity.replayed", "this assertion has been used before", proven=True
            ) from None

    def _limit(self, connection: sa.Connection, device_id: str, now: float) -> None:
        since = {"device": device_id, "since": int(now) - _WINDOW}
        count, oldest = connection.execute(_RECENT, since).one()
        if count > self._settings.requests_per_minute:
            wait = max(1, int(oldest) + _WINDOW - int(now))
            raise Refused(
                429, "server.rate_limited", "this device asks too often", retry_after=wait, proven=True
            )


def _check_wishes(question: Question, device: Device) -> None:
    if question.participant_id not in {None, device.participant_id}:
        raise Refused(
            403,
            "identity.participant",
            "this device enrolled with another participant id: enrol it anew with a code of its own",
            proven=True,
        )
    if question.purpose is not None:
        raise Refused(
            403,
            "identity.purpose",
            'this server creates meetings itself: meeting.source has to be "provisioned"',
            proven=True,
        )
