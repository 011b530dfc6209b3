"""A camera that costs little: 320x180, 30 a second."""

from __future__ import annotations

from typing import Any, Final

from edgemeet.encoded import VideoEncoding
from edgemeet.media.plan import CameraPlan, camera_plan

SMALL: Final = VideoEncoding(width=320, height=180, fps=30, max_bitrate=300_000)


def small_camera(source: str = "test", **changes: Any) -> CameraPlan:
    """Its plan, with one layer; `changes` are those of `camera_plan`."""
    values: dict[str, Any] = {"source": source, "width": 320, "height": 180, "fps": 30, "encodings": [SMALL]}
    return camera_plan(**values | changes)
