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
    sys.path.insert(0, str(ROOT / "tests" / "interop"))
    if "INTEROP_ROOTFS" not in os.environ:
        built = _told("build-mediasoup").split()
        os.environ["INTEROP_ROOTFS"], os.environ["INTEROP_PACKAGES"] = built
    if "INTEROP_VENDOR" not in os.environ:
        os.environ["INTEROP_VENDOR"] = _told("vendor-sdk").strip()


def _told(script: str) -> str:
    done = subprocess.run(
        (str(ROOT / "scripts" / script),),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"VENV": sys.prefix},
    )
    return done.stdout
