"""The tables. Times are whole seconds since 1970; JSON is kept as text, the same in both databases."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

METADATA: Final = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

GROUPS: Final = sa.Table(
    "groups",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("meeting_id", sa.String(128)),
    sa.Column("config", sa.Text, nullable=False, server_default="{}"),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

DEVICES: Final = sa.Table(
    "devices",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(120), nullable=False),
    # Two devices with one participant id would throw each other out of meetings.
    sa.Column("participant_id", sa.String(128), unique=True),
    sa.Column("public_key", sa.Text),
    sa.Column("thumbprint", sa.String(64), unique=True),
    sa.Column("group_name", sa.String(64), sa.ForeignKey("groups.name", ondelete="SET NULL"), index=True),
    sa.Column("meeting_id", sa.String(128)),
    sa.Column("display_name", sa.String(120)),
    sa.Column("metadata", sa.Text, nullable=False, server_default="{}"),
    sa.Column("config", sa.Text, nullable=False, server_default="{}"),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("enrolled_at", sa.BigInteger),
    sa.Column("last_seen_at", sa.BigInteger),
    sa.Column("revoked_at", sa.BigInteger),
)

SCHEDULES: Final = sa.Table(
    "schedules",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("device_id", sa.String(64), sa.ForeignKey("devices.id", ondelete="CASCADE"), index=True),
    sa.Column("group_name", sa.String(64), sa.ForeignKey("groups.name", ondelete="CASCADE"), index=True),
    sa.Column("meeting_id", sa.String(128), nullable=False),
    sa.Column("days", sa.Integer, nullable=False),  # bit 0 is Monday
    sa.Column("starts", sa.Integer, nullable=False),  # minutes after midnight
    sa.Column("ends", sa.Integer, nullable=False),  # likewise; not after `starts`: on the next day
    sa.Column("timezone", sa.String(64), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

CODES: Final = sa.Table(
    "enrolment_codes",
    METADATA,
    # Only a keyed digest: who reads the database cannot enrol.
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("device_id", sa.String(64), sa.ForeignKey("devices.id", ondelete="CASCADE"), index=True),
    sa.Column("group_name", sa.String(64), sa.ForeignKey("groups.name", ondelete="SET NULL"), index=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("used_by", sa.String(64)),  # the thumbprint of the key
)

ASSERTIONS: Final = sa.Table(
    "assertions_seen",
    METADATA,
    sa.Column("device_id", sa.String(64), primary_key=True),
    sa.Column("jti", sa.String(128), primary_key=True),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("forget_at", sa.BigInteger, nullable=False, index=True),
)

ADMINS: Final = sa.Table(
    "admins",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("token_digest", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

AUDIT: Final = sa.Table(
    "audit",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("actor", sa.String(128), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(128), index=True),
    sa.Column("detail", sa.Text, nullable=False, server_default="{}"),
    sa.Column("address", sa.String(64)),
)
