"""VideoSDK's error codes and leave reasons as edgemeet's errors.

Numbers and meanings: the vendor's documentation of error events, leave reasons and REST errors. What the
other side writes is quoted in messages only after everything that could be a secret is taken out of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from edgemeet.errors import (
    AuthError,
    DuplicateParticipant,
    EdgemeetError,
    Evicted,
    MeetingFull,
    MeetingNotFound,
    MeetingUnavailable,
    ProtocolMismatch,
    RateLimited,
    RemovedByHost,
    RoomClosed,
    ServerError,
    SignalingLost,
    TransportFailed,
)

ROOMS_API: Final = "the rooms API"  # pass it as `what`: only there a 404 means that there is no such meeting


class _Refusal(NamedTuple):
    error: type[EdgemeetError]
    code: str
    message: str
    hint: str | None = None


_KEY_HINT: Final = "Check the API key and secret that the token is signed with in VideoSDK's dashboard."
_TOKEN_HINT: Final = "Check the claims that the token server writes into the token."  # noqa: S105 - a hint

CODES: Final[Mapping[int, _Refusal]] = {
    3044: _Refusal(TransportFailed, "transport.failed", "the media connection failed"),
    4001: _Refusal(AuthError, "auth.api_key", "the API key in the token is not valid", _KEY_HINT),
    4002: _Refusal(AuthError, "auth.token_refused", "the token is not valid or has expired", _KEY_HINT),
    4003: _Refusal(MeetingNotFound, "meeting.invalid_id", "the meeting id is not valid"),
    4004: _Refusal(AuthError, "auth.participant_id", "the participant id is not valid"),
    4005: _Refusal(DuplicateParticipant, "evicted.duplicate", "this participant id joined from elsewhere"),
    4006: _Refusal(AuthError, "auth.account_deactivated", "the VideoSDK account is deactivated"),
    4007: _Refusal(AuthError, "auth.account_discontinued", "the VideoSDK account is discontinued"),
    4008: _Refusal(
        AuthError,
        "auth.permissions",
        "the token's permissions do not fit each other or the request",
        _TOKEN_HINT,
    ),
    4009: _Refusal(MeetingFull, "meeting.full", "the meeting has no place left for a participant"),
    4010: _Refusal(MeetingFull, "meeting.speakers_full", "the meeting has no place left for a speaker"),
    4022: _Refusal(AuthError, "auth.wrong_meeting", "the token is for another meeting", _TOKEN_HINT),
    4023: _Refusal(AuthError, "auth.wrong_participant", "the token is for another participant", _TOKEN_HINT),
    4024: _Refusal(AuthError, "auth.wrong_role", "the token's roles do not allow this", _TOKEN_HINT),
    4025: _Refusal(AuthError, "auth.wrong_request", "the token is not for this request", _TOKEN_HINT),
    4026: _Refusal(MeetingFull, "meeting.organization_limit", "the organization has reached a limit"),
    4027: _Refusal(MeetingFull, "meeting.organization_limit", "the organization has reached a limit"),
    4041: _Refusal(MeetingFull, "meeting.organization_limit", "the organization has reached a limit"),
    4050: _Refusal(ServerError, "server.consumer_failed", "the server could not set up a consumer"),
    4051: _Refusal(ProtocolMismatch, "protocol.codec_refused", "the server does not take the codec"),
    4052: _Refusal(MeetingUnavailable, "meeting.disabled", "the meeting is disabled"),
    4053: _Refusal(AuthError, "auth.api_key_deactivated", "the API key is deactivated", _KEY_HINT),
    5000: _Refusal(ServerError, "server.error", "something went wrong at the server"),
}

LEAVE_REASONS: Final[Mapping[int, _Refusal]] = {
    1001: _Refusal(SignalingLost, "signaling.lost", "the websocket was disconnected"),
    1002: _Refusal(RemovedByHost, "evicted.removed", "a host removed this participant"),
    1003: _Refusal(RemovedByHost, "evicted.mode_change", "a change of mode removed this participant"),
    1004: _Refusal(Evicted, "evicted.relay_stopped", "the media relay was stopped"),
    1005: _Refusal(Evicted, "evicted.switched", "this participant was switched to another meeting"),
    1006: _Refusal(RoomClosed, "evicted.room_closed", "the meeting was closed"),
    1007: _Refusal(SignalingLost, "signaling.closed", "the server ended the session for an unknown reason"),
    1008: _Refusal(RemovedByHost, "evicted.all_removed", "all participants were removed"),
    1009: _Refusal(RoomClosed, "evicted.ended_by_api", "the meeting was ended over the API"),
    1010: _Refusal(RemovedByHost, "evicted.removed_by_api", "this participant was removed over the API"),
    1011: _Refusal(DuplicateParticipant, "evicted.duplicate", "this participant id joined from elsewhere"),
    1101: _Refusal(SignalingLost, "signaling.left", "the session ended as if this device had left"),
    1102: _Refusal(SignalingLost, "signaling.exhausted", "the attempts to reconnect are used up"),
    1103: _Refusal(SignalingLost, "signaling.join_failed", "the join failed"),
    1104: _Refusal(SignalingLost, "signaling.switch_failed", "the switch to another meeting failed"),
}


def from_code(code: int, message: str = "") -> EdgemeetError:
    """The error for a code of an ``error`` notification, a protoo refusal or a REST body.

    An unknown code is a :class:`ServerError` from 5000 on, a :class:`ProtocolMismatch` below.
    """
    known = CODES.get(code)
    if known is None and code >= 5000:
        known = _Refusal(ServerError, "server.unknown_code", "the server reports an unknown fault")
    if known is None:
        known = _Refusal(ProtocolMismatch, "protocol.unknown_code", "the server refuses with an unknown code")
    return _error(known, code, message)


def from_leave_reason(code: int, message: str = "") -> EdgemeetError:
    """The error for the reason of a ``close`` request. An unknown reason is a :class:`SignalingLost`."""
    unknown = _Refusal(
        SignalingLost, "signaling.closed", "the server ended the session for an unknown reason"
    )
    return _error(LEAVE_REASONS.get(code, unknown), code, message)


def from_reply(
    status: int, body: Mapping[str, object], *, what: str, hide: Collection[str] = ()
) -> EdgemeetError:
    """The error for a REST answer that is not a success: by the code in the body first, by the status second.

    The vendor answers an expired token with 400 and code 4001 or 4002, never with 401.

    Args:
        status: the HTTP status.
        body: the JSON object that came with it.
        what: the other side's name for messages; a 402 or 404, or a 400 about a room, is a
            :class:`MeetingNotFound` only if it contains "rooms".
        hide: secrets that the other side might repeat; they are taken out of the message.
    """
    text = quotable(_first_text(body, "message", "error", "msg", "statusMessage"), hide=hide)
    code = _number(body.get("code", body.get("errorCode")))
    if code in CODES:
        return from_code(code, text)
    said = f" and says: {text}" if text else ""
    if status in {401, 403}:
        return AuthError(f"{what} refuses access ({status}){said}", hint=_auth_hint(what))
    if status == 429:
        return RateLimited(f"{what} asks for fewer requests ({status}){said}")
    missing = status in {402, 404} or (status == 400 and "room" in text.lower())
    if missing and "rooms" in what:
        return MeetingNotFound(f"{what} knows no such meeting ({status}){said}")
    if status == 404:
        return ServerError(
            f"{what} has nothing at this path ({status}){said}",
            code="server.wrong_path",
            hint="Check the configured URL.",
        )
    return ServerError(f"{what} answers {status}{said}", code="server.refused" if status < 500 else None)


_SECRET_LIKE: Final = re.compile(r"[A-Za-z0-9_.+/=~?&%:-]{20,}")
_QUOTE_LENGTH: Final = 160


def quotable(text: str, *, hide: Collection[str] = ()) -> str:
    """``text`` in one short line, with what is or looks like a secret replaced by "[...]".

    Tokens, keys, signatures and URLs are long runs without a space; words are shorter than 20 signs.
    """
    for secret in sorted(filter(None, hide), key=len, reverse=True):
        text = text.replace(secret, "[...]")
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[:2000]).split())
    line = _SECRET_LIKE.sub("[...]", line)
    return line if len(line) <= _QUOTE_LENGTH else line[: _QUOTE_LENGTH - 1] + "…"


def _error(refusal: _Refusal, code: int, message: str) -> EdgemeetError:
    said = quotable(message)
    text = f"{refusal.message} ({code})" + (f"; the server says: {said}" if said else "")
    return refusal.error(text, code=refusal.code, hint=refusal.hint)


def _first_text(body: Mapping[str, object], *keys: str) -> str:
    return next((value for key in keys if isinstance(value := body.get(key), str) and value.strip()), "")


def _number(value: object) -> int:
    """A code as a number; some answers send it as text. 0 is no code of VideoSDK's."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,6}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _auth_hint(what: str) -> str:
    return f"Check the credentials that are configured for {what}, or ask its operator."
