"""Which USB cameras there are, and which of what they offer a plan is given."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgemeet.errors import DeviceError, DeviceNotFound, FormatNotOffered
from edgemeet.media.plan import CameraPlan
from edgemeet.media.sources import access
from edgemeet.media.sources.v4l2_ioctl import FrameSize, Rates, VideoDevice

_NODES = "/dev/video*"
_STABLE = "/dev/v4l/by-id/*"
# Nodes that look like cameras and give nothing on their own: parts of the Pi's image processors.
_NO_CAMERAS = frozenset({"bcm2835-isp", "pispbe", "rp1-cfe", "unicam", "bcm2835-codec", "rpi-hevc-dec"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A format as the kernel, the configuration and libav call it."""

    fourcc: str
    name: str
    libav: str


# In order of preference: what need not be decoded first. A camera's own H.264 is never chosen unasked:
# whether it makes keyframes on demand and follows a rate is up to the camera.
KINDS = (
    Kind("YUYV", "yuyv", "yuyv422"),
    Kind("NV12", "nv12", "nv12"),
    Kind("YU12", "yuv420", "yuv420p"),
    Kind("UYVY", "uyvy", "uyvy422"),
    Kind("MJPG", "mjpeg", "mjpeg"),
    Kind("JPEG", "mjpeg", "mjpeg"),
    Kind("H264", "h264", "h264"),
)


@dataclass(frozen=True, slots=True)
class Mode:
    """A format at a size, and how often."""

    fourcc: str
    size: FrameSize
    rates: Rates

    def __str__(self) -> str:
        rates = [f"{rate:g}" for rate in self.rates.values]
        shown = "-".join(rates) if self.rates.continuous else "/".join(rates)
        return f"{self.fourcc} {self.size}" + (f"@{shown}" if shown else "")


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera. `path` is what to put into camera.device: where there is one, a name that stays."""

    path: str
    card: str
    driver: str
    modes: tuple[Mode, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What to ask the camera for."""

    kind: Kind
    fps: float

    @property
    def passthrough(self) -> bool:
        """The camera encodes, and its pictures are passed on as they are."""
        return self.kind.fourcc == "H264"


OpenDevice = Callable[[str], VideoDevice]


def cameras(*, open_device: OpenDevice = VideoDevice, pattern: str = _NODES) -> list[Camera]:
    """All that can be opened, in the kernel's order."""
    found = []
    for node in sorted(glob.glob(pattern), key=_number):
        try:
            camera = look(node, open_device=open_device)
        except (OSError, DeviceError):
            continue  # not ours to use, or gone: an explicit camera.device tells why
        if camera.driver not in _NO_CAMERAS and any(mode.fourcc in _FOURCCS for mode in camera.modes):
            found.append(camera)
    return found


def look(path: str, *, open_device: OpenDevice = VideoDevice) -> Camera:
    """What one camera offers.

    Raises:
        OSError: it cannot be opened.
        DeviceNotFound: no pictures come from this node.
    """
    with open_device(path) as device:
        capability = device.capability()
        if not capability.captures:
            raise DeviceNotFound(f"no pictures come from {path}: {capability.card} is no camera")
        modes = []
        for entry in device.formats():
            for size in device.sizes(entry.fourcc):
                rates = device.rates(entry.fourcc, size.most_width, size.most_height)
                modes.append(Mode(entry.fourcc, size, rates))
    return Camera(stable_name(path), capability.card, capability.driver, tuple(modes))


def choose(plan: CameraPlan, modes: Sequence[Mode]) -> Choice:
    """The best that `modes` have for the plan.

    Raises:
        FormatNotOffered: none fits; says which there are.
    """
    wanted = plan.capture_format
    for kind in KINDS:
        if (kind.name == "h264") if wanted == "auto" else (kind.name != wanted):
            continue
        for mode in modes:
            if mode.fourcc != kind.fourcc or not mode.size.holds(plan.width, plan.height):
                continue
            # Some drivers list no rates; then it gives what it gives.
            fps = mode.rates.for_at_least(plan.fps) if mode.rates.values else float(plan.fps)
            if fps:
                return Choice(kind, fps)
    what = "" if wanted == "auto" else f" as {wanted}"
    raise FormatNotOffered(
        f"the camera does not offer {plan.width}x{plan.height} at {plan.fps} fps{what}",
        hint=f"it offers: {', '.join(map(str, modes)) or 'nothing'}",
    )


def stable_name(path: str, *, pattern: str = _STABLE) -> str:
    """The name under /dev/v4l/by-id of a node, which stays when others come and go; else the path itself."""
    if os.path.islink(path):
        return path
    links: Iterable[str] = sorted(glob.glob(pattern))
    return next((link for link in links if os.path.realpath(link) == os.path.realpath(path)), path)


def failure(path: str, error: BaseException) -> DeviceError:
    """The error for a camera that cannot be opened or read."""
    return access.device_error(f"the camera {path}", error, paths=[path])


def _number(path: str) -> int:
    digits = re.search(r"\d+$", path)
    return int(digits.group()) if digits else 0


_FOURCCS = frozenset(kind.fourcc for kind in KINDS)
