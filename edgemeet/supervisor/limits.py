"""How patient the supervisor is: every number that it goes by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, unless something else is said.

    Attributes:
        join_interval: two joins are never closer, whatever ended the first and whoever asks for the second.
        joins_in_window: joins within `window`, at most, however often the world changes; an operator's word
            is obeyed all the same. One that led to a `sound_meeting` counts half.
        window: for `joins_in_window`.
        start_jitter: the first join waits for up to so long, at random: power returns to a whole fleet.
        clock_wait: the first join waits for the clock to be set for up to so long.
        media_timeout: media that was not acknowledged for so long is stalled. mediasoup's reports on pictures
            are at most 1.5 s apart (a second, stretched by a half): two in a row may be lost.
        stranded: media that leaves from an address which has been gone for so long, while there is another
            way, does not come back.
        rerouted: media that is neither acknowledged nor answered for so long after the network changed does
            not get through the new way. Longer than the longest interval of reports on pictures.
        flow_timeout: frames that come for so long while no packet leaves are a defect of this session.
        signaling_fresh: signaling that was heard of within so long answers, while it is being asked.
        path_timeout: a session of which nothing was heard for so long is given up.
        repair_timeout: for a new transport on the same signaling; after it the session is given up.
        revive: after the network came back, a stalled session may take so long to move again.
        attempt: from the begin of a session until it is in the meeting, without the wait for a host.
        entry_timeout: that a host may take to let the device in.
        probe: whether a server that could not be reached is probed during a pause.
        probe_first: between two probes at least.
        probe_interval: between two probes at most, until `probe_slow_after`.
        probe_slow_after: a server that has been unreachable for so long is probed seldom.
        probe_slow_interval: between two probes then.
        probe_timeout: for one probe.
        shut_pause: between two joins, at least, while probes find no server.
        duplicate_hold: out of the meeting after the same participant id joined elsewhere.
        removal_hold: out of the meeting after a host removed the device; None is until the provisioning
            server or an operator says otherwise.
        good_session: a session that lasted so long was a good one, and failures are counted from zero.
        sound_meeting: a meeting that the device has been in for so long speaks what we speak, and one
            mismatch of the protocol is a slip; what ends it is no fault of the join.
        quiet_mismatches: a session that lasted so long makes the next mismatch the first one again.
        quiet_evictions: a session that lasted so long shows that nobody else uses this participant id.
    """

    join_interval: float = 1.0
    joins_in_window: int = 10
    window: float = 120.0
    start_jitter: float = 0.0
    clock_wait: float = 60.0
    media_timeout: float = 4.5
    stranded: float = 0.3
    rerouted: float = 1.6
    flow_timeout: float = 20.0
    signaling_fresh: float = 3.0
    path_timeout: float = 15.0
    repair_timeout: float = 5.0
    revive: float = 1.0
    attempt: float = 120.0
    entry_timeout: float = 300.0
    probe: bool = True
    probe_first: float = 0.5
    probe_interval: float = 2.0
    probe_slow_after: float = 600.0
    probe_slow_interval: float = 15.0
    probe_timeout: float = 2.0
    shut_pause: float = 30.0
    duplicate_hold: float = 600.0
    removal_hold: float | None = None
    good_session: float = 30.0
    sound_meeting: float = 5.0
    quiet_mismatches: float = 600.0
    quiet_evictions: float = 7200.0


DEFAULT_LIMITS = Limits()
