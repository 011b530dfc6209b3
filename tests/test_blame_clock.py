from datetime import UTC, datetime, timedelta

import pytest

from edgemeet.errors import AuthError, ClockError, EdgemeetError, ServerError
from edgemeet.network_faults import blame_clock

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "their_clock", "code"),
    [
        (AuthError("refused"), NOW, "auth.refused"),
        (AuthError("refused"), None, "auth.refused"),
        (AuthError("refused"), NOW + timedelta(seconds=60), "auth.refused"),
        (AuthError("refused"), NOW + timedelta(seconds=61), "clock.behind"),
        (AuthError("refused"), NOW - timedelta(hours=1), "clock.ahead"),
        (ServerError("broken"), NOW - timedelta(hours=1), "server.error"),
    ],
    ids=["same time", "no time told", "a minute", "behind", "ahead", "no refusal"],
)
def test_a_refusal_under_a_wrong_clock_is_the_clocks(
    error: EdgemeetError, their_clock: datetime | None, code: str
) -> None:
    found = blame_clock(error, their_clock, NOW)
    assert found.code == code
    assert error.message in found.message
    assert isinstance(found, ClockError) is code.startswith("clock.")
