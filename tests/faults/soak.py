"""A long life in short: mishap after mishap, and what the daemon holds meanwhile. See scripts/soak."""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import pytest
from rig.device import Device
from rig.mishaps import MISHAPS, World
from rig.network import Network
from rig.server import RoomServer
from rig.vital_signs import VitalSigns

# Seconds that media may take to be back. Mishaps come so close together that they count as failures in a row,
# and after ten of them a device waits for up to three minutes.
BACK_WITHIN = 240.0


def seconds(text: str) -> float:
    """`3` is three hours, `5m` five minutes."""
    return float(text[:-1]) * 60 if text.endswith("m") else float(text) * 3600


async def live(world: World, signs: VitalSigns, lasts: float, told: defaultdict[str, list[float]]) -> None:
    """Mishap after mishap, in an order that chance makes, each as often as the others."""
    began = time.monotonic()
    waiting: list[int] = []
    while time.monotonic() - began < lasts:
        if not waiting:
            waiting = list(range(len(MISHAPS)))
            world.random.shuffle(waiting)
        mishap = MISHAPS[waiting.pop()]
        sys.stdout.write(f"{time.monotonic() - began:7.1f} s  {mishap.__name__}\n")
        sys.stdout.flush()
        await mishap(world)
        well = time.monotonic()
        back = [
            await world.server.arrivals.back(well, within=BACK_WITHIN, kind=kind)
            for kind in ("video", "audio")
        ]
        told[mishap.__name__].append(max(back))
        await asyncio.sleep(world.random.uniform(1.5, 4))
        await signs.take()
        assert world.device.process is not None
        if world.device.process.returncode is not None:
            pytest.fail(f"the daemon has ended\n{world.device}")


async def soak(lasts: float, seed: int, folder: Path) -> list[str]:
    """What was wrong; the rest is printed."""
    network = Network()
    network.open()
    server = RoomServer(network.server)
    device = Device(folder)
    server.logs.append(device)
    told: defaultdict[str, list[float]] = defaultdict(list)
    try:
        await server.start()
        await device.start(server.url, namespace=network.device, probe=True)
        await server.expect_media()
        signs = VitalSigns(device.pid, folder / "probe.json")
        await live(World(device, server, network, random.Random(seed)), signs, lasts, told)
        status = await device.expect_well()
        children = len(device.children())
        tasks = signs.tasks()
        await device.stop()
    finally:
        if device.process is not None and device.process.returncode is None:
            await device.kill()
        await server.close()
        network.close()
    _print(told, signs, status.joins, status.attempts, tasks)
    wrong = signs.grown()
    if children != 2:
        wrong.append(f"{children} capture processes at the end")
    if "(defect)" in device.log:
        wrong.append(f"a defect is in the log\n{device}")
    return wrong


def _percentile(values: list[float], percent: int) -> float:
    """The least value that so many of a hundred do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def _print(told: dict[str, list[float]], signs: VitalSigns, joins: int, attempts: int, tasks: str) -> None:
    print(f"\n{'mishap':22}{'times':>6}{'median':>9}{'95 %':>9}{'worst':>9}  seconds until media was back")
    for name, each in sorted(told.items()):
        figures = (statistics.median(each), _percentile(each, 95), max(each))
        print(f"{name:22}{len(each):6}" + "".join(f"{figure:9.2f}" for figure in figures))
    print(f"\n{joins} joins in {attempts} attempts, {len(signs.samples)} looks at the process\n")
    print(f"{signs.table()}\n\ntasks at the end: {tasks}\n")


def main() -> None:
    """Exit 1 when something grew or did not come back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("duration", type=seconds, help="hours, or minutes with an m")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}, {chosen.duration:.0f} s")
    with tempfile.TemporaryDirectory() as folder:
        try:
            wrong = asyncio.run(soak(chosen.duration, chosen.seed, Path(folder)))
        except pytest.fail.Exception as failure:
            wrong = [str(failure)]
    print("\n".join(wrong) or "nothing grew, everything came back")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
