"""Whether this process still does its work, as far as a restart of it would help. Pure.

The watchdog is the last rung of the ladder of repair. Everything outside (no network, no meeting, a camera
that is unplugged) has a rung of its own, and a new process would find the same: that never withholds a ping.
What withholds it is that something inside did not end within its own deadline, with a wide margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edgemeet.supervisor import Phase, State

# Beside the time a host may take to let the device in: token, init-config, websocket, ICE and DTLS each have
# deadlines of 10 to 30 s.
_ATTEMPT: Final = 180.0
# Leaving has a deadline of 2 s for the meeting, and one for each part that is closed.
_LEAVING: Final = 60.0
# A wait that is over begins an attempt in the same turn of the event loop.
_OVERDUE: Final = 60.0
# A capture that gives frames and a sender that sends none for so long is a defect of the part between.
_SILENT: Final = 60.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the decision needs.

    Attributes:
        state: of the supervisor.
        phase: of the running session, if any.
        in_phase: seconds in this state and phase.
        entry_timeout: seconds that a host may take to let the device in.
        overdue: seconds since a wait should have ended; 0 while it is due later.
        unsent_for: seconds for which a capture has been giving frames to an active producer that sent none.
    """

    state: State
    phase: Phase | None
    in_phase: float
    entry_timeout: float
    overdue: float = 0.0
    unsent_for: float = 0.0


def stuck(vitals: Vitals) -> str | None:
    """What did not end when it should have, in a few words; None when all is well or rightly idle."""
    if vitals.phase is Phase.LEAVING and vitals.in_phase > _LEAVING:
        return f"leaving for {vitals.in_phase:.0f} s"
    match vitals.state:
        case State.JOINING if vitals.in_phase > vitals.entry_timeout + _ATTEMPT:
            return f"in one attempt to join ({vitals.phase}) for {vitals.in_phase:.0f} s"
        case State.WAITING if vitals.overdue > _OVERDUE:
            return f"the next attempt is overdue for {vitals.overdue:.0f} s"
        case State.JOINED if vitals.unsent_for > _SILENT:
            return f"a capture runs and nothing of it was sent for {vitals.unsent_for:.0f} s"
    return None
