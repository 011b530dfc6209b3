"""A few ratios of processor time, and whether one has become much worse than what was recorded: for CI.

    scripts/bench check [--record]

Only ratios are compared, never seconds, each of two things that ran in turns on this machine. Needs neither
root nor a browser. Ends with 1 when a ratio is more than twice what docs/performance/check.json says.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measuring.command import conclude, new_parser
from measuring.comparing import compare, lower
from measuring.floor import Floor
from measuring.machine import installed
from measuring.meeting import Sent, capture_cost, sending
from measuring.packets import per_packet
from measuring.prepared import Material, prepared
from measuring.record import Column, Figure, Result, Table, found, read

ROUNDS = 2
SECONDS = 5.0  # of each measurement


@dataclass(frozen=True)
class Round:
    """Seconds of processor time; the last four are for a second of call."""

    start: float  # the daemon's main process until it sends
    nothing: float  # an interpreter
    packet: float  # one packet in the daemon
    bare_packet: float  # encryption and socket alone
    film: float  # main process and child, a film passed on
    one: float  # the camera's child
    three: float
    encoder: float  # alone


def python_seconds(code: str) -> float:
    """Processor time of an interpreter that runs this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run((sys.executable, "-c", code), check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def encoder_seconds(material: Material) -> float:
    """Of the encoder alone, for a second of pictures."""
    done = subprocess.run(
        (sys.executable, "-m", "measuring.floor", material.raw, "h264", "1", str(SECONDS), "--paced"),
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return Floor.model_validate_json(done.stdout).cpu_per_minute / 60


def one_round(material: Material) -> Round:
    """Everything once."""
    sent: Sent = asyncio.run(sending(material, SECONDS))
    return Round(
        start=sent.start,
        nothing=statistics.median(python_seconds("pass") for _ in range(9)),
        packet=sent.parent / sent.packets,
        bare_packet=per_packet(),
        film=(sent.parent + sent.children) / sent.seconds,
        one=asyncio.run(capture_cost(material, layers=1, seconds=SECONDS)),
        three=asyncio.run(capture_cost(material, layers=3, seconds=SECONDS)),
        encoder=encoder_seconds(material),
    )


def ratios(rounds: Sequence[Round]) -> list[Figure]:
    """Of the means of all rounds."""

    def middle(name: str) -> float:
        return float(statistics.mean(getattr(each, name) for each in rounds))

    pairs = {
        "the main process until it sends, over an interpreter that does nothing": ("start", "nothing"),
        "the main process, a packet, over encryption and socket alone": ("packet", "bare_packet"),
        "a film passed on over an encoder alone": ("film", "encoder"),
        "the camera's process, one layer, over an encoder alone": ("one", "encoder"),
        "the camera's process, three layers over one": ("three", "one"),
    }
    return [Figure(name=name, value=middle(top) / middle(under)) for name, (top, under) in pairs.items()]


def measured() -> Result:
    """All rounds."""
    with prepared() as material:
        figures = ratios([one_round(material) for _ in range(ROUNDS)])
    rows = tuple((figure.name, figure.value) for figure in figures)
    table = Table(columns=(Column(title="processor time"), Column(title="ratio")), rows=rows)
    return found("check", [table], figures=figures, versions=installed("av", "aiortc"))


def main() -> None:
    """Command line."""
    parser = new_parser("check", __doc__)
    arguments = parser.parse_args()
    result = measured()
    if arguments.record:
        conclude(result, record=True)
        return
    kept = read("check")
    recorded = kept.figures if kept else ()
    compared = compare(recorded, result.figures)
    print(*(each.line() for each in compared), sep="\n", flush=True)
    if any(each.too_much for each in compared):
        # What other work on the machine did to one measurement it seldom does to the same ratio of the next.
        print("measured once more; the lower one counts", flush=True)
        compared = compare(recorded, lower(result.figures, measured().figures))
        print(*(each.line() for each in compared), sep="\n")
    if any(each.too_much for each in compared):
        sys.exit("check-cost: something costs more than it should; ./scripts/bench check measures it again")


if __name__ == "__main__":
    main()
