"""A camera or microphone that can be switched on and off while meetings come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from edgemeet.encoded import EncodedSource, Kind, Sink, VideoCodec, VideoEncoding
from edgemeet.media.status import CaptureStatus


class Capture(EncodedSource, Protocol):
    """A running capture: what `edgemeet.media.CaptureProcess` is to this room."""

    async def run(self) -> None:
        """Capture until cancelled; afterwards the device is closed."""

    def status(self) -> CaptureStatus:
        """How it is going."""


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
    """

    def __init__(
        self,
        kind: Kind,
        make_capture: MakeCapture,
        *,
        on: bool,
        encodings: tuple[VideoEncoding, ...] = (),
        codec: VideoCodec = "h264",
    ) -> None:
        self.kind: Kind = kind
        self.encodings = encodings
        self._make_capture = make_capture
        self._on = on
        self._codec: VideoCodec = codec
        self._capture: Capture | None = None
        self._sink: Sink | None = None
        self._turned = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []

    @property
    def on(self) -> bool:
        """Whether the device may be open."""
        return self._on

    @property
    def codec(self) -> VideoCodec:
        """The video codec that is captured."""
        return self._codec

    def switch(self, on: bool) -> None:
        """Open or close the device. Closed means closed: the camera's light goes out."""
        if on != self._on:
            self._on = on
            self._turn()

    def use_codec(self, codec: VideoCodec) -> None:
        """Capture in `codec` from now on; the capture is started anew if that is a change."""
        if codec != self._codec:
            self._codec = codec
            self._turn()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` whenever the device is switched; the answer ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def status(self) -> CaptureStatus | None:
        """How the capture is going; None while the device is off."""
        return self._capture.status() if self._capture else None

    async def run(self) -> None:
        """Capture whenever the device is on, until cancelled."""
        while True:
            self._turned.clear()
            if not self._on:
                await self._turned.wait()
                continue
            self._capture = capture = self._make_capture(self._codec)
            if self._sink is not None:
                capture.attach(self._sink)
            try:
                await self._run_until_turned(capture)
            finally:
                self._capture = None

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

    def request_keyframe(self, layer: int) -> None:
        """See `EncodedSource`."""
        if self._capture is not None:
            self._capture.request_keyframe(layer)

    def set_bitrate(self, layer: int, bits_per_second: int) -> None:
        """See `EncodedSource`."""
        if self._capture is not None:
            self._capture.set_bitrate(layer, bits_per_second)
