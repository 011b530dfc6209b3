"""USB cameras through libav's v4l2 demuxer: decoded here, or the camera's own H.264 passed on.

Calls into the driver block for as long as it likes; the parent's deadlines end this process then.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import av
from av.container import InputContainer
from av.video.reformatter import ColorRange, VideoReformatter
from av.video.stream import VideoStream

from edgemeet.errors import DeviceFailed, DeviceNotFound, FormatNotOffered
from edgemeet.media.annexb import ParameterSets
from edgemeet.media.plan import CameraPlan
from edgemeet.media.sources import v4l2_cameras
from edgemeet.media.sources.capture_time import plausible
from edgemeet.media.sources.flip import Flip
from edgemeet.media.sources.protocols import CameraSource, EncodedPicture, RawPicture
from edgemeet.media.sources.v4l2_cameras import Camera, Choice
from edgemeet.media.sources.v4l2_ioctl import BITRATE, FORCE_KEY_FRAME, VideoDevice

logger = logging.getLogger(__name__)

OpenContainer = Callable[[str, Mapping[str, str]], InputContainer]
SetControl = Callable[[int, int], None]

# Cameras begin with broken pictures and lose parts of some; this many in a row are a broken camera.
_MOST_BROKEN = 60


def open_v4l2(
    plan: CameraPlan,
    *,
    look: Callable[[str], Camera] = v4l2_cameras.look,
    find: Callable[[], Sequence[Camera]] = v4l2_cameras.cameras,
    open_container: OpenContainer | None = None,
) -> CameraSource:
    """Open the camera of `plan`, the first one when it names none.

    Raises:
        DeviceNotFound, DeviceBusy, DeviceForbidden, DeviceFailed: as they say.
        FormatNotOffered: it has no such size, rate or format; says which it has.
    """
    path = plan.device or _first(find())
    try:
        camera = look(path)
        choice = v4l2_cameras.choose(plan, camera.modes)
        container = (open_container or _open)(path, _options(plan, choice))
    except FileNotFoundError as error:
        there = ", ".join(f"{one.path} ({one.card})" for one in find())
        raise DeviceNotFound(f"there is no {path}", hint=f"cameras: {there or 'none'}") from error
    except (OSError, av.FFmpegError) as error:
        raise v4l2_cameras.failure(path, error) from error
    try:
        return _source(plan, camera, choice, container)
    except BaseException:
        container.close()
        raise


def _source(plan: CameraPlan, camera: Camera, choice: Choice, container: InputContainer) -> CameraSource:
    stream = container.streams.video[0]
    size = (stream.codec_context.width, stream.codec_context.height)
    if size != (plan.width, plan.height):
        raise FormatNotOffered(
            f"the camera {camera.path} gives {size[0]}x{size[1]} when it is asked for "
            f"{plan.width}x{plan.height}"
        )
    if not choice.passthrough:
        return V4l2Camera(plan, camera, choice, container)
    if plan.codec != "h264" or len(plan.encodings) != 1 or plan.hflip or plan.vflip:
        raise FormatNotOffered(
            "the camera's own H.264 can be sent only as one layer, as h264, and not turned over",
            hint='set camera.format to "auto"',
        )
    return V4l2EncodedCamera(camera, choice, container)


class _Packets:
    """What the camera delivers, with the errors of a camera."""

    def __init__(self, camera: Camera, container: InputContainer) -> None:
        self._path = camera.path
        self._stream = container.streams.video[0]
        self._packets = container.demux(self._stream)

    def __iter__(self) -> Iterator[av.Packet[VideoStream]]:
        return self

    def __next__(self) -> av.Packet[VideoStream]:
        try:
            packet = next(self._packets, None)
        except (OSError, av.FFmpegError) as error:
            raise v4l2_cameras.failure(self._path, error) from error
        if packet is None or packet.size == 0:
            raise DeviceFailed(f"the camera {self._path} gives no more pictures")
        return packet


def _captured(packet: av.Packet[VideoStream]) -> int:
    """The kernel's time of the picture, which libav hands on and UVC takes from CLOCK_MONOTONIC."""
    stamp = None if packet.pts is None else round(packet.pts * packet.time_base * 1_000_000_000)
    return plausible(stamp, time.monotonic_ns())


class V4l2Camera:
    """Decodes, and gives yuv420p in video's range of levels."""

    encoded = False
    encoder_name = ""

    def __init__(self, plan: CameraPlan, camera: Camera, choice: Choice, container: InputContainer) -> None:
        self.name = f"v4l2 {camera.card} ({camera.path}, {choice.kind.name})"
        self.width, self.height, self.fps = plan.width, plan.height, round(choice.fps)
        self._container = container
        self._packets = _Packets(camera, container)
        self._decoder = container.streams.video[0].codec_context
        self._decoder.thread_count = 1  # libav's threads would each hold a picture back
        self._convert = VideoReformatter()
        self._flip = Flip(horizontal=plan.hflip, vertical=plan.vflip)
        self._path = camera.path

    def read(self) -> RawPicture:
        for _ in range(_MOST_BROKEN):
            packet = next(self._packets)
            captured = _captured(packet)
            try:
                frames = self._decoder.decode(packet)
            except av.FFmpegError:
                continue
            if frames:
                frame = self._convert.reformat(frames[-1], format="yuv420p", dst_color_range=ColorRange.MPEG)
                return RawPicture(self._flip.apply(frame), captured)
        raise DeviceFailed(f"the camera {self._path} gives nothing but broken pictures")

    def request_keyframe(self) -> None:
        """Nothing to do: the encoder makes it."""

    def set_bitrate(self, bits_per_second: int) -> None:
        """Nothing to do: the encoder follows it."""

    def close(self) -> None:
        self._container.close()


class V4l2EncodedCamera:
    """Passes on the camera's own H.264, with SPS and PPS before each keyframe.

    Keyframes and rates are asked for through the kernel's controls for encoders, which few cameras have.
    """

    encoded = True
    encoder_name = "the camera's own"

    def __init__(
        self,
        camera: Camera,
        choice: Choice,
        container: InputContainer,
        *,
        set_control: SetControl | None = None,
    ) -> None:
        stream = container.streams.video[0]
        self.name = f"v4l2 {camera.card} ({camera.path}, {choice.kind.name})"
        self.width, self.height = stream.codec_context.width, stream.codec_context.height
        self.fps = round(choice.fps)
        self._container = container
        self._packets = _Packets(camera, container)
        self._sets = ParameterSets(stream.codec_context.extradata or b"")
        self._path = camera.path
        self._set_control = set_control or self._set_on_device
        self._refused: set[int] = set()

    def read(self) -> EncodedPicture:
        for packet in self._packets:
            complete = self._sets.complete(bytes(packet))
            if complete:
                data, keyframe = complete
                return EncodedPicture(data, keyframe, _captured(packet))
        raise AssertionError("packets end with an error")

    def request_keyframe(self) -> None:
        self._try(FORCE_KEY_FRAME, 1)

    def set_bitrate(self, bits_per_second: int) -> None:
        self._try(BITRATE, bits_per_second)

    def close(self) -> None:
        self._container.close()

    def _try(self, control: int, value: int) -> None:
        if control in self._refused:
            return
        try:
            self._set_control(control, value)
        except OSError as error:
            self._refused.add(control)
            what = "makes no keyframes on demand" if control == FORCE_KEY_FRAME else "keeps its own rate"
            logger.warning("the camera %s %s (%s)", self._path, what, os.strerror(error.errno or 0))

    def _set_on_device(self, control: int, value: int) -> None:
        with VideoDevice(self._path) as device:
            device.set_control(control, value)


def _first(cameras: Sequence[Camera]) -> str:
    if not cameras:
        raise DeviceNotFound("there is no camera under /dev/video*")
    return cameras[0].path


def _options(plan: CameraPlan, choice: Choice) -> dict[str, str]:
    return {
        "input_format": choice.kind.libav,
        "video_size": f"{plan.width}x{plan.height}",
        "framerate": f"{choice.fps:g}",
    }


def _open(path: str, options: Mapping[str, str]) -> InputContainer:
    return av.open(path, format="v4l2", options=dict(options))
