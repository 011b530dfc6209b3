"""The machine: memory, disk, power and heat, versions with known bugs."""

from __future__ import annotations

import os
import re
from typing import Final

from edgemeet.doctor.findings import Finding, Outcome, skipped, well, wrong
from edgemeet.doctor.journey import Journey
from edgemeet.doctor.machine import Machine

MEBIBYTE: Final = 1024 * 1024
# The daemon has 90 MB resident and each of its two captures about as much, measured on x86-64.
LITTLE_MEMORY: Final = 150 * MEBIBYTE
TOO_LITTLE_MEMORY: Final = 50 * MEBIBYTE
LITTLE_SPACE: Final = 20 * MEBIBYTE
TOO_LITTLE_SPACE: Final = MEBIBYTE  # the state is a few kilobytes
HOT: Final = 80.0  # degrees Celsius; the Pi's firmware begins to throttle there

_POWER: Final = "use the official power supply and a short cable"
_COOL: Final = "give it a heat sink or air"
# Raspberry Pi's documentation of `vcgencmd get_throttled`: now, and 16 bits higher since the start.
_THROTTLED: Final = (
    (0x1, "host.undervoltage", "the supply voltage is too low", _POWER),
    (0x2, "host.throttled", "the processor's frequency is capped", f"{_COOL}, and {_POWER}"),
    (0x4, "host.throttled", "the processor is throttled", f"{_COOL}, and {_POWER}"),
    (0x8, "host.hot", "the processor has reached its temperature limit", _COOL),
)
_FIRMWARE: Final = "/sys/devices/platform/soc/soc:firmware/get_throttled"


async def memory(machine: Machine, _: Journey) -> Finding:
    """There is some left."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", machine.read("/proc/meminfo") or "", re.MULTILINE)
    if found is None:
        return skipped("the kernel does not say")
    free = int(found[1]) * 1024
    text = f"{free // MEBIBYTE} MB of memory are available"
    # What the running daemon needs it has already.
    if free >= (TOO_LITTLE_MEMORY if machine.daemon else LITTLE_MEMORY):
        return well(text)
    outcome = Outcome.ERROR if free < TOO_LITTLE_MEMORY else Outcome.WARNING
    return wrong(
        outcome, "host.memory_low", text, "end other programs; `ps aux --sort=-rss` shows who has it"
    )


async def disk(machine: Machine, journey: Journey) -> Finding:
    """The state directory can be written."""
    wanted = journey.settings.state_directory
    folder = next(path for path in (wanted, *wanted.parents) if path.exists())
    try:
        space = machine.space(folder)
    except OSError as error:
        text = f"{folder} cannot be looked at: {os.strerror(error.errno or 0).lower()}"
        return wrong(Outcome.ERROR, "host.disk_failed", text, "`dmesg` shows whether the card fails")
    if space.f_flag & os.ST_RDONLY:
        return wrong(
            Outcome.WARNING,
            "host.read_only",
            f"{folder} cannot be written: its file system is read-only",
            "set meeting.participant_id, so that nothing has to be kept, or state_directory to another place",
        )
    free = space.f_bavail * space.f_frsize
    text = f"{free // MEBIBYTE} MB are free in {folder}"
    if free >= LITTLE_SPACE:
        return well(text)
    outcome = Outcome.ERROR if free < TOO_LITTLE_SPACE else Outcome.WARNING
    return wrong(
        outcome, "host.disk_full", text, "`journalctl --vacuum-size=50M` and `apt-get clean` make room"
    )


async def throttling(machine: Machine, _: Journey) -> tuple[Finding, ...]:
    """Enough voltage, and not too hot."""
    bits, heat = await _throttled(machine), _temperature(machine)
    if bits is None and heat is None:
        return (skipped("this machine does not say"),)
    found: dict[str, Finding] = {}
    for bit, code, text, hint in _THROTTLED:
        if bits is not None and bits & bit:
            grave = Outcome.ERROR if code == "host.undervoltage" else Outcome.WARNING
            found.setdefault(code, wrong(grave, code, text, hint))
    for bit, code, text, hint in _THROTTLED:
        if bits is not None and bits & (bit << 16):
            since = f"not now, but since the start: {text}"
            found.setdefault(code, wrong(Outcome.WARNING, code, since, hint))
    if heat is not None and heat >= HOT:
        text = f"the processor has {heat:.0f} °C"
        found.setdefault("host.hot", wrong(Outcome.WARNING, "host.hot", text, _COOL))
    told = [f"{heat:.0f} °C"] if heat is not None else []
    told += ["never throttled"] if bits is not None else []
    return tuple(found.values()) or (well(", ".join(told)),)


async def _throttled(machine: Machine) -> int | None:
    """The firmware's bits; None on machines that have no such firmware."""
    text = machine.read(_FIRMWARE) or await machine.program("vcgencmd", "get_throttled")
    try:
        return int((text or "").strip().rpartition("=")[2], 16)
    except ValueError:
        return None


def _temperature(machine: Machine) -> float | None:
    text = (machine.read("/sys/class/thermal/thermal_zone0/temp") or "").strip()
    return int(text) / 1000 if text.isdecimal() else None


async def versions(machine: Machine, _: Journey) -> Finding:
    """A kernel that has what is needed, and no libcamera that is known to hang."""
    kernel = (machine.read("/proc/sys/kernel/osrelease") or "").strip()
    release = re.match(r"(\d+)\.(\d+)", kernel)
    if release and (int(release[1]), int(release[2])) < (5, 3):
        text = f"Linux {kernel} has no pidfd_open, by which processes are watched; 5.3 brought it"
        return wrong(Outcome.ERROR, "host.kernel_old", text, "update the system")
    package = (await machine.program("dpkg-query", "-W", "-f=${Version}", "python3-libcamera") or "").strip()
    libcamera = re.match(r"(?:\d+:)?(\d+)\.(\d+)", package)
    two_streams = machine.settings is not None and machine.settings.meeting.multistream
    if libcamera and (int(libcamera[1]), int(libcamera[2])) <= (0, 4) and two_streams:
        # Seen with 0.4 of Debian 13 on libcamera's virtual camera; 0.7.1 of its backports does not hang.
        return wrong(
            Outcome.WARNING,
            "host.libcamera_hangs",
            f"libcamera {package} may hang when it gives two streams, which meeting.multistream asks for",
            "set meeting.multistream to false, or install a newer libcamera",
        )
    told = [f"Linux {kernel}" if kernel else "", f"libcamera {package}" if package else ""]
    return well(", ".join(filter(None, told)) or "nothing that is known to be bad")
