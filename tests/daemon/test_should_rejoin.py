import pytest

from edgemeet.config.reload import Effect
from edgemeet.daemon.reload import should_rejoin
from edgemeet.errors import ConfigError, EdgemeetError, NetworkError, RemovedByHost, RoomClosed
from edgemeet.supervisor import State

REJOIN, NEXT_JOIN, CAMERA = Effect.REJOIN, Effect.NEXT_JOIN, Effect.CAMERA


@pytest.mark.parametrize(
    ("state", "error", "effect", "expected"),
    [
        (State.JOINED, None, REJOIN, True),
        (State.JOINED, None, NEXT_JOIN, False),
        (State.JOINED, None, CAMERA, False),
        (State.JOINING, None, REJOIN, True),
        (State.JOINING, None, NEXT_JOIN, True),
        (State.JOINING, None, CAMERA, False),
        (State.WAITING, NetworkError("x"), NEXT_JOIN, True),
        (State.WAITING, NetworkError("x"), CAMERA, False),
        (State.WAITING, RoomClosed("x"), REJOIN, False),
        (State.HELD, RemovedByHost("x"), REJOIN, False),
        (State.HELD, ConfigError("x"), NEXT_JOIN, True),
        (State.HELD, None, REJOIN, False),
        (State.LEFT, None, REJOIN, False),
    ],
)
def test_when_new_settings_are_a_reason_to_join(
    state: State, error: EdgemeetError | None, effect: Effect, expected: bool
) -> None:
    assert should_rejoin(state, error, frozenset({effect})) is expected
