"""What the benchmarks on real mediasoup need: the parts that scripts/interop builds, and its rig."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


def find() -> None:
    """Build what is missing and say to the rig where it is; the first time takes a quarter of an hour."""
    sys.path[:0] = (str(ROOT / "tests" / "interop"), str(ROOT / "tests" / "rigs"))
    if "INTEROP_ROOTFS" not in os.environ:
        built = _told("build-mediasoup").split()
        os.environ["INTEROP_ROOTFS"], os.environ["INTEROP_PACKAGES"] = built
    if "INTEROP_VENDOR" not in os.environ:
        os.environ["INTEROP_VENDOR"] = _told("vendor-sdk").strip()


def find_whip() -> None:
    """Build Debian's WHIP client if it is missing, five minutes, and say where it is.

    Raises:
        subprocess.CalledProcessError: it is not to be had.
    """
    if "WHIP_ROOTFS" not in os.environ:
        _told("rig-packages", "gcc", "libc6-dev", "util-linux")
        os.environ["WHIP_ROOTFS"] = _told("rig-whip").strip()


def _told(script: str, *arguments: str) -> str:
    done = subprocess.run(
        (str(ROOT / "scripts" / script), *arguments),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"VENV": sys.prefix},
    )
    return done.stdout
