"""A video file as a camera, for ever from its beginning."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
from av.filter import Graph
from av.video.stream import VideoStream

from edgemeet.errors import DeviceFailed
from edgemeet.media.annexb import with_parameter_sets
from edgemeet.media.pacing import Pacer
from edgemeet.media.plan import CameraPlan
from edgemeet.media.sources.media_file import broken, first_stream, open_file, reopen, rewind
from edgemeet.media.sources.protocols import CameraSource, EncodedPicture, RawPicture

_BASELINE = ("Baseline", "Constrained Baseline")
_LATE = 0.25  # seconds behind its time at which a file played untouched is given new times


def open_video_file(plan: CameraPlan) -> CameraSource:
    """The file of `plan.device`: untouched if it is what the single layer wants, else decoded.

    Raises:
        DeviceError: it cannot be read or holds no video.
    """
    path = plan.device or ""
    container = open_file(path)
    try:
        stream = first_stream(container.streams.video, path, "video")
        untouched = _fits(plan, stream)
    finally:
        container.close()
    return EncodedFileCamera(plan, path) if untouched else DecodedFileCamera(plan, path)


def _fits(plan: CameraPlan, stream: VideoStream) -> bool:
    context = stream.codec_context
    if plan.encoder != "auto" or len(plan.encodings) != 1:
        return False
    if (context.width, context.height) != (plan.encodings[0].width, plan.encodings[0].height):
        return False
    if plan.codec == "vp8":
        return context.name == "vp8"
    return context.name == "h264" and context.profile in _BASELINE and not context.has_b_frames


class EncodedFileCamera:
    """Passes the file's access units on at the file's own pace.

    A request for a keyframe skips to the next one in the file.
    """

    encoded = True
    encoder_name = "passthrough"

    def __init__(
        self,
        plan: CameraPlan,
        path: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = f"file {path}"
        self._path = path
        self._h264 = plan.codec == "h264"
        self._clock, self._sleep = clock, sleep
        self._container = open_file(path)
        stream = self._container.streams.video[0]
        self.width, self.height = stream.codec_context.width, stream.codec_context.height
        rate = stream.average_rate or Fraction(plan.fps)
        self.fps = max(1, round(rate))
        self._frame_time = float(1 / rate)
        extradata = stream.codec_context.extradata or b""
        self._headers = extradata if extradata.startswith(b"\x00\x00") else b""
        self._tick = float(stream.time_base or 0)  # seconds
        self._packets = self._loop()
        self._skip = False
        self._due = clock()
        self._last_pts: int | None = None

    def read(self) -> EncodedPicture:
        try:
            packet = next(self._packets)
            while self._skip and not packet.is_keyframe:
                packet = next(self._packets)
        except av.FFmpegError as error:
            raise broken(self._path, error) from error
        self._skip = False
        captured = self._pace(packet)
        data = bytes(packet)
        if self._h264 and packet.is_keyframe:
            data = with_parameter_sets(data, self._headers)
        return EncodedPicture(data, packet.is_keyframe, captured)

    def request_keyframe(self) -> None:
        self._skip = True

    def set_bitrate(self, bits_per_second: int) -> None:
        """Nothing can be done: the file is as it is."""

    def close(self) -> None:
        self._container.close()

    def _pace(self, packet: av.Packet[VideoStream]) -> int:
        """Sleep until the packet is due; that time in nanoseconds."""
        pts = packet.pts
        step = self._frame_time
        if pts is not None and self._last_pts is not None:
            told = (pts - self._last_pts) * self._tick
            if 0 < told < 1:
                step = told
        self._last_pts = pts
        self._due += step
        late = self._clock() - self._due
        if late > _LATE:
            self._due += late
        elif late < 0:
            self._sleep(-late)
        return round(self._due * 1e9)

    def _loop(self) -> Iterator[av.Packet[VideoStream]]:
        while True:
            stream = self._container.streams.video[0]
            # Brings MP4's access units into Annex B with SPS and PPS; leaves those alone that are already.
            annexb = av.BitStreamFilterContext("h264_mp4toannexb", stream) if self._h264 else None
            empty = True
            for packet in self._container.demux(stream):
                if packet.size == 0:
                    continue
                for filtered in annexb.filter(packet) if annexb else (packet,):
                    empty = False
                    yield filtered
            if empty:
                raise DeviceFailed(f"the file {self._path} holds no picture")
            self._container = rewind(self._container, self._path)
            self._last_pts = None


class DecodedFileCamera:
    """Decodes the file and fits its pictures into the plan's size and rate, with bars where needed."""

    encoded = False
    encoder_name = ""

    def __init__(self, plan: CameraPlan, path: str) -> None:
        self.name = f"file {path}"
        self.width, self.height, self.fps = plan.width, plan.height, plan.fps
        self._path = path
        self._container = open_file(path)
        self._frames = self._loop()
        self._pacer = Pacer(plan.fps)

    def read(self) -> RawPicture:
        try:
            frame = next(self._frames)
        except av.FFmpegError as error:
            raise broken(self._path, error) from error
        return RawPicture(frame, self._pacer.wait())

    def request_keyframe(self) -> None:
        """Nothing to do: the encoder makes it."""

    def set_bitrate(self, bits_per_second: int) -> None:
        """Nothing to do: the encoder follows it."""

    def close(self) -> None:
        self._container.close()

    def _loop(self) -> Iterator[av.VideoFrame]:
        while True:
            stream = self._container.streams.video[0]
            graph = self._fit(stream)
            empty = True
            for frame in self._container.decode(stream):
                graph.vpush(frame)
                for fitted in _pull(graph):
                    empty = False
                    yield fitted
            graph.vpush(None)
            for fitted in _pull(graph):
                empty = False
                yield fitted
            if empty:
                raise DeviceFailed(f"the file {self._path} holds no picture")
            self._container = reopen(self._container, self._path)

    def _fit(self, stream: VideoStream) -> Graph:
        size = f"{self.width}:{self.height}"
        graph = Graph()
        nodes = [
            graph.add_buffer(template=stream, time_base=stream.time_base),
            graph.add("fps", str(self.fps)),
            graph.add("scale", f"{size}:force_original_aspect_ratio=decrease:force_divisible_by=2"),
            graph.add("pad", f"{size}:(ow-iw)/2:(oh-ih)/2"),
            graph.add("format", "pix_fmts=yuv420p"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes)
        graph.configure()
        return graph


def _pull(graph: Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):  # wants more input, or has given all it had
            return
