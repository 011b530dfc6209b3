"""Enrolment at the server: a code and a proof of a key become a device."""

from __future__ import annotations

import secrets
from collections.abc import Collection

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.exc import IntegrityError

from edgemeet.provision_server import audit
from edgemeet.provision_server.assertion import check
from edgemeet.provision_server.codes import digest_of
from edgemeet.provision_server.database import Database
from edgemeet.provision_server.refusal import Refused
from edgemeet.provision_server.tables import CODES, DEVICES
from edgemeet.provisioning import EnrolmentRequest


class Enrolling:
    """Takes enrolment requests.

    Args:
        database: where devices are kept.
        secret: that digests of codes are made with.
        audiences: the origins of this server.
    """

    def __init__(self, database: Database, secret: SecretStr, audiences: Collection[str]) -> None:
        self._database = database
        self._secret = secret
        self._audiences = audiences

    def enrol(self, request: EnrolmentRequest, address: str | None, now: float) -> str:
        """The id of the new device, or the same once more for the same code and key.

        Raises:
            Refused: the proof is refused as in `assertion.check`; ``enrolment.code_refused``,
                ``enrolment.code_used``, ``enrolment.participant_taken``.
            DatabaseGone: nothing has changed.
        """
        key = request.public_key
        claims = check(request.proof, key, issuer=key.thumbprint, audiences=self._audiences, now=now)
        if claims.sub != request.code:
            raise Refused(401, "identity.signature", "the proof is for another code")
        try:
            with self._database.write(durable=True) as connection:
                return self._use_code(connection, request, address, now)
        except IntegrityError:
            raise Refused(
                409,
                "enrolment.participant_taken",
                "another device has this participant id or this key: each device needs its own",
            ) from None

    def _use_code(
        self, connection: sa.Connection, request: EnrolmentRequest, address: str | None, now: float
    ) -> str:
        digest, thumbprint = digest_of(request.code, self._secret), request.public_key.thumbprint
        # Whoever gets here first with an unused code has it; that is one statement in both databases.
        taken = connection.execute(
            CODES.update()
            .where(CODES.c.digest == digest, CODES.c.used_by.is_(None), CODES.c.expires_at > int(now))
            .values(used_by=thumbprint)
        )
        row = connection.execute(sa.select(CODES).where(CODES.c.digest == digest)).mappings().first()
        if row is None or row["expires_at"] <= now:
            raise Refused(403, "enrolment.code_refused", "this code is not known or has expired")
        if taken.rowcount == 0:
            return self._again(connection, row, thumbprint)
        return self._register(connection, row, request, audit.Actor("enrolment", address), now)

    def _again(self, connection: sa.Connection, row: sa.RowMapping, thumbprint: str) -> str:
        """The answer was lost on the way: the same key may ask once more, while the code lasts."""
        if row["used_by"] == thumbprint:
            found = connection.execute(
                sa.select(DEVICES.c.id).where(DEVICES.c.thumbprint == thumbprint)
            ).scalar_one_or_none()
            if found is not None:
                return str(found)
        raise Refused(409, "enrolment.code_used", "this code has been used by another device")

    def _register(
        self,
        connection: sa.Connection,
        row: sa.RowMapping,
        request: EnrolmentRequest,
        actor: audit.Actor,
        now: float,
    ) -> str:
        values = {
            "participant_id": request.participant_id,
            "public_key": request.public_key.model_dump_json(exclude_none=True),
            "thumbprint": request.public_key.thumbprint,
            "enrolled_at": int(now),
        }
        device_id = row["device_id"]
        if device_id is None:
            device_id = f"d-{secrets.token_hex(8)}"
            connection.execute(
                DEVICES.insert().values(
                    id=device_id,
                    name=request.participant_id[:120],
                    group_name=row["group_name"],
                    created_at=int(now),
                    **values,
                )
            )
        else:
            connection.execute(DEVICES.update().where(DEVICES.c.id == device_id).values(**values))
        audit.note(connection, actor, now, "device.enrolled", device_id, key=request.public_key.thumbprint)
        return str(device_id)
