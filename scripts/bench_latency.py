"""From the capture of a picture to a screen, stage by stage: the daemon, real mediasoup and Chromium.

    scripts/bench latency [--seconds 15] [--only ROW ...] [--record]

The test picture draws a number into each picture; a page in Chromium reads it back, and
requestVideoFrameCallback says when that picture was received, decoded and handed to the compositor.
`tests/interop/rig/traced.py` says when it passed through the device. Needs root and what scripts/interop
builds.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests" / name) for name in ("interop", "rigs")]

import pytest  # noqa: E402 - behind the path of the rig; the rig fails with it
from measuring.command import conclude, new_parser  # noqa: E402 - likewise
from measuring.machine import installed  # noqa: E402 - likewise
from measuring.record import Column, Figure, Table, found  # noqa: E402 - likewise
from playwright.async_api import Browser  # noqa: E402 - likewise
from rig.device import NAME  # noqa: E402 - the rig is no installed package
from rig.latency import Stages, match, percentile, read_traces, stages  # noqa: E402 - likewise
from rig.onlooker import Onlooker  # noqa: E402 - likewise
from rig.room_server import ROOM, RoomServer  # noqa: E402 - likewise
from rig.screening import screening, trace, traced  # noqa: E402 - likewise
from rig.viewer import Viewer  # noqa: E402 - likewise

WARM_UP = 8.0  # seconds; the jitter buffer has forgotten the first keyframe then
WIDTH = 1280
AIM = 80.0  # milliseconds, for the first row
CONFIG = {"CAMERA__ENCODER": "x264", "CAMERA__MAX_BITRATE": "1500000"}
NOTES = (
    "The test picture, 1280x720, 30 a second, 1.5 Mb/s: each from the moment it was due to the moment "
    "Chromium's compositor had it; device, media server and browser on this machine, over loopback. "
    "`capture` is drawing the test picture: what a camera takes comes in its place. `buffer` is the jitter "
    "buffer and the wait for the moment to be shown.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What is measured: a device's configuration, and what the viewer asks of its jitter buffer."""

    name: str
    config: dict[str, str] = field(default_factory=dict)
    layer: int = 0
    delay: float | None = None


ROWS = (
    Row("H.264 and sound"),
    Row("H.264 alone", {"MEETING__MIC": "false"}),
    Row("three layers", {"MEETING__MULTISTREAM": "true"}, layer=2),
    Row("VP8 and sound", {"CAMERA__CODEC": "vp8", "CAMERA__ENCODER": "auto"}),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a row. Seconds; of pictures that were shown."""

    name: str
    pictures: int
    shown_of_sent: float
    kilobits: float
    stages: list[Stages]
    jitter_buffer: float  # the browser's own mean
    uncertainty: float  # of the two clocks against each other

    def of(self, value: Callable[[Stages], float], share: float) -> float:
        """A percentile, in milliseconds."""
        return 1e3 * percentile(map(value, self.stages), share)

    def decoded(self, share: float) -> float:
        """A percentile, in milliseconds, of the way to the end of decoding.

        Chromium does not tell when a picture left its jitter buffer, only how long they stay in the mean,
        counted from their first packet on.
        """
        return self.of(lambda each: each.received - each.pace + each.decode, share) + 1e3 * self.jitter_buffer


async def measure(row: Row, server: RoomServer, browser: Browser, seconds: float) -> Outcome:
    """One device, one viewer."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    try:
        with tempfile.TemporaryDirectory(prefix="edgemeet-") as folder:
            onlooker, viewer = Onlooker(page), Viewer(page)
            await onlooker.install()
            await viewer.open(server.url, ROOM)
            async with traced(Path(folder), server.url, CONFIG | row.config):
                await viewer.first_picture(NAME)
                await viewer.expect_width(WIDTH)
                await asyncio.sleep(WARM_UP)
                await onlooker.watch(row.delay)
                await asyncio.sleep(1)
                await onlooker.pictures(WIDTH)
                before = await onlooker.counts()
                await asyncio.sleep(seconds)
                after, shown = await onlooker.counts(), await onlooker.pictures(WIDTH)
            sent = read_traces(trace(Path(folder)), layer=row.layer)
    finally:
        await page.close()
    matched = match(sent, shown)
    first, last = matched[0][0].captured, matched[-1][0].captured
    meant = [each for each in sent if first <= each.captured <= last]
    return Outcome(
        name=row.name,
        pictures=len(matched),
        shown_of_sent=len(matched) / len(meant),
        kilobits=8e-3 * sum(each.size for each in meant) / (last - first),
        stages=[stages(*pair) for pair in matched],
        jitter_buffer=(after.buffered - before.buffered) / (after.emitted - before.emitted),
        uncertainty=onlooker.uncertainty,
    )


def table(outcomes: Sequence[Outcome]) -> Table:
    """Milliseconds in each stage; the lines below are of all of the way."""
    values: list[tuple[str, Callable[[Outcome], str]]] = [
        (each.name.replace("_", " "), _spread(_stage(each.name))) for each in fields(Stages)
    ]
    values += [
        ("the device's part", _spread(lambda each: each.device)),
        ("capture to received", _spread(lambda each: each.received)),
        ("capture to decoded", lambda each: f"{each.decoded(0.5):.1f} / {each.decoded(0.95):.1f}"),
        ("capture to shown", _spread(lambda each: each.total)),
        ("jitter buffer as Chromium counts, mean", lambda each: f"{1e3 * each.jitter_buffer:.1f}"),
        ("pictures shown", lambda each: f"{each.pictures}, {100 * each.shown_of_sent:.0f} %"),
        ("kb/s", lambda each: f"{each.kilobits:.0f}"),
        ("clocks agree within", lambda each: f"{1e3 * each.uncertainty:.1f}"),
    ]
    return Table(
        columns=(Column(title="ms, median / 95 %"), *(Column(title=each.name) for each in outcomes)),
        rows=tuple((title, *map(value, outcomes)) for title, value in values),
    )


def _stage(name: str) -> Callable[[Stages], float]:
    return lambda each: float(getattr(each, name))


def _spread(value: Callable[[Stages], float]) -> Callable[[Outcome], str]:
    return lambda each: f"{each.of(value, 0.5):.1f} / {each.of(value, 0.95):.1f}"


async def bench(rows: Sequence[Row], seconds: float) -> tuple[list[Outcome], list[str]]:
    """One row after the other; what could be measured, and why the rest could not."""
    outcomes, faults = [], []
    with tempfile.TemporaryDirectory(prefix="edgemeet-") as folder:
        async with screening(Path(folder)) as (server, browser):
            for row in rows:
                try:
                    outcomes.append(await measure(row, server, browser, seconds))
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - the others count all the same
                    faults.append(f"{row.name} could not be measured: {str(error).splitlines()[0]}")
                    print(error, file=sys.stderr)
                    continue
                shown = outcomes[-1].of(lambda each: each.total, 0.5)
                print(f"{row.name}: {outcomes[-1].decoded(0.5):.1f} ms to decoded, {shown:.1f} ms to shown")
    return outcomes, faults


def main() -> None:
    """Command line."""
    parser = new_parser("latency", __doc__)
    parser.add_argument("--seconds", type=float, default=15, help="measured of each row")
    parser.add_argument("--only", nargs="*", help="names of rows", choices=[row.name for row in ROWS])
    arguments = parser.parse_args()
    rows = [row for row in ROWS if not arguments.only or row.name in arguments.only]
    outcomes, faults = asyncio.run(bench(rows, arguments.seconds))
    if not outcomes:
        sys.exit("\n".join(faults))
    result = found(
        "latency",
        (table(outcomes),),
        figures=[
            Figure(
                name=f"capture to decoded, {each.name}, median",
                value=each.decoded(0.5),
                unit="ms",
                aim=AIM if each.name == ROWS[0].name else None,
            )
            for each in outcomes
        ],
        versions=installed("av", "aiortc"),
        notes=(*NOTES, *faults),
    )
    conclude(result, record=arguments.record)


if __name__ == "__main__":
    main()
