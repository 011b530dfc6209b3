"""The tables of docs/recovery.md, made from the policy that is in force.

A test keeps the document as this module makes it. ``python -m edgemeet.supervisor.reference`` prints them.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime

from edgemeet import errors
from edgemeet.errors import EdgemeetError
from edgemeet.network_faults import FAULTS, network_fault
from edgemeet.refusals import CODES, LEAVE_REASONS, ROOMS_API, from_code, from_leave_reason, from_reply
from edgemeet.supervisor.limits import DEFAULT_LIMITS
from edgemeet.supervisor.policy import JITTER, PROBE_JITTER, RULES, Rule, opening_pause, pause_after, rule_for

_WHAT = "the provisioning server"
_STATUSES = (400, 401, 403, 404, 409, 410)
# OpenSSL's X509_V_ERR_* numbers, x509_vfy.h, and one that stands for all others.
_CERTIFICATES = {9: "not valid yet", 10: "expired", 62: "for another name", 18: "of an unknown authority"}


def tables() -> str:
    """All tables, each under its headline, in Markdown."""
    parts = [_rules(), _numbers()]
    parts += [
        _table("Leave reasons of `close`", "reason", LEAVE_REASONS, from_leave_reason),
        _table("Error codes of `error`, of refused requests and of REST answers", "code", CODES, from_code),
        _http(),
        _network(),
        _classes(),
    ]
    return "\n".join(parts)


def _rules() -> str:
    rows = "".join(
        f"| {rule.name} | {rule.when} | {_pauses(rule)} | {', '.join(sorted(rule.cut_by))} |\n"
        for rule in RULES
    )
    head = "| remedy | what for | seconds out of the meeting | cut short by |\n|---|---|---|---|\n"
    return "### The remedies\n\n" + head + rows


def _pauses(rule: Rule) -> str:
    error = _example(rule)
    first = pause_after(error, 1, 0.0, DEFAULT_LIMITS)
    if first is None:
        return "until one of the next column"
    if rule.name == "duplicate":
        pauses = [pause_after(error, 1, 0.0, DEFAULT_LIMITS, evictions=n) for n in range(1, 6)]
        steps = [f"{pause:g}" for pause in dict.fromkeys(pauses) if pause is not None]
        return f"{', '.join(steps[:-1])}, then {steps[-1]}"
    steps = [f"{pause:g}" for pause in rule.pauses]
    return f"{', '.join(steps)}, then {rule.at_last:g}" if steps else f"{rule.at_last:g}"


def _example(rule: Rule) -> EdgemeetError:
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    examples = [kind("") for kind in kinds if issubclass(kind, EdgemeetError) and rule_for(kind("")) is rule]
    return examples[0]


def _numbers() -> str:
    limits = DEFAULT_LIMITS
    rows = [
        ("a pause is longer, at random, by up to", f"{JITTER:.0%}"),
        ("between two joins, whoever asks", f"{limits.join_interval:g} s at least"),
        (
            "joins, however often the world changes",
            f"{limits.joins_in_window} in {limits.window:g} s at most; one that led into a meeting that was "
            f"well for {limits.sound_meeting:g} s counts half",
        ),
        (
            "a server that could not be reached is probed",
            f"every {limits.probe_first:g} s at first and every {limits.probe_interval:g} s soon, after "
            f"{limits.probe_slow_after:g} s every {limits.probe_slow_interval:g} s; all up to "
            f"{PROBE_JITTER:.0%} sooner, at random",
        ),
        ("one probe has", f"{limits.probe_timeout:g} s"),
        ("between two joins while probes find no server", f"{limits.shut_pause:g} s at least"),
        (
            "between two joins, when a server takes connections again before a session has lasted",
            f"{_openings()} s at least",
        ),
        ("failures count from zero after a session of", f"{limits.good_session:g} s"),
        (
            "a meeting that was well for",
            f"{limits.sound_meeting:g} s, and ends by what we do not understand, is retried: once in "
            f"{limits.quiet_mismatches:g} s",
        ),
        ("media is stalled without an acknowledgement for", f"{limits.media_timeout:g} s"),
        (
            "media whose address is gone, while there is another way, moves after",
            f"{limits.stranded:g} s",
        ),
        (
            "media that is neither acknowledged nor answered after the network changed is given up after",
            f"{limits.rerouted:g} s",
        ),
        ("signaling answers if it was heard of within", f"{limits.signaling_fresh:g} s of being asked"),
        ("a new transport has", f"{limits.repair_timeout:g} s"),
        ("a stalled session has, after the network came back,", f"{limits.revive:g} s"),
        ("a session of which nothing is heard ends after", f"{limits.path_timeout:g} s"),
        ("frames that come while no packet leaves end a session after", f"{limits.flow_timeout:g} s"),
        ("an attempt ends after", f"{limits.attempt:g} s and `meeting.entry_timeout`"),
    ]
    return "### The numbers\n\n| what | how much |\n|---|---|\n" + "".join(
        f"| {a} | {b} |\n" for a, b in rows
    )


def _openings() -> str:
    pauses = dict.fromkeys(opening_pause(number, DEFAULT_LIMITS) for number in range(1, 12))
    first, *_, last = (f"{pause:g}" for pause in pauses)
    return f"{first}, doubled each time, and {last}"


def _table(
    title: str, key: str, known: object, make: Callable[[int], EdgemeetError], *, unknown: int = 9_999
) -> str:
    assert isinstance(known, dict)
    rows = "".join(_row(str(number), make(number)) for number in known)
    head = f"| {key} | code in `health` | remedy |\n|---|---|---|\n"
    return f"### {title}\n\n{head}{rows}{_row('others', make(unknown))}"


def _http() -> str:
    errors_by_status = {str(status): from_reply(status, {}, what=_WHAT) for status in _STATUSES}
    errors_by_status["402, 404 of the rooms API"] = from_reply(404, {}, what=ROOMS_API)
    errors_by_status["429"] = errors.RateLimited("")
    errors_by_status["5xx"] = errors.ServerError("")
    errors_by_status["200 with a web page"] = errors.ServerError("", code="server.not_json")
    rows = "".join(_row(status, error) for status, error in errors_by_status.items())
    head = "| status | code in `health` | remedy |\n|---|---|---|\n"
    return "### HTTP, where the body names no code of VideoSDK's\n\n" + head + rows


def _network() -> str:
    now = datetime.now(UTC)
    rows = "".join(
        _row(f"a certificate {words}", network_fault(_certificate(number), "x", now))
        for number, words in _CERTIFICATES.items()
    )
    for kind, *_ in FAULTS:
        name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        rows += _row(f"`{name}`", network_fault(kind("x"), "x", now))
    head = "| what a library says | code in `health` | remedy |\n|---|---|---|\n"
    return "### Names, connections and TLS\n\n" + head + rows


def _certificate(number: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = number, "x"
    return error


def _classes() -> str:
    kinds = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, EdgemeetError) and value is not EdgemeetError
    ]
    rows = "".join(_row(f"`{kind.__name__}`", kind("")) for kind in kinds if _ends_sessions(kind))
    head = "| error | code in `health`, unless a finer one is known | remedy |\n|---|---|---|\n"
    return "### Everything else that ends a session, by its class\n\n" + head + rows


def _ends_sessions(kind: type[EdgemeetError]) -> bool:
    apart = (errors.DeviceError, errors.ControlError, errors.StateError)
    return not issubclass(kind, apart)


def _row(what: str, error: EdgemeetError) -> str:
    return f"| {what} | `{error.code}` | {rule_for(error).name} |\n"


if __name__ == "__main__":
    print(tables(), end="")  # noqa: T201 - printing is what it is called for
