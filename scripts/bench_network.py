"""What a viewer sees while the device's uplink gets worse and better: the figures of docs/sending.md.

    scripts/bench network rate-cut|loss [--server mediasoup] [--feedback remb] [--layers 3] [--codec vp8]

Needs root; for mediasoup what scripts/interop builds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests" / name) for name in ("network", "interop", "rigs")]

from uplink.faults import random_loss, rate_cut  # noqa: E402 - the rig is no installed package
from uplink.stage import open_stage  # noqa: E402 - likewise


async def bench(arguments: argparse.Namespace) -> None:
    """One server, one device, one viewer, one fault."""
    with tempfile.TemporaryDirectory(prefix="edgemeet-") as folder:
        async with open_stage(
            Path(folder),
            server=arguments.server,
            transport_cc=arguments.feedback == "transport-cc",
            CAMERA__CODEC=arguments.codec,
            MEETING__MULTISTREAM=str(arguments.layers > 1).lower(),
        ) as stage:
            if arguments.fault == "rate-cut":
                print(await rate_cut(stage, arguments.cut, recovery=arguments.recovery))
            else:
                print(await random_loss(stage, arguments.loss))
            if arguments.trace:
                print(*stage.record.trace(), sep="\n")
            status = await asyncio.to_thread(stage.device.control.status)
            for producer in status.producers:
                for encoding in producer.encodings:
                    print(f"  {producer.kind} {encoding.model_dump_json(exclude={'ssrc'})}")


def find_mediasoup() -> None:
    """Say to the rig where scripts/build-mediasoup has put the server."""
    if "INTEROP_ROOTFS" not in os.environ:
        built = subprocess.run(
            (str(HERE / "build-mediasoup"),), stdout=subprocess.PIPE, text=True, check=True
        )
        os.environ["INTEROP_ROOTFS"], os.environ["INTEROP_PACKAGES"] = built.stdout.split()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="bench network", description=__doc__)
    parser.add_argument("fault", choices=("rate-cut", "loss"))
    parser.add_argument("--server", choices=("sandbox", "mediasoup"), default="sandbox")
    parser.add_argument("--feedback", choices=("transport-cc", "remb"), default="transport-cc")
    parser.add_argument("--layers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--codec", choices=("h264", "vp8"), default="h264")
    parser.add_argument("--cut", type=int, default=300, help="kilobits per second")
    parser.add_argument("--recovery", type=float, default=80, help="seconds watched after the cut at most")
    parser.add_argument("--loss", type=float, default=5, help="percent")
    parser.add_argument("--trace", action="store_true", help="print each half second too")
    arguments = parser.parse_args()
    if arguments.server == "mediasoup":
        find_mediasoup()
    told = (arguments.fault, arguments.server, arguments.feedback, arguments.codec)
    print(", ".join(told), f"layers: {arguments.layers}", sep=", ", flush=True)
    asyncio.run(bench(arguments))


if __name__ == "__main__":
    main()
