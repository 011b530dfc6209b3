"""A camera or microphone that can be switched on and off while meetings come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from edgemeet.encoded import EncodedSource, Kind, Sink, VideoCodec, VideoEncoding
from edgemeet.errors import DeviceFailed
from edgemeet.media.status import CaptureStatus
from edgemeet.supervisor.switch import Hand, Switch


class Capture(EncodedSource, Protocol):
    """A running capture: what `edgemeet.media.CaptureProcess` is to this room."""

    async def run(self) -> None:
        """Capture until cancelled; afterwards the device is closed."""

    def status(self) -> CaptureStatus:
        """How it is going."""

    def set_muted(self, muted: bool) -> None:
        """Send silence instead of what is heard, with the device open; microphones only."""

    async def snapshot(self) -> bytes:
        """The next picture as a JPEG; cameras only. Raises DeviceError."""


MakeCapture = Callable[[VideoCodec], Capture]


class Device:
    """Keeps the capture of one device alive while it is on, across sessions.

    It is an `EncodedSource` itself: who attaches here need not know that captures are replaced under it.

    Args:
        kind: "video" for the camera, "audio" for the microphone.
        make_capture: makes a capture for the wanted video codec (ignored by microphones).
        on: whether the device may be opened from the start.
        encodings: the layers the camera is captured in, lowest first; empty for a microphone.
        codec: the video codec wanted at first.
        bitrate: bits per second of a microphone's stream.
        mute_to_silence: an operator's off keeps a microphone open and published, and sends silence. A
            host's off closes it all the same: that it is off is what the host wants to see.
    """

    def __init__(
        self,
        kind: Kind,
        make_capture: MakeCapture,
        *,
        on: bool,
        encodings: tuple[VideoEncoding, ...] = (),
        codec: VideoCodec = "h264",
        bitrate: int | None = None,
        mute_to_silence: bool = False,
    ) -> None:
        self.kind: Kind = kind
        self.encodings = encodings
        self.bitrate = bitrate
        self._make_capture = make_capture
        self._switch = Switch() if on else Switch(frozenset({Hand.CONFIG}))
        self._mute_to_silence = mute_to_silence
        self._codec: VideoCodec = codec
        self._capture: Capture | None = None
        self._sink: Sink | None = None
        self._bitrates: dict[int, int] = {}
        self._active: dict[int, bool] = {}
        self._turned = asyncio.Event()
        self.plan_number = 0
        """Counts the plans: what was published by another one is to be published anew."""
        self._listeners: list[Callable[[], None]] = []

    @property
    def on(self) -> bool:
        """Whether others see or hear what the device captures."""
        return self._switch.on

    @property
    def held_off_by(self) -> frozenset[Hand]:
        """Who turned it off; empty while it is on."""
        return self._switch.held_off_by

    @property
    def silenced(self) -> bool:
        """Whether it is off and open all the same, and sends silence."""
        return self._mute_to_silence and self._switch.held_off_by == {Hand.OPERATOR}

    @property
    def published(self) -> bool:
        """Whether it is open and has a producer in the meeting."""
        return self.on or self.silenced

    @property
    def codec(self) -> VideoCodec:
        """The video codec that is captured."""
        return self._codec

    def switch(self, on: bool, *, by: Hand = Hand.OPERATOR) -> bool:
        """Turn the device on or off; False when `by` may not.

        Off closes it, so that the camera's light goes out, unless it is muted to silence.
        """
        before = self.published
        self._switch = self._switch.turned(on, by)
        if self.published != before:
            self._turn()
        elif self._capture is not None and self._mute_to_silence:
            self._capture.set_muted(self.silenced)
        return self.on is on

    def use_codec(self, codec: VideoCodec) -> None:
        """Capture in `codec` from now on; the capture is started anew if that is a change."""
        if codec != self._codec:
            self._codec = codec
            self._turn()

    def take_plan_of(self, other: Device) -> None:
        """Capture and publish as `other` would, which is not used itself; switches stay as they are.

        Who is attached is detached: what it was told of encodings and codec holds no longer.
        """
        self.detach()
        self._bitrates.clear()
        self._active.clear()
        self.encodings = other.encodings
        self.bitrate = other.bitrate
        self._make_capture = other._make_capture
        self._mute_to_silence = other._mute_to_silence
        self._codec = other._codec
        self.plan_number += 1
        self._turn()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` whenever the device is switched; the answer ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def status(self) -> CaptureStatus | None:
        """How the capture is going; None while the device is off."""
        return self._capture.status() if self._capture else None

    async def snapshot(self) -> bytes:
        """The camera's next picture as a JPEG.

        Raises:
            DeviceError: it is off (code snapshot.camera_off) or lost (snapshot.camera_lost), or there is no
                picture in time (snapshot.timeout, snapshot.failed).
        """
        if not self.on:
            raise DeviceFailed(
                f"the camera is off, turned off by: {', '.join(sorted(self.held_off_by))}",
                code="snapshot.camera_off",
                hint="`edgemeet camera on` opens it",
            )
        if self._capture is None:
            raise DeviceFailed("the camera is not open yet", code="snapshot.camera_lost")
        return await self._capture.snapshot()

    async def run(self) -> None:
        """Capture whenever the device is published, until cancelled."""
        while True:
            self._turned.clear()
            if not self.published:
                await self._turned.wait()
                continue
            self._capture = capture = self._make_capture(self._codec)
            if self._mute_to_silence:
                capture.set_muted(self.silenced)
            self._steer(capture)
            if self._sink is not None:
                capture.attach(self._sink)
            try:
                await self._run_until_turned(capture)
            finally:
                self._capture = None

    def _steer(self, capture: Capture) -> None:
        """A new capture goes on with what its predecessor was told."""
        for layer, bits_per_second in self._bitrates.items():
            capture.set_bitrate(layer, bits_per_second)
        for layer, active in self._active.items():
            capture.set_active(layer, active)

    async def _run_until_turned(self, capture: Capture) -> None:
        running = asyncio.create_task(capture.run())
        turned = asyncio.create_task(self._turned.wait())
        try:
            await asyncio.wait((running, turned), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (running, turned):
                task.cancel()
            await asyncio.gather(running, turned, return_exceptions=True)
        if not running.cancelled():
            running.result()  # a capture that ends by itself is a defect, and says so here

    def _turn(self) -> None:
        self._turned.set()
        for listener in tuple(self._listeners):
            listener()

    def attach(self, sink: Sink) -> None:
        """See `EncodedSource`."""
        self._sink = sink
        if self._capture is not None:
            self._capture.attach(sink)

    def detach(self) -> None:
        """See `EncodedSource`."""
        self._sink = None
        if self._capture is not None:
            self._capture.detach()

    def detach_from(self, sink: Sink) -> bool:
        """Detach `sink`, unless another one has taken its place; False then."""
        if self._sink is not None and self._sink != sink:
            return False
        self.detach()
        return True

    def request_keyframe(self, layer: int) -> None:
        """See `EncodedSource`."""
        if self._capture is not None and self._has(layer):
            self._capture.request_keyframe(layer)

    def set_bitrate(self, layer: int, bits_per_second: int) -> None:
        """See `EncodedSource`."""
        if not self._has(layer):
            return
        self._bitrates[layer] = bits_per_second
        if self._capture is not None:
            self._capture.set_bitrate(layer, bits_per_second)

    def set_active(self, layer: int, active: bool) -> None:
        """See `EncodedSource`."""
        if not self._has(layer):
            return
        self._active[layer] = active
        if self._capture is not None:
            self._capture.set_active(layer, active)

    def _has(self, layer: int) -> bool:
        """False for a layer of an earlier plan, which its sender may speak of while it is closed."""
        return layer < max(1, len(self.encodings))
