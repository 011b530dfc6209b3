"""The systemd unit, and the daemon itself."""

from __future__ import annotations

from edgemeet.doctor.findings import Finding, Outcome, skipped, well, wrong
from edgemeet.doctor.journey import Journey
from edgemeet.doctor.machine import Machine

UNIT = "edgemeet.service"
_PROPERTIES = "LoadState,ActiveState,SubState,Result,NRestarts,UnitFileState"


async def unit(machine: Machine, _: Journey) -> Finding:
    """Loaded, enabled and running, and not starting again and again."""
    shown = await machine.program("systemctl", "show", UNIT, f"--property={_PROPERTIES}")
    if shown is None:
        return skipped("there is no systemd to ask")
    facts = dict(line.partition("=")[::2] for line in shown.splitlines())
    if facts.get("LoadState") != "loaded":
        return skipped(f"{UNIT} is not installed")
    state, restarts = facts.get("ActiveState", "unknown"), facts.get("NRestarts", "0")
    if state == "failed" or facts.get("SubState") == "auto-restart":
        text = f"{UNIT} ends again and again: {facts.get('Result', 'unknown')}, {restarts} restarts"
        return wrong(Outcome.ERROR, "unit.failed", text, f"`journalctl -u {UNIT} -n 50` says why")
    if state != "active":
        hint = "`systemctl enable --now edgemeet` starts it"
        return wrong(Outcome.WARNING, "unit.inactive", f"{UNIT} is {state}", hint)
    if facts.get("UnitFileState") == "disabled":
        text = f"{UNIT} runs, and would not after a reboot"
        return wrong(Outcome.WARNING, "unit.disabled", text, "`systemctl enable edgemeet`")
    return well(f"{UNIT} is active, {restarts} restarts")


async def daemon(machine: Machine, _: Journey) -> tuple[Finding, ...]:
    """What the running daemon says is wrong."""
    status = machine.daemon
    if status is None:
        return (skipped("none is running that this user may ask"),)
    found = tuple(
        wrong(
            Outcome(condition.severity),
            condition.code,
            condition.message,
            condition.hint or "docs/troubleshoot.md says more",
        )
        for condition in status.health
    )
    return found or (well(f"{status.state}, and nothing is wrong"),)
