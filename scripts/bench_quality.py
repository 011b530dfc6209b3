"""How pictures look at 300, 800 and 1500 kb/s, at which rate really and what cost: encoders side by side.

    scripts/bench quality [--pictures 240] [--scenes noisy calm] [--rates 300 800 1500] [--no-vmaf]
                         [--alone] [--record]

Encoders alone, one after another in this process, fed with the same pictures
(tests/interop/rig/scenes.py). The first four seconds, in which a rate is found, are not counted. Processor
time is that of encoding alone, all threads. Then once through the daemon, real mediasoup and Chromium, to see
that what arrives is what was encoded, bit for bit; that needs root and what scripts/interop builds.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests" / name) for name in ("interop", "rigs")]

import pytest  # noqa: E402 - behind the path of the rig; the rig fails with it
from measuring.command import conclude, new_parser  # noqa: E402 - likewise
from measuring.machine import installed  # noqa: E402 - likewise
from measuring.record import Column, Table, found  # noqa: E402 - likewise
from rig.contenders import CONTENDERS, Contender  # noqa: E402 - the rig is no installed package
from rig.device import NAME  # noqa: E402 - likewise
from rig.latency import read_digests, share_received  # noqa: E402 - likewise
from rig.likeness import Comparison, psnr, vmaf  # noqa: E402 - likewise
from rig.rates import Rate, rate_of  # noqa: E402 - likewise
from rig.room_server import ROOM  # noqa: E402 - likewise
from rig.scenes import SCENES, Scene  # noqa: E402 - likewise
from rig.screening import screening, trace, traced  # noqa: E402 - likewise
from rig.viewer import Viewer  # noqa: E402 - likewise

from edgemeet.encoded import VideoEncoding  # noqa: E402 - likewise

WIDTH, HEIGHT, FPS = 1280, 720, 30
RATES = (300, 800, 1500)  # kilobits per second
SETTLING = 120  # pictures, in which an encoder makes up for its first one
TRANSIT_SECONDS = 10.0
TRANSIT_RATE = 800_000
_TRANSIT = HERE.parent / "tests" / "interop" / "rig" / "transit.js"
NOTES = (
    "1280x720, 30 pictures a second, the fifth to eighth second of each scene; each encoder alone and on "
    "as many threads as it takes by itself. `noisy`: a camera that pans over a crowd of textures, strong "
    "noise; `calm`: two people who talk in a room, a fixed camera, little noise; both are made up by "
    "`tests/interop/rig/scenes.py`. SSIM and PSNR are of luma, by libav, VMAF of every third picture, all of "
    "the pictures that the encoder did not leave out. aiortc asks its H.264 encoder for 500 kb/s at least.",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One encoder at one rate."""

    contender: str
    scene: str
    kilobits: int  # asked for
    fps: float  # that were not left out
    rate: Rate
    ssim: float
    psnr: float  # dB
    vmaf: float | None
    cpu: float  # seconds for a second of pictures


def measure(
    contender: Contender, scene: Scene, pictures: Sequence[av.VideoFrame], kilobits: int, program: Path | None
) -> Outcome:
    """Encode, decode, compare."""
    encode = contender.make(VideoEncoding(WIDTH, HEIGHT, FPS, 1000 * kilobits))
    decoder = av.CodecContext.create(contender.codec, "r")
    sizes: list[int] = []
    made: list[av.VideoFrame] = []
    sent: list[int] = []
    cpu = 0.0
    for number, picture in enumerate(pictures):
        picture.pict_type = av.video.frame.PictureType.NONE
        began = time.process_time()
        unit = encode(picture)
        cpu += time.process_time() - began
        sizes.append(len(unit))
        if unit:
            sent.append(number)
            made += decoder.decode(av.Packet(unit))
    made += decoder.decode(None)
    if len(made) != len(sent):
        raise RuntimeError(f"{len(made)} of {len(sent)} pictures came out")
    comparison = Comparison(WIDTH, HEIGHT)
    settled = [number for number in sent if number >= SETTLING]
    made, meant = made[len(sent) - len(settled) :], [pictures[number] for number in settled]
    likenesses = [comparison.of(*pair) for pair in zip(made, meant, strict=True)]
    return Outcome(
        contender=contender.name,
        scene=scene.name,
        kilobits=kilobits,
        fps=FPS * len(settled) / (len(pictures) - SETTLING),
        rate=rate_of(sizes[SETTLING:], FPS),
        ssim=sum(each.ssim for each in likenesses) / len(likenesses),
        psnr=psnr(likenesses),
        vmaf=vmaf(program, made, meant) if program else None,
        cpu=cpu * FPS / len(pictures),
    )


def table(outcomes: Sequence[Outcome]) -> Table:
    """All of it."""
    titles = (
        *(("scene", 0), ("kb/s asked for", 0), ("encoder", 0), ("kb/s given", 0), ("worst second, kb/s", 0)),
        *(("pictures a second", 0), ("largest picture, kB", 1)),
        *(("SSIM", 4), ("PSNR, dB", 2), ("VMAF", 1), ("CPU, % of a core", 1)),
    )
    return Table(
        columns=tuple(Column(title=title, digits=digits) for title, digits in titles),
        rows=tuple(
            (
                *(each.scene, each.kilobits, each.contender, each.rate.mean / 1e3),
                *(each.rate.worst_second / 1e3, each.fps, each.rate.largest_picture / 1e3),
                *(each.ssim, each.psnr, each.vmaf, 100 * each.cpu),
            )
            for each in outcomes
        ),
    )


def find_vmaf() -> Path | None:
    """A program that knows VMAF, or None where it cannot be had."""
    search = subprocess.run((str(HERE / "vmaf-ffmpeg"),), stdout=subprocess.PIPE, text=True, check=False)
    return Path(search.stdout.strip()) if search.returncode == 0 else None


def bench(arguments: argparse.Namespace) -> Iterator[Outcome | str]:
    """Scene by scene, so that one is in memory at a time. A sentence for what could not be measured."""
    program = None if arguments.no_vmaf else find_vmaf()
    for scene in SCENES:
        if scene.name not in arguments.scenes:
            continue
        pictures = list(scene.pictures(WIDTH, HEIGHT, arguments.pictures))
        for kilobits in arguments.rates:
            for contender in CONTENDERS:
                try:
                    yield measure(contender, scene, pictures, kilobits, program)
                except (RuntimeError, av.FFmpegError, subprocess.CalledProcessError) as error:
                    yield f"{contender.name}, {scene.name} at {kilobits} kb/s: not measured, {error}."


async def transit() -> str:
    """A sentence: how much of what was encoded arrived in Chromium as it was."""
    with tempfile.TemporaryDirectory(prefix="edgemeet-") as folder:
        async with screening(Path(folder)) as (server, browser):
            page = await browser.new_page()
            await page.add_init_script(path=_TRANSIT)
            viewer = Viewer(page)
            await viewer.open(server.url, ROOM)
            config = {"CAMERA__ENCODER": "x264", "CAMERA__MAX_BITRATE": str(TRANSIT_RATE)}
            async with traced(Path(folder), server.url, config):
                await viewer.first_picture(NAME)
                await asyncio.sleep(TRANSIT_SECONDS)
                received: list[str] = await page.evaluate("() => transit.pictures")
                failed: str | None = await page.evaluate("() => transit.failed")
            assert failed is None, failed
        share = share_received(read_digests(trace(Path(folder))), [int(each, 16) for each in received])
    return (
        f"Through the daemon, real mediasoup and Chromium at {TRANSIT_RATE // 1000} kb/s {100 * share:.1f} % "
        f"of {len(received)} pictures arrived bit for bit as they were encoded (SHA-256 of their slices): "
        "what is said of encoders here is so for viewers, as long as nothing is lost."
    )


def proof() -> str:
    """`transit`, or why it is not there."""
    try:
        return asyncio.run(transit())
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - the encoders' figures stand for themselves
        print(error, file=sys.stderr)
        return f"What arrives was not compared with what was encoded: {str(error).splitlines()[0]}"


def main() -> None:
    """Command line."""
    parser = new_parser("quality", __doc__)
    scenes = [scene.name for scene in SCENES]
    parser.add_argument("--pictures", type=int, default=240, help="of each scene, more than 120")
    parser.add_argument("--scenes", nargs="+", choices=scenes, default=scenes)
    parser.add_argument("--rates", nargs="+", type=int, default=RATES, help="kilobits per second")
    parser.add_argument("--no-vmaf", action="store_true", help="SSIM alone: quicker, and nothing to fetch")
    parser.add_argument("--alone", action="store_true", help="encoders alone, nothing through the network")
    arguments = parser.parse_args()
    outcomes, notes = [], list(NOTES)
    for outcome in bench(arguments):
        if isinstance(outcome, str):
            notes.append(outcome)
            continue
        outcomes.append(outcome)
        print(
            f"{outcome.scene}, {outcome.kilobits} kb/s, {outcome.contender}: {outcome.ssim:.4f}", flush=True
        )
    if not arguments.alone:
        notes.append(proof())
    result = found("quality", (table(outcomes),), versions=installed("av", "aiortc"), notes=notes)
    conclude(result, record=arguments.record)


if __name__ == "__main__":
    main()
