"""What a camera's process does: read pictures, encode each layer, send, obey."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from edgemeet.encoded import VideoEncoding
from edgemeet.media import messages, wire
from edgemeet.media.encoders.choice import video_encoder
from edgemeet.media.encoders.protocols import Encoded, VideoEncoder
from edgemeet.media.heap import keep_freed_pictures
from edgemeet.media.outlet import Outlet
from edgemeet.media.plan import CameraPlan
from edgemeet.media.progress import ProgressReporter
from edgemeet.media.signal_watch import PictureWatch
from edgemeet.media.snapshot import Snapshots
from edgemeet.media.sources.choice import camera_source
from edgemeet.media.sources.protocols import CameraSource, EncodedPicture, RawPicture
from edgemeet.media.thinning import Thinning


def run(plan: CameraPlan, outlet: Outlet, commands: Iterable[messages.Message]) -> None:
    """Capture until told to stop. `commands` came with the plan.

    Raises:
        DeviceError: the camera or an encoder failed.
        ParentGone: the parent closed the socket.
    """
    keep_freed_pictures()
    source = camera_source(plan)
    try:
        _capture(plan, source, outlet, commands)
    finally:
        source.close()


def _capture(
    plan: CameraPlan, source: CameraSource, outlet: Outlet, commands: Iterable[messages.Message]
) -> None:
    layers = [
        Layer(index, encoding, source, None if source.encoded else video_encoder(plan, encoding), outlet)
        for index, encoding in enumerate(plan.encodings)
    ]
    outlet.deliver(
        messages.Opened(source.name, layers[-1].encoder_name, source.width, source.height, source.fps)
    )
    progress = ProgressReporter(outlet)
    watch = PictureWatch(frozen_after=plan.frozen_after, black_after=plan.black_after)
    snapshots = Snapshots(outlet, plan.codec)
    while True:
        picture = source.read()
        # Read now, so that a keyframe that was asked for is this very picture.
        for command in (*commands, *outlet.commands()):
            if isinstance(command, messages.Stop):
                return
            if isinstance(command, messages.TakeSnapshot):
                snapshots.request()
            else:
                _obey(command, layers)
        commands = ()
        for layer in layers:
            layer.send(picture)
        snapshots.see(picture)
        if isinstance(picture, RawPicture):
            watch.look(picture.frame)
        if progress.captured():
            progress.tell(sum(layer.dropped for layer in layers), watch.signal)


def _obey(command: messages.Message, layers: list[Layer]) -> None:
    match command:
        case messages.RequestKeyframe(layer) if layer < len(layers):
            layers[layer].request_keyframe()
        case messages.SetBitrate(layer, bits_per_second) if layer < len(layers):
            layers[layer].set_bitrate(bits_per_second)
        case messages.SetActive(layer, active) if layer < len(layers):
            layers[layer].set_active(active)
        case _:
            pass  # a layer that this plan does not have


# Pictures that an encoder may still be at work on.
_OLDEST = 32


class Decimator:
    """Picks `wanted` of every `offered` pictures, evenly."""

    def __init__(self, wanted: int, offered: int) -> None:
        self._wanted = min(wanted, offered)
        self._offered = offered
        self._credit = offered - self._wanted  # so that the first picture is picked

    def take(self) -> bool:
        """Whether to use this picture."""
        self._credit += self._wanted
        if self._credit < self._offered:
            return False
        self._credit -= self._offered
        return True


class Layer:
    """One layer on its way from picture to socket. `encoder` is None where the source encodes.

    After an encoded picture was dropped the following ones cannot be decoded, so nothing is sent before
    a keyframe, which is asked for at once.
    """

    def __init__(
        self,
        index: int,
        encoding: VideoEncoding,
        source: CameraSource,
        encoder: VideoEncoder | None,
        outlet: Outlet,
    ) -> None:
        self.dropped = 0
        self.encoder_name = encoder.name if encoder else source.encoder_name
        self._index = index
        self._encoding = encoding
        self._source = source
        self._encoder = encoder
        self._outlet = outlet
        self._thinning = Thinning(encoding.fps)
        self._rate = encoding.max_bitrate
        self._untold = 0  # pictures whose quantizers are not known
        self._divisor = self._thinning.divisor
        self._decimator = Decimator(encoding.fps, source.fps)
        self._scaler = VideoReformatter()
        self._captured: deque[int] = deque(maxlen=_OLDEST)
        self._active = True
        self._wanted = True  # a keyframe, as soon as there can be one
        self._broken = True  # a receiver could not decode anything but a keyframe

    def request_keyframe(self) -> None:
        """Make the next picture a keyframe."""
        self._wanted = True
        if self._encoder is None:
            self._source.request_keyframe()

    def set_bitrate(self, bits_per_second: int) -> None:
        """Aim at this rate; a source that encodes follows it where it can."""
        self._rate = bits_per_second
        if self._encoder:
            # An encoder reckons with all pictures: what it is to spend a second is for as many as those.
            self._encoder.set_bitrate(bits_per_second * self._divisor)
        else:
            self._source.set_bitrate(bits_per_second)

    def set_active(self, active: bool) -> None:
        """Encode this layer, or do not; it comes back with a keyframe."""
        if active and not self._active:
            self.request_keyframe()
        self._active = active

    def send(self, picture: RawPicture | EncodedPicture) -> None:
        """Encode and send `picture` if it is this layer's turn and the parent keeps up."""
        if not self._active:
            return
        if isinstance(picture, EncodedPicture):
            self._offer(Encoded(picture.data, picture.keyframe), picture.captured_ns)
            return
        if not self._decimator.take():
            return
        if self._outlet.congested():
            self.dropped += 1  # not encoded, so the next picture still follows the last one sent
            return
        assert self._encoder is not None
        self._captured.append(picture.captured_ns)
        for encoded in self._encoder.encode(self._scaled(picture), keyframe=self._wanted):
            self._offer(encoded, self._captured[max(-1 - encoded.age, -len(self._captured))])
            self._untold += 1
            if encoded.quantizer is not None:
                self._thinning.saw(encoded.quantizer, self._untold)
                self._untold = 0
        if self._thinning.divisor != self._divisor:
            self._thin(self._thinning.divisor)

    def _thin(self, divisor: int) -> None:
        """Encode one of so many of the layer's pictures, each with so many times the bits."""
        self._divisor = divisor
        self._decimator = Decimator(max(1, self._encoding.fps // divisor), self._source.fps)
        self.set_bitrate(self._rate)

    def _scaled(self, picture: RawPicture) -> VideoFrame:
        encoding, frame = self._encoding, picture.frame
        smaller = picture.lores
        if smaller and smaller.width >= encoding.width and smaller.height >= encoding.height:
            frame = smaller
        # What has the size already is converted by the encoder if it must be.
        if (frame.width, frame.height) == (encoding.width, encoding.height):
            return frame
        return self._scaler.reformat(
            frame, encoding.width, encoding.height, "yuv420p", interpolation=Interpolation.FAST_BILINEAR
        )

    def _offer(self, encoded: Encoded, captured_ns: int) -> None:
        if self._broken and not encoded.keyframe:
            return
        header = wire.unit_header(self._index, captured_ns, encoded.keyframe, None, len(encoded.data))
        if not self._outlet.offer(header, encoded.data):
            self.dropped += 1
            self._broken = True
            self.request_keyframe()
        elif encoded.keyframe:
            self._wanted = self._broken = False
