from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.errors import (
    AuthError,
    DuplicateParticipant,
    EdgemeetError,
    Evicted,
    MeetingFull,
    MeetingNotFound,
    MeetingUnavailable,
    ProtocolMismatch,
    RemovedByHost,
    RoomClosed,
    ServerError,
    SignalingLost,
    TransportFailed,
)
from edgemeet.signaling import MeetingEvent, ServerComplained
from edgemeet.signaling.inbox import COMPLAINT_EXPLAINS, UNUSED, Inbox
from edgemeet.signaling.protoo import ErrorResponse, JsonObject, Notification, Request, Response

METHODS = [
    *UNUSED,
    *("entryResponded", "error", "newPeer", "peerClosed", "producerScore", "unknown"),
    *("close", "newConsumer", "newDataConsumer", "statsData", "disableMic", "enableWebcam"),
]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def inbox(*, joined: bool = True, clock: Clock | None = None) -> tuple[Inbox, list[MeetingEvent]]:
    events: list[MeetingEvent] = []
    box = Inbox("device", "room", events.append, clock=clock or Clock())
    if joined:
        box.joined([])
    return box, events


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1001, SignalingLost),
        (1002, RemovedByHost),
        (1003, RemovedByHost),
        (1004, Evicted),
        (1005, Evicted),
        (1006, RoomClosed),
        (1007, SignalingLost),
        (1008, RemovedByHost),
        (1009, RoomClosed),
        (1010, RemovedByHost),
        (1011, DuplicateParticipant),
        (1101, SignalingLost),
        (1102, SignalingLost),
        (1103, SignalingLost),
        (1104, SignalingLost),
        (1999, SignalingLost),
    ],
)
def test_every_leave_reason(code: int, error: type[EdgemeetError]) -> None:
    box, _ = inbox()
    answer, ending = box.on_request(Request(1, "close", {"reason": {"code": code, "message": "said so"}}))
    assert answer == Response(1)
    assert type(ending) is error
    assert "said so" in str(ending)


@pytest.mark.parametrize(
    ("code", "error", "ends"),
    [
        (3044, TransportFailed, False),
        (4001, AuthError, False),
        (4002, AuthError, False),
        (4003, MeetingNotFound, False),
        (4004, AuthError, False),
        (4005, DuplicateParticipant, True),
        (4006, AuthError, False),
        (4007, AuthError, False),
        (4008, AuthError, False),
        (4009, MeetingFull, False),
        (4010, MeetingFull, False),
        (4022, AuthError, False),
        (4023, AuthError, False),
        (4024, AuthError, False),
        (4025, AuthError, False),
        (4026, MeetingFull, False),
        (4027, MeetingFull, False),
        (4041, MeetingFull, False),
        (4050, ServerError, False),
        (4051, ProtocolMismatch, False),
        (4052, MeetingUnavailable, False),
        (4053, AuthError, False),
        (5000, ServerError, False),
        (5999, ServerError, False),
        (4999, ProtocolMismatch, False),
        (0, ProtocolMismatch, False),
    ],
)
def test_every_error_code(code: int, error: type[EdgemeetError], ends: bool) -> None:
    notification = Notification("error", {"code": code, "message": "said so"})
    before, _ = inbox(joined=False)
    assert type(before.on_notification(notification)) is error
    box, events = inbox()
    ending = box.on_notification(notification)
    if ends:
        assert type(ending) is error
        assert events == []
    else:
        assert ending is None
        assert [type(event.error) for event in events if isinstance(event, ServerComplained)] == [error]


def test_a_complaint_explains_a_loss_for_a_while() -> None:
    clock = Clock()
    box, _ = inbox(clock=clock)
    loss = SignalingLost("gone")
    assert box.explain(loss) is loss
    box.on_notification(Notification("error", {"code": 4002}))
    clock.now += COMPLAINT_EXPLAINS
    assert type(box.explain(loss)) is AuthError
    clock.now += 0.1
    assert box.explain(loss) is loss


def test_made_up_methods_do_not_fill_the_memory() -> None:
    box, _ = inbox()
    for number in range(1000):
        box.on_notification(Notification(f"method{number}"))
    assert len(box.ignored) <= 65
    assert box.ignored.total() == 1000


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)
FIELDS = ("id", "peerId", "displayName", "decision", "switchingRoomId", "code", "message", "reason", "score")
data = st.fixed_dictionaries({}, optional=dict.fromkeys((*FIELDS, "producerId", "sessionId"), json_values))


@given(st.booleans(), st.lists(st.tuples(st.booleans(), st.sampled_from(METHODS), data), max_size=3))
def test_nothing_the_server_says_breaks_the_inbox(
    joined: bool, messages: list[tuple[bool, str, JsonObject]]
) -> None:
    box, _ = inbox(joined=joined)
    for is_request, method, body in messages:
        if is_request:
            answer, ending = box.on_request(Request(3, method, body))
            assert isinstance(answer, Response | ErrorResponse)
            assert answer.id == 3
        else:
            ending = box.on_notification(Notification(method, body))
        assert ending is None or isinstance(ending, EdgemeetError)
        assert "device" not in box.roster
