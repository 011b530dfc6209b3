"""The size of a picture, read from its keyframe: H.264's sequence parameter set or VP8's frame header."""

from __future__ import annotations

from edgemeet.encoded import VideoCodec
from edgemeet.rtc.h264 import split_nal_units

Size = tuple[int, int]
_SPS = 7
# Profiles whose parameter set says more about colour (ITU-T H.264, 7.3.2.1.1).
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128})


def frame_size(codec: VideoCodec, keyframe: bytes) -> Size | None:
    """Width and height in pixels; None when the keyframe does not tell."""
    try:
        return _vp8_size(keyframe) if codec == "vp8" else _h264_size(keyframe)
    except (IndexError, ValueError):
        return None


def _vp8_size(frame: bytes) -> Size | None:
    # RFC 6386, 9.1: three bytes of tag, the start code, then 14 bits each.
    if len(frame) < 10 or frame[3:6] != b"\x9d\x01\x2a":
        return None
    width = int.from_bytes(frame[6:8], "little") & 0x3FFF
    height = int.from_bytes(frame[8:10], "little") & 0x3FFF
    return width, height


def _h264_size(access_unit: bytes) -> Size | None:
    # Parameter sets stand first and are short: the slices behind them need not be searched.
    for unit in split_nal_units(access_unit[:512]):
        if unit[0] & 0x1F == _SPS:
            return _sps_size(_Bits(unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")))
    return None


def _sps_size(bits: _Bits) -> Size | None:
    profile = bits.take(8)
    bits.take(16)  # constraint flags and level
    bits.golomb()  # seq_parameter_set_id
    chroma_format = 1
    if profile in _HIGH_PROFILES:
        chroma_format = bits.golomb()
        if chroma_format == 3:
            bits.take(1)
        bits.golomb()  # bit_depth_luma_minus8
        bits.golomb()  # bit_depth_chroma_minus8
        bits.take(1)
        if bits.take(1):
            return None  # scaling matrices: no encoder in use here writes them
    bits.golomb()  # log2_max_frame_num_minus4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.golomb()
        bits.golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.golomb()
    bits.golomb()  # max_num_ref_frames
    bits.take(1)
    width = (bits.golomb() + 1) * 16
    map_units = bits.golomb() + 1
    frame_only = bits.take(1)
    if not frame_only:
        bits.take(1)
    height = map_units * 16 * (2 - frame_only)
    bits.take(1)  # direct_8x8_inference_flag
    if bits.take(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        across = 2 if chroma_format in (1, 2) else 1
        down = (2 if chroma_format == 1 else 1) * (2 - frame_only)
        width -= across * (left + right)
        height -= down * (top + bottom)
    return (width, height) if width > 0 and height > 0 else None


class _Bits:
    """Reads bits and Exp-Golomb numbers (ITU-T H.264, 9.1)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> int:
        """The next `count` bits. Raises IndexError at the end."""
        value = 0
        for _ in range(count):
            byte, bit = divmod(self._position, 8)
            value = value << 1 | self._data[byte] >> (7 - bit) & 1
            self._position += 1
        return value

    def golomb(self) -> int:
        """The next unsigned Exp-Golomb number. Raises ValueError for an absurd one."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise ValueError("not an Exp-Golomb number")
        return (1 << zeros) - 1 + self.take(zeros)
