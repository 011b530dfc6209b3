"""Python reads this at the start of every process of a measured daemon: its camera gives prepared pictures.

The camera is the only thing that is replaced, so that what is measured is a picture's way from the camera on
and not the drawing of a test pattern. It works however the daemon starts its children.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

REPLACED = "edgemeet.media.sources.pattern"


class _Instead(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != REPLACED:
            return None
        return spec_from_file_location(fullname, Path(__file__).with_name("prepared_camera.py"))


if "MEASURED_PICTURES" in os.environ:
    sys.meta_path.insert(0, _Instead())
