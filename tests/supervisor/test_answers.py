import dataclasses

import pytest

from edgemeet.rtc import EncodingStats
from edgemeet.supervisor.answers import AUDIO_REPORT_INTERVAL, report_age, unacknowledged


def encoding(report: float | None, first: float | None) -> EncodingStats:
    fields = {field.name: None for field in dataclasses.fields(EncodingStats)}
    return EncodingStats(**(fields | {"last_report_age": report, "first_packet_age": first}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("encodings", "answered_ago", "sound_only", "expected"),
    [
        ([], None, False, None),
        ([encoding(None, None)], None, False, None),
        ([encoding(None, 3.0)], None, False, 3.0),
        ([encoding(1.0, 60.0)], None, False, 1.0),
        ([encoding(9.0, 60.0), encoding(0.5, 60.0), encoding(None, None)], None, False, 0.5),
        ([encoding(6.0, 60.0)], 0.4, False, 6.0),
        ([encoding(6.0, 60.0)], 0.4, True, 0.4),
        ([encoding(6.0, 60.0)], None, True, 6.0),
        ([encoding(6.0, 60.0)], 40.0, True, 6.0),
        ([encoding(AUDIO_REPORT_INTERVAL + 0.1, 60.0)], 0.4, True, AUDIO_REPORT_INTERVAL + 0.1),
    ],
    ids=[
        "nothing is sent",
        "nothing was sent yet",
        "a first report is due",
        "reported",
        "one of three is reported",
        "an answer is no report",
        "of sound alone it is as good",
        "nobody answered",
        "the answer is older",
        "a report is overdue",
    ],
)
def test_for_how_long_nobody_has_acknowledged_anything(
    encodings: list[EncodingStats], answered_ago: float | None, sound_only: bool, expected: float | None
) -> None:
    age = report_age(encodings)
    assert unacknowledged(age, answered_ago=answered_ago, sound_only=sound_only) == expected
