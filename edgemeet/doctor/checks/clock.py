"""The clock: tokens and certificates are only as good as it."""

from __future__ import annotations

from datetime import UTC, datetime

from edgemeet.doctor.findings import Finding, Outcome, well, wrong
from edgemeet.doctor.journey import Journey
from edgemeet.doctor.machine import Machine
from edgemeet.errors import EdgemeetError
from edgemeet.network_faults import CLOCK_HINT
from edgemeet.provisioning.token import CLOCK_TOLERANCE

# 2025-01-01, before this was written: a clock that says less was never set.
_EARLIEST = 1_735_689_600.0


async def clock(machine: Machine, journey: Journey) -> Finding:
    """Set, kept in step, and within a minute of VideoSDK's."""
    now = machine.wall_clock()
    if now < _EARLIEST:
        shown = datetime.fromtimestamp(now, UTC)
        return wrong(
            Outcome.ERROR, "clock.not_set", f"the clock says {shown:%Y-%m-%d}: it was never set", CLOCK_HINT
        )
    ahead = await _seconds_ahead(machine, journey)
    if ahead is not None and abs(ahead) > CLOCK_TOLERANCE:
        word = "ahead of" if ahead > 0 else "behind"
        return wrong(
            Outcome.ERROR,
            "clock.ahead" if ahead > 0 else "clock.behind",
            f"the clock is {abs(ahead):.0f} s {word} that of VideoSDK's API: tokens will be refused",
            CLOCK_HINT,
        )
    if machine.synchronised() is False:
        return wrong(
            Outcome.WARNING,
            "clock.unsynchronised",
            "the clock is not kept in step with a time server",
            CLOCK_HINT,
        )
    # The answer's Date has whole seconds.
    compared = "" if ahead is None else f", {abs(ahead):.0f} s from VideoSDK's API"
    return well(f"set and kept in step{compared}")


async def _seconds_ahead(machine: Machine, journey: Journey) -> float | None:
    """Of VideoSDK's API; None when it cannot be asked."""
    if machine.settings is None:
        return None
    try:
        date = (await journey.api()).date
    except EdgemeetError:
        return None
    return machine.wall_clock() - date.timestamp() if date else None
