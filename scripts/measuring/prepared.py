"""The prepared pictures as files in memory, and daemons whose camera gives them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from measuring import picture

_INSERTED: Final = Path(__file__).with_name("inserted")


@dataclass(frozen=True)
class Material:
    """The same pictures as pixels, for Chromium's fake camera, and as a film in H.264."""

    raw: Path
    y4m: Path
    film: Path


@contextlib.contextmanager
def prepared() -> Iterator[Material]:
    """Make them; they are gone afterwards."""
    shared = Path("/dev/shm")  # memory that children map; the folder in it is ours alone
    with tempfile.TemporaryDirectory(prefix="edgemeet-", dir=shared if shared.is_dir() else None) as name:
        folder = Path(name)
        material = Material(folder / "pictures.yuv", folder / "pictures.y4m", folder / "film.mp4")
        picture.write_pictures(material.raw, material.y4m)
        picture.write_film(material.raw, material.film)
        yield material


@contextlib.contextmanager
def inserted(material: Material) -> Iterator[None]:
    """Processes that are started meanwhile read scripts/measuring/inserted/sitecustomize.py."""
    before = dict(os.environ)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_INSERTED), before.get("PYTHONPATH"))))
    os.environ["MEASURED_PICTURES"] = str(material.raw)
    try:
        yield
    finally:
        for name in ("PYTHONPATH", "MEASURED_PICTURES"):
            os.environ.pop(name)
        os.environ.update(before)
