"""Measures all that docs/performance.md shows and writes it there: 20 minutes on an idle machine, as root.

    scripts/bench all [NAME ...]

One that fails is named at the end, and what was recorded of it before stays.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from measuring import parts

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Part:
    """One benchmark of the record, and the seconds after which it counts as failed."""

    name: str
    limit: float
    rig: bool = True  # needs what scripts/interop builds


_TO_END = 30.0  # seconds for a benchmark that is told to end
PARTS = (
    Part("cost", 1000),
    Part("check", 240, rig=False),
    Part("start", 240),
    Part("memory", 240),
    Part("growth", 420),
    Part("latency", 400),
    Part("quality", 600),
    Part("recovery", 30, rig=False),
)


def run(part: Part) -> str | None:
    """Measure and record it; what went wrong, if anything did."""
    script = HERE / f"bench_{part.name}.py"
    if not script.exists():
        return "there is none"
    with subprocess.Popen((sys.executable, str(script), "--record"), start_new_session=True) as process:
        try:
            code = process.wait(part.limit)
        except subprocess.TimeoutExpired:
            return f"not done within {part.limit:g} s"
        finally:
            end(process)
    return f"ended with {code}" if code else None


def end(process: subprocess.Popen[bytes]) -> None:
    """With all that it started: in order first."""
    for how in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_TO_END)
            return


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="bench all", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names
    if unknown := set(names) - {part.name for part in PARTS}:
        parser.error(
            f"there is no {', '.join(sorted(unknown))}; there are {', '.join(p.name for p in PARTS)}"
        )
    chosen = [part for part in PARTS if part.name in names or not names]
    if any(part.rig for part in chosen):
        # The first time this builds for a quarter of an hour, which is no benchmark's time. What cannot be
        # built fails those that need it, and no others.
        for build in (parts.find, parts.find_whip):
            with contextlib.suppress(subprocess.CalledProcessError):
                build()
    failed = {}
    for part in chosen:
        print(f"== {part.name}", flush=True)
        began = time.monotonic()
        if (problem := run(part)) is not None:
            failed[part.name] = problem
        print(f"== {part.name} took {time.monotonic() - began:.0f} s", flush=True)
    subprocess.run((sys.executable, str(HERE / "bench_report.py")), check=True)
    if failed:
        sys.exit("".join(f"bench all: {name}: {problem}\n" for name, problem in failed.items()))


if __name__ == "__main__":
    main()
