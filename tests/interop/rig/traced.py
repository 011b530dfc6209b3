"""`edgemeet run` that writes down when each picture passed.

    TRACE_FOLDER=FOLDER python traced.py run

Each process writes a file of its own into the folder, when it ends: lines as `rig.latency` reads them. All
times are nanoseconds on CLOCK_MONOTONIC, which is one for all processes of a machine.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import sys
import time
from pathlib import Path

from av import VideoFrame

from edgemeet.encoded import AccessUnit, VideoEncoding
from edgemeet.media import annexb, counter
from edgemeet.media.encoders.protocols import Encoded, VideoEncoder
from edgemeet.media.plan import CameraPlan
from edgemeet.media.sources.protocols import CameraSource, EncodedPicture, RawPicture

_AS_CHILD = "child"


class Trace:
    """Lines that are kept until the process ends: writing them at once would be measured too."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        folder = os.environ.get("TRACE_FOLDER", ".")
        self._path = Path(folder, f"trace-{os.getpid()}.txt")
        atexit.register(self._write)

    def note(self, kind: str, *values: int) -> None:
        self._lines.append(" ".join((kind, *map(str, values))))

    def _write(self) -> None:
        self._path.write_text("".join(f"{line}\n" for line in self._lines))


def read_counter(frame: VideoFrame) -> int:
    """The number drawn into a picture, -1 where there is none."""
    plane = frame.planes[0]
    luma, stride = memoryview(plane), plane.line_size
    seen = counter.read(lambda x, y: int(luma[y * stride + x]), frame.width)
    return -1 if seen is None else seen


def digest(data: bytes) -> int:
    """Of the slices of an H.264 access unit: parameter sets and start codes may be rewritten on the way."""
    slices = (unit for kind, unit in annexb.nal_units(data) if kind in (annexb.SLICE, annexb.IDR_SLICE))
    whole = b"".join(unit[unit.index(b"\1") + 1 :] for unit in slices)
    return int.from_bytes(hashlib.sha256(whole).digest()[:8], "big")


def trace_child(trace: Trace) -> None:
    """From now on, in a camera's process."""
    from edgemeet.media import camera

    make_source, make_encoder = camera.camera_source, camera.video_encoder
    last = 0

    def camera_source(plan: CameraPlan) -> CameraSource:
        source = make_source(plan)
        read = source.read

        def traced_read() -> RawPicture | EncodedPicture:
            nonlocal last
            picture = read()
            last = picture.captured_ns
            if isinstance(picture, RawPicture):
                trace.note("read", last, time.monotonic_ns(), read_counter(picture.frame))
            return picture

        source.read = traced_read  # type: ignore[method-assign]  # that is the purpose
        return source

    def video_encoder(plan: CameraPlan, encoding: VideoEncoding) -> VideoEncoder:
        encoder = make_encoder(plan, encoding)
        encode = encoder.encode
        layer = plan.encodings.index(encoding)

        def traced_encode(frame: VideoFrame, *, keyframe: bool) -> list[Encoded]:
            began = time.monotonic_ns()
            units = encode(frame, keyframe=keyframe)
            ended = time.monotonic_ns()
            for unit in units:
                trace.note("encoded", last, layer, began, ended, len(unit.data), int(unit.keyframe))
                trace.note("digest", last, layer, digest(unit.data))
            return units

        encoder.encode = traced_encode  # type: ignore[method-assign]  # likewise
        return encoder

    camera.camera_source = camera_source
    camera.video_encoder = video_encoder


def trace_parent(trace: Trace) -> None:
    """From now on, in the daemon."""
    from edgemeet.media.capture import CaptureProcess
    from edgemeet.rtc.aiortc_private import SrtpTransport
    from edgemeet.rtc.sender import Sender
    from edgemeet.rtc.timestamps import VideoTimestamps

    CaptureProcess.__init__.__kwdefaults__["program"] = (sys.executable, "-P", __file__, _AS_CHILD)
    send, stamp, send_packet = Sender.send, VideoTimestamps.next, SrtpTransport.send_packet

    def traced_send(self: Sender, unit: AccessUnit) -> None:
        if self.kind == "video":
            trace.note("taken", round(unit.captured * 1e9), unit.layer, time.monotonic_ns())
        send(self, unit)

    def traced_stamp(self: VideoTimestamps, captured: float) -> int:
        timestamp = stamp(self, captured)
        trace.note("stamped", round(captured * 1e9), timestamp)
        return timestamp

    def traced_send_packet(self: SrtpTransport, packet: bytes) -> None:
        send_packet(self, packet)
        if not 192 <= packet[1] <= 223:  # RFC 5761: what is not RTCP is RTP
            trace.note("packet", int.from_bytes(packet[4:8], "big"), packet[1] >> 7, time.monotonic_ns())

    Sender.send = traced_send  # type: ignore[method-assign]  # that is the purpose
    VideoTimestamps.next = traced_stamp  # type: ignore[method-assign]  # likewise
    SrtpTransport.send_packet = traced_send_packet  # type: ignore[method-assign]  # likewise


def main() -> None:
    """The daemon, or one of its children."""
    if sys.argv[1] == _AS_CHILD:
        from edgemeet.media import child

        trace_child(Trace())
        sys.exit(child.main(sys.argv[2:]))
    from edgemeet.cli import main as run

    trace_parent(Trace())
    run()


if __name__ == "__main__":
    main()
