"""`refusals`: every number of VideoSDK's becomes one error, and no secret gets into its text."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.errors import (
    AuthError,
    DuplicateParticipant,
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
from edgemeet.refusals import (
    CODES,
    LEAVE_REASONS,
    ROOMS_API,
    from_code,
    from_leave_reason,
    from_reply,
    quotable,
)

CODE_CASES = [
    (3044, TransportFailed, "transport.failed"),
    (4001, AuthError, "auth.api_key"),
    (4002, AuthError, "auth.token_refused"),
    (4003, MeetingNotFound, "meeting.invalid_id"),
    (4004, AuthError, "auth.participant_id"),
    (4005, DuplicateParticipant, "evicted.duplicate"),
    (4006, AuthError, "auth.account_deactivated"),
    (4007, AuthError, "auth.account_discontinued"),
    (4008, AuthError, "auth.permissions"),
    (4009, MeetingFull, "meeting.full"),
    (4010, MeetingFull, "meeting.speakers_full"),
    (4022, AuthError, "auth.wrong_meeting"),
    (4023, AuthError, "auth.wrong_participant"),
    (4024, AuthError, "auth.wrong_role"),
    (4025, AuthError, "auth.wrong_request"),
    (4026, MeetingFull, "meeting.organization_limit"),
    (4027, MeetingFull, "meeting.organization_limit"),
    (4041, MeetingFull, "meeting.organization_limit"),
    (4050, ServerError, "server.consumer_failed"),
    (4051, ProtocolMismatch, "protocol.codec_refused"),
    (4052, MeetingUnavailable, "meeting.disabled"),
    (4053, AuthError, "auth.api_key_deactivated"),
    (5000, ServerError, "server.error"),
    (5999, ServerError, "server.unknown_code"),
    (4999, ProtocolMismatch, "protocol.unknown_code"),
    (0, ProtocolMismatch, "protocol.unknown_code"),
    (-1, ProtocolMismatch, "protocol.unknown_code"),
]


@pytest.mark.parametrize(("code", "kind", "name"), CODE_CASES)
def test_codes(code, kind, name):
    error = from_code(code, "the server's words")
    assert (type(error), error.code) == (kind, name)
    assert f"({code})" in error.message
    assert "the server's words" in error.message


REASON_CASES = [
    (1001, SignalingLost, "signaling.lost"),
    (1002, RemovedByHost, "evicted.removed"),
    (1003, RemovedByHost, "evicted.mode_change"),
    (1004, Evicted, "evicted.relay_stopped"),
    (1005, Evicted, "evicted.switched"),
    (1006, RoomClosed, "evicted.room_closed"),
    (1007, SignalingLost, "signaling.closed"),
    (1008, RemovedByHost, "evicted.all_removed"),
    (1009, RoomClosed, "evicted.ended_by_api"),
    (1010, RemovedByHost, "evicted.removed_by_api"),
    (1011, DuplicateParticipant, "evicted.duplicate"),
    (1101, SignalingLost, "signaling.left"),
    (1102, SignalingLost, "signaling.exhausted"),
    (1103, SignalingLost, "signaling.join_failed"),
    (1104, SignalingLost, "signaling.switch_failed"),
    (1999, SignalingLost, "signaling.closed"),
]


@pytest.mark.parametrize(("code", "kind", "name"), REASON_CASES)
def test_leave_reasons(code, kind, name):
    error = from_leave_reason(code)
    assert (type(error), error.code) == (kind, name)
    assert error.message.endswith(f"({code})")


def test_the_tables_above_are_whole():
    """A number that is added to the module has to be added to its test."""
    assert set(CODES) <= {code for code, _, _ in CODE_CASES}
    assert set(LEAVE_REASONS) <= {code for code, _, _ in REASON_CASES}


VALIDATION = ROOMS_API
PROVISIONING = "the provisioning server"


@pytest.mark.parametrize(
    ("status", "body", "what", "kind", "name"),
    [
        # The vendor's trap: an expired token is a 400.
        (400, {"code": 4002, "message": "Token is expired"}, VALIDATION, AuthError, "auth.token_refused"),
        (400, {"errorCode": "4001", "error": "x"}, VALIDATION, AuthError, "auth.api_key"),
        (401, {"code": 4009}, VALIDATION, MeetingFull, "meeting.full"),
        (400, {"message": "Room not found."}, VALIDATION, MeetingNotFound, "meeting.not_found"),
        (400, {"error": "RoomId is invalid."}, VALIDATION, MeetingNotFound, "meeting.not_found"),
        (400, {"message": "Bad geoFence"}, VALIDATION, ServerError, "server.refused"),
        (402, {}, VALIDATION, MeetingNotFound, "meeting.not_found"),
        (404, {}, VALIDATION, MeetingNotFound, "meeting.not_found"),
        (400, {"message": "Room not found."}, PROVISIONING, ServerError, "server.refused"),
        (402, {}, PROVISIONING, ServerError, "server.refused"),
        (404, {}, PROVISIONING, ServerError, "server.wrong_path"),
        (401, {}, PROVISIONING, AuthError, "auth.refused"),
        (403, {"msg": "not you"}, PROVISIONING, AuthError, "auth.refused"),
        (429, {}, PROVISIONING, RateLimited, "server.rate_limited"),
        (503, {}, PROVISIONING, ServerError, "server.error"),
        (418, {"code": 12, "statusMessage": "tea"}, PROVISIONING, ServerError, "server.refused"),
        (401, {"code": True, "message": ["?"]}, PROVISIONING, AuthError, "auth.refused"),
        (401, {"code": "E_AUTH", "message": 5}, PROVISIONING, AuthError, "auth.refused"),
    ],
)
def test_replies(status, body, what, kind, name):
    error = from_reply(status, body, what=what)
    assert (type(error), error.code) == (kind, name)


@pytest.mark.parametrize("key", ["message", "error", "msg", "statusMessage"])
def test_the_servers_words_are_told(key):
    assert "the moon is full" in from_reply(403, {key: "the moon\n is full"}, what=PROVISIONING).message


JSON_ISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(["code", "errorCode", "message", "error", "msg", "statusMessage"]) | st.text(
    max_size=3
)


@given(st.integers(300, 599), st.dictionaries(KEYS, JSON_ISH, max_size=4))
def test_any_body_becomes_an_error_in_one_short_line(status, body):
    message = from_reply(status, body, what=PROVISIONING).message
    assert message.isprintable()
    assert len(message) < 300


SECRET = st.text(alphabet=string.ascii_letters + string.digits + "_-.+/=~", min_size=20, max_size=600)
PROSE = st.text(alphabet=string.ascii_letters + " \n:,'\"", max_size=40)


@given(PROSE, SECRET, PROSE)
def test_long_runs_are_never_quoted(before, secret, after):
    assert secret[:20] not in quotable(before + secret + after)


@given(PROSE, st.text(alphabet=string.digits + "#! ", min_size=1, max_size=15).filter(str.strip), PROSE)
def test_what_is_to_be_hidden_is_hidden_whatever_it_looks_like(before, secret, after):
    secret = f"#{secret}#"
    shown = quotable(before + secret + after, hide=["", secret])
    assert secret not in shown
    assert "#" not in shown


def test_ordinary_words_are_quoted_whole():
    words = "Participant limit reached: 100 of 100 (upgrade at your dashboard)"
    assert quotable(words) == words
