"""What the streams of one producer have in common, and their access units cut into payloads."""

from __future__ import annotations

from dataclasses import dataclass

from edgemeet.encoded import Kind, VideoCodec
from edgemeet.ortc.parameters import RtpParameters
from edgemeet.rtc import h264, vp8
from edgemeet.rtc.frame_size import frame_size

# Payload bytes of a packet: with all headers below IPv6's guaranteed 1280 bytes.
MAX_PAYLOAD = 1200


@dataclass(frozen=True, slots=True)
class Formats:
    """Codec and payload types of a producer."""

    kind: Kind
    codec: str  # "opus", "h264" or "vp8"
    payload_type: int
    rtx_payload_type: int | None

    @classmethod
    def of(cls, parameters: RtpParameters, kind: Kind) -> Formats:
        """The formats that `parameters` name first.

        Raises:
            ValueError: a codec that cannot be sent.
        """
        codec = parameters.codecs[0]
        name = codec.mime_type.partition("/")[2].lower()
        if name not in ("opus", "h264", "vp8") or codec.mime_type.partition("/")[0].lower() != kind:
            raise ValueError(f"{codec.mime_type} cannot be sent as {kind}")
        rtx = next((entry for entry in parameters.codecs if entry.mime_type.lower().endswith("/rtx")), None)
        return cls(kind, name, codec.payload_type, rtx.payload_type if rtx else None)


class Packetizer:
    """Cuts the access units of one stream.

    Args:
        formats: of the producer.
        first_picture: VP8's picture id before the first one, 15 bits.

    Attributes:
        frame_size: pixels of the last keyframe, where it tells them.
    """

    def __init__(self, formats: Formats, *, first_picture: int) -> None:
        self._formats = formats
        self._picture_id = first_picture
        self.frame_size: tuple[int, int] | None = None

    def payloads(self, data: bytes, *, keyframe: bool) -> list[bytes]:
        """Payloads of one access unit.

        Raises:
            ValueError: not what the codec's access units look like.
        """
        match self._formats.codec:
            case "h264":
                payloads = h264.packetize(data, MAX_PAYLOAD)
            case "vp8":
                self._picture_id = (self._picture_id + 1) % vp8.PICTURE_IDS
                payloads = vp8.packetize(data, self._picture_id, MAX_PAYLOAD)
            case _:
                if not 0 < len(data) <= MAX_PAYLOAD:
                    raise ValueError(f"an Opus packet of {len(data)} bytes; 1 to {MAX_PAYLOAD} can be sent")
                payloads = [data]
        if keyframe and self._formats.kind == "video":
            codec: VideoCodec = "vp8" if self._formats.codec == "vp8" else "h264"
            self.frame_size = frame_size(codec, data) or self.frame_size
        return payloads
