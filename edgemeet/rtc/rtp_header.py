"""RTP headers, with all that does not change computed once.

aiortc's RtpPacket builds the extension block anew for every packet; this is several times as fast, which
is felt on a Raspberry Pi.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct, pack

from edgemeet.ortc.header_extensions import (
    ABS_CAPTURE_TIME,
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    TRANSPORT_WIDE_CC,
)
from edgemeet.ortc.parameters import RtpHeaderExtensionParameters

_HEADER = Struct("!BBHII")
_ONE_BYTE_PROFILE = 0xBEDE
_TWO_BYTE_PROFILE = 0x1000
_SILENCE = 127
# A crude voice detector: what is louder than this many -dBov counts as voice (the V bit of RFC 6464).
_VOICE = 60


class HeaderWriter:
    """Writes the headers of one SSRC.

    Attributes:
        size: bytes of every header.
        is_numbered: headers carry a number of transport-wide congestion control.
        tells_capture_time: headers carry the time of capture.

    Args:
        payload_type: 0 to 127.
        ssrc: of the stream.
        extensions: those negotiated; unknown ones are left out.
        mid: value of the mid extension.
        rid: the URI and the value of the extension that names the encoding, where there are several.
        capture_time: each header tells when its picture or sound was captured, where that is negotiated.
    """

    def __init__(
        self,
        payload_type: int,
        ssrc: int,
        extensions: Sequence[RtpHeaderExtensionParameters],
        mid: str | None,
        *,
        rid: tuple[str, str] | None = None,
        capture_time: bool = False,
    ) -> None:
        self._payload_type = payload_type
        self._ssrc = ssrc
        ids = {extension.uri: extension.id for extension in extensions}
        names = {uri: name.encode() for uri, name in ((MID, mid or ""), rid or ("", "")) if name}
        used = {
            uri: number
            for uri, number in ids.items()
            if uri in names
            or uri in (ABS_SEND_TIME, TRANSPORT_WIDE_CC, AUDIO_LEVEL)
            or (uri == ABS_CAPTURE_TIME and capture_time)
        }
        longest = max((len(names[uri]) for uri in used if uri in names), default=0)
        two_byte = max(used.values(), default=0) > 14 or longest > 16

        def element(uri: str, value: bytes) -> bytes:
            if uri not in used:
                return b""
            if two_byte:
                return bytes((used[uri], len(value))) + value
            return bytes((used[uri] << 4 | len(value) - 1,)) + value

        self.tells_capture_time = ABS_CAPTURE_TIME in used
        self.is_numbered = TRANSPORT_WIDE_CC in used
        captured = element(ABS_CAPTURE_TIME, bytes(8))
        self._captured = captured[:-8]
        number = element(TRANSPORT_WIDE_CC, b"\0\0")
        self._number = number[:-2]
        start = b"".join(element(uri, name) for uri, name in names.items())
        start += element(ABS_SEND_TIME, b"\0\0\0")
        self._stamped = ABS_SEND_TIME in used
        ends = [
            element(AUDIO_LEVEL, bytes(((0x80 if level < _VOICE else 0) | level,)))
            for level in range(_SILENCE + 1)
        ]
        length = len(start) + len(number) + len(captured) + len(ends[0])
        self.size = 12 + (4 + (length + 3) // 4 * 4 if length else 0)
        padding = bytes(-length % 4)
        self._ends = [end + padding for end in ends]
        self._first = 0x90 if length else 0x80
        profile = _TWO_BYTE_PROFILE if two_byte else _ONE_BYTE_PROFILE
        block = pack("!HH", profile, (length + 3) // 4) + start if length else b""
        self._start = block[:-3] if self._stamped else block

    def write(
        self,
        sequence: int,
        timestamp: int,
        *,
        marker: bool,
        now: float,
        audio_level: int | None = None,
        number: int = 0,
        captured: int = 0,
    ) -> bytes:
        """The header of one packet.

        Args:
            sequence: 16 bits.
            timestamp: 32 bits.
            marker: the last packet of a picture, the first after a silence.
            now: seconds on the monotonic clock, for abs-send-time.
            audio_level: -dBov; None counts as silence where the extension is in use.
            number: 16 bits, for transport-wide congestion control.
            captured: NTP timestamp (32.32 fixed point) of the capture, for a writer that tells it.
        """
        header = _HEADER.pack(
            self._first,
            self._payload_type | 0x80 if marker else self._payload_type,
            sequence,
            timestamp,
            self._ssrc,
        )
        end = self._ends[_SILENCE if audio_level is None else audio_level]
        if self.is_numbered:
            if self.tells_capture_time:
                end = self._captured + captured.to_bytes(8, "big") + end
            end = self._number + number.to_bytes(2, "big") + end
        elif self.tells_capture_time:
            end = self._captured + captured.to_bytes(8, "big") + end
        if not self._stamped:
            return header + self._start + end
        # 6.18 fixed point seconds, 24 bits.
        return header + self._start + (int(now * 262144.0) & 0xFFFFFF).to_bytes(3, "big") + end
