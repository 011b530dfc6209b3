from __future__ import annotations

import pytest

from edgemeet.rtc.quality import QualityDurations, QualityLimit, quality_reason


@pytest.mark.parametrize(
    ("target", "wanted", "reason"),
    [
        (1_500_000, True, "none"),
        (1_450_000, True, "none"),
        (1_400_000, True, "bandwidth"),
        (0, True, "bandwidth"),
        (0, False, "other"),
        (1_500_000, False, "other"),  # it goes on for a moment
    ],
)
def test_reasons(target: int, reason: str, *, wanted: bool) -> None:
    assert quality_reason(target, 1_500_000, wanted=wanted) == reason


def test_durations_are_those_between_the_changes() -> None:
    limit = QualityLimit()
    assert limit.durations(5.0) == QualityDurations()
    limit.note("none", 10.0)
    limit.note("bandwidth", 13.0)
    limit.note("bandwidth", 14.0)
    limit.note("other", 15.0)
    assert limit.durations(15.5) == QualityDurations(none=3.0, bandwidth=2.0, other=0.5)
    assert limit.durations(16.0) == QualityDurations(none=3.0, bandwidth=2.0, other=1.0)
