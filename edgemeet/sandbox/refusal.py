"""What the sandbox refuses, in the vendor's codes."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """VideoSDK's error codes that the sandbox uses."""

    TOKEN_INVALID = 4002
    MEETING_INVALID = 4003
    PARTICIPANT_INVALID = 4004
    DUPLICATE_PARTICIPANT = 4005
    PERMISSIONS_INVALID = 4008
    PARTICIPANT_LIMIT = 4009
    API_KEY_INVALID = 4001
    WRONG_MEETING = 4022
    WRONG_PARTICIPANT = 4023
    WRONG_ROLE = 4024
    MEETING_DISABLED = 4052


class LeaveReason(IntEnum):
    """VideoSDK's reasons for which a participant leaves."""

    DISCONNECTED = 1001
    REMOVED = 1002
    ROOM_CLOSED = 1006
    REMOVED_BY_API = 1010
    DUPLICATE = 1011


TEXTS = {
    Code.API_KEY_INVALID: "The API key in the token is not this sandbox's.",
    Code.TOKEN_INVALID: "The token is invalid or expired.",
    Code.MEETING_INVALID: "There is no such meeting.",
    Code.PARTICIPANT_INVALID: "The participant id is invalid.",
    Code.DUPLICATE_PARTICIPANT: (
        "Leaving meeting, since this participantId joined from another device."  # the vendor's words
    ),
    Code.PERMISSIONS_INVALID: "The token's permissions contradict each other or are unknown.",
    Code.PARTICIPANT_LIMIT: "The meeting is full.",
    Code.WRONG_MEETING: "The token is not meant for this meeting.",
    Code.WRONG_PARTICIPANT: "The token is not meant for this participant.",
    Code.WRONG_ROLE: "The token's role does not allow this.",
    Code.MEETING_DISABLED: "The meeting is disabled.",
}

REASON_TEXTS = {
    LeaveReason.DISCONNECTED: "The websocket was disconnected.",
    LeaveReason.REMOVED: "Removed by another participant.",
    LeaveReason.ROOM_CLOSED: "The meeting was closed.",
    LeaveReason.REMOVED_BY_API: "Removed through the API.",
    LeaveReason.DUPLICATE: "The same participant joined elsewhere.",
}


class Refused(Exception):
    """A request that is refused.

    Args:
        code: a vendor's code, or an HTTP-like one for protoo requests.
        text: what is wrong; the code's own text unless given. Never holds a secret.
        status: the HTTP status where the request came by HTTP.
    """

    def __init__(self, code: Code | int, text: str | None = None, *, status: int = 400) -> None:
        self.code = int(code)
        self.text = text or (TEXTS[code] if isinstance(code, Code) else "Refused.")
        self.status = status
        super().__init__(self.text)
