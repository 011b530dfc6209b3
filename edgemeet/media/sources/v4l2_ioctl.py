"""What the kernel tells about video devices: the part of linux/videodev2.h that is used here.

The structs have one layout on all machines with Linux; the numbers are checked against the kernel's in the
tests. Video4Linux's own documentation: https://docs.kernel.org/userspace-api/media/v4l/v4l2.html
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

Ioctl = Callable[[int, int, bytearray], object]

_CAPABILITY: Final = struct.Struct("=16s32s32sIII12x")  # driver, card, bus; version, all caps, this node's
_FORMAT: Final = struct.Struct("=III32sI16x")  # index, queue, flags, description, fourcc
_FRAME_SIZE: Final = struct.Struct("=III6I8x")  # index, fourcc, type; width, height or ranges of them
_FRAME_INTERVAL: Final = struct.Struct("=IIIII6I8x")  # index, fourcc, width, height, type; up to 3 fractions
_CONTROL: Final = struct.Struct("=Ii")  # id, value
_CONTROL_RANGE: Final = struct.Struct("=II32siiiiI8x")  # id, type, name, least, most, step, default, flags


def _read(number: int, layout: struct.Struct) -> int:
    return 2 << 30 | layout.size << 16 | ord("V") << 8 | number


def _exchange(number: int, layout: struct.Struct) -> int:
    return 3 << 30 | layout.size << 16 | ord("V") << 8 | number


QUERYCAP: Final = _read(0, _CAPABILITY)
ENUM_FMT: Final = _exchange(2, _FORMAT)
S_CTRL: Final = _exchange(28, _CONTROL)
QUERYCTRL: Final = _exchange(36, _CONTROL_RANGE)
ENUM_FRAMESIZES: Final = _exchange(74, _FRAME_SIZE)
ENUM_FRAMEINTERVALS: Final = _exchange(75, _FRAME_INTERVAL)

CAPTURE: Final = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
CAPTURE_MPLANE: Final = 9
BITRATE: Final = 0x009909CF  # V4L2_CID_MPEG_VIDEO_BITRATE, bits per second
REPEAT_SEQ_HEADER: Final = 0x009909E2  # SPS and PPS before every keyframe
FORCE_KEY_FRAME: Final = 0x009909E5

_HAS_CAPTURE: Final = 0x0000_0001
_HAS_M2M: Final = 0x0000_4000 | 0x0000_8000  # several planes, one plane
_HAS_STREAMING: Final = 0x0400_0000
_HAS_DEVICE_CAPS: Final = 0x8000_0000
_DISCRETE: Final = 1
_DISABLED: Final = 1
_MOST_ENTRIES: Final = 256  # a driver that never ends its list is broken


@dataclass(frozen=True, slots=True)
class Capability:
    """What a node is."""

    driver: str
    card: str
    bus: str
    captures: bool  # pictures come out of it
    converts: bool  # pictures go in and come out: an encoder, decoder or scaler


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """A format of one of its queues: four letters such as MJPG, and the driver's words."""

    fourcc: str
    description: str


@dataclass(frozen=True, slots=True)
class FrameSize:
    """One size, or all from the least to the most in steps."""

    width: int
    height: int
    most_width: int
    most_height: int
    step_width: int
    step_height: int

    def holds(self, width: int, height: int) -> bool:
        """Whether the device can give this size."""
        return (
            self.width <= width <= self.most_width
            and self.height <= height <= self.most_height
            and (width - self.width) % max(1, self.step_width) == 0
            and (height - self.height) % max(1, self.step_height) == 0
        )

    def __str__(self) -> str:
        least, most = f"{self.width}x{self.height}", f"{self.most_width}x{self.most_height}"
        return least if least == most else f"{least} to {most}"


@dataclass(frozen=True, slots=True)
class Rates:
    """Pictures per second: those listed, or all from the first to the last."""

    values: tuple[float, ...]
    continuous: bool = False

    def for_at_least(self, fps: int) -> float | None:
        """The slowest rate that is fast enough; None when there is none."""
        if self.continuous:
            slowest, fastest = self.values
            return max(slowest, float(fps)) if fps <= fastest * 1.01 else None
        return min((value for value in self.values if value >= 0.99 * fps), default=None)


@dataclass(frozen=True, slots=True)
class ControlRange:
    """What a control takes."""

    least: int
    most: int


class VideoDevice:
    """An open node under /dev. A context manager.

    Raises:
        OSError: it cannot be opened, or is no video device.
    """

    def __init__(self, path: str, *, ioctl: Ioctl = fcntl.ioctl) -> None:
        self._ioctl = ioctl
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> VideoDevice:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def capability(self) -> Capability:
        """What this node is."""
        buffer = bytearray(_CAPABILITY.size)
        self._ioctl(self._descriptor, QUERYCAP, buffer)
        driver, card, bus, _, whole, own = _CAPABILITY.unpack(buffer)
        flags = own if whole & _HAS_DEVICE_CAPS else whole
        return Capability(
            _text(driver),
            _text(card),
            _text(bus),
            captures=bool(flags & _HAS_CAPTURE and flags & _HAS_STREAMING and not flags & _HAS_M2M),
            converts=bool(flags & _HAS_M2M),
        )

    def formats(self, queue: int = CAPTURE) -> list[PixelFormat]:
        """The formats of a queue."""
        entries = self._entries(ENUM_FMT, _FORMAT, queue, 0, b"", 0)
        return [
            PixelFormat(fourcc.to_bytes(4, "little").decode("latin-1").strip(), _text(description))
            for _, _, _, description, fourcc in entries
        ]

    def sizes(self, fourcc: str) -> list[FrameSize]:
        """The sizes of a format."""
        found = []
        for entry in self._entries(ENUM_FRAMESIZES, _FRAME_SIZE, _code(fourcc), *(0,) * 7):
            _, _, kind, *numbers = entry
            if kind == _DISCRETE:
                width, height, *_ = numbers
                found.append(FrameSize(width, height, width, height, 1, 1))
            else:
                least_width, most_width, step_width, least_height, most_height, step_height = numbers
                found.append(
                    FrameSize(least_width, least_height, most_width, most_height, step_width, step_height)
                )
        return found

    def rates(self, fourcc: str, width: int, height: int) -> Rates:
        """The rates of a format at a size, slowest first."""
        values = []
        fields = (_code(fourcc), width, height, *(0,) * 7)
        for entry in self._entries(ENUM_FRAMEINTERVALS, _FRAME_INTERVAL, *fields):
            *_, kind, shortest, shortest_in, longest, longest_in, _, _ = entry
            if kind != _DISCRETE:
                return Rates((_rate(longest, longest_in), _rate(shortest, shortest_in)), continuous=True)
            values.append(_rate(shortest, shortest_in))
        return Rates(tuple(sorted(values)))

    def control(self, control: int) -> ControlRange | None:
        """What a control takes; None when the device has no such control."""
        return control_range(self._descriptor, control, ioctl=self._ioctl)

    def set_control(self, control: int, value: int) -> None:
        """Set a control. Raises OSError."""
        set_control(self._descriptor, control, value, ioctl=self._ioctl)

    def _entries(self, request: int, layout: struct.Struct, *fields: object) -> Iterator[tuple[Any, ...]]:
        for index in range(_MOST_ENTRIES):
            buffer = bytearray(layout.pack(index, *fields))
            try:
                self._ioctl(self._descriptor, request, buffer)
            except OSError as error:
                if error.errno in {errno.EINVAL, errno.ENOTTY}:  # the end of the list; no such list
                    return
                raise
            yield layout.unpack(buffer)


def control_range(descriptor: int, control: int, *, ioctl: Ioctl = fcntl.ioctl) -> ControlRange | None:
    """What a control of an open device takes; None when it has no such control."""
    buffer = bytearray(_CONTROL_RANGE.pack(control, 0, b"", 0, 0, 0, 0, 0))
    try:
        ioctl(descriptor, QUERYCTRL, buffer)
    except OSError:
        return None
    _, _, _, least, most, _, _, flags = _CONTROL_RANGE.unpack(buffer)
    return None if flags & _DISABLED else ControlRange(least, most)


def set_control(descriptor: int, control: int, value: int, *, ioctl: Ioctl = fcntl.ioctl) -> None:
    """Set a control of an open device.

    Raises:
        OSError: it has none, or not that value.
    """
    ioctl(descriptor, S_CTRL, bytearray(_CONTROL.pack(control, value)))


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode(errors="replace")


def _code(fourcc: str) -> int:
    return int.from_bytes(fourcc.ljust(4).encode("latin-1"), "little")


def _rate(numerator: int, denominator: int) -> float:
    """Pictures per second of an interval in seconds."""
    return round(denominator / numerator, 3) if numerator else 0.0
