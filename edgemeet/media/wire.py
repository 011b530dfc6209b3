"""The language between a capture process and its parent: framing without I/O.

Every message is a header (version, type, length of the body; network byte order) and a body. Access units
have a binary body (`_UNIT` and the encoded bytes), snapshots are a JPEG, everything else is a JSON object.
Both ends are of one version, because the parent starts the child; the version byte makes a mistake loud.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict

from edgemeet.encoded import AccessUnit
from edgemeet.media import plan as plans
from edgemeet.media.messages import (
    Fault,
    Message,
    Opened,
    Plan,
    Progress,
    RequestKeyframe,
    SetActive,
    SetBitrate,
    SetMuted,
    Snapshot,
    Stop,
    TakeSnapshot,
)
from edgemeet.media.signal_watch import SIGNALS

VERSION = 1
MAX_UNIT = 4 << 20  # bytes; a keyframe of 4K at a gross rate is under 1 MB
MAX_JSON = 64 << 10  # bytes

_HEADER = struct.Struct("!BBI")  # version, type, length of the body
_UNIT = struct.Struct("!qBBB")  # captured (ns on CLOCK_MONOTONIC), layer, flags, audio level
_UNIT_MESSAGE = struct.Struct("!BBIqBBB")  # both
_KEYFRAME = 0x01
_HAS_LEVEL = 0x02
_UNIT_TYPE = 16
_SNAPSHOT_TYPE = 20
_BINARY_TYPES = (_UNIT_TYPE, _SNAPSHOT_TYPE)


class FramingError(ValueError):
    """What came is not of this language. The stream cannot be read any further."""


def encode(message: Message) -> bytes:
    """The bytes of one message."""
    if isinstance(message, AccessUnit):
        captured = round(message.captured * 1e9)
        return unit_header(
            message.layer, captured, message.keyframe, message.audio_level, len(message.data)
        ) + bytes(message.data)
    if isinstance(message, Snapshot):
        return _HEADER.pack(VERSION, _SNAPSHOT_TYPE, len(message.jpeg)) + message.jpeg
    if isinstance(message, Plan):
        body = plans.to_json(message.plan)
    else:
        body = json.dumps(asdict(message), separators=(",", ":"))
    data = body.encode()
    return _HEADER.pack(VERSION, _TYPES[type(message)], len(data)) + data


def unit_header(layer: int, captured_ns: int, keyframe: bool, level: int | None, size: int) -> bytes:
    """What stands before the `size` bytes of an access unit; spares the child from joining them."""
    flags = (_KEYFRAME if keyframe else 0) | (0 if level is None else _HAS_LEVEL)
    header = _HEADER.pack(VERSION, _UNIT_TYPE, _UNIT.size + size)
    return header + _UNIT.pack(captured_ns, layer, flags, level or 0)


class Decoder:
    """Bytes in, messages out. Holds at most one unfinished message."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> list[Message]:
        """All messages that are complete now.

        Raises:
            FramingError: the stream is broken; throw this decoder away.
        """
        if not self._buffer and isinstance(data, bytes) and len(data) >= _UNIT_MESSAGE.size:
            version, kind, length, captured, layer, flags, level = _UNIT_MESSAGE.unpack_from(data)
            whole = _HEADER.size + length == len(data)
            if whole and version == VERSION and kind == _UNIT_TYPE and length <= MAX_UNIT:
                # What nearly every read gives: no copy but of the unit.
                unit = data[_UNIT_MESSAGE.size :]
                return [_access_unit(captured, layer, flags, level, unit)]
        self._buffer += data
        messages: list[Message] = []
        start = 0
        with memoryview(self._buffer) as view:
            while (end := _message_end(view, start)) is not None:
                messages.append(_decode(view[start + 1], bytes(view[start + _HEADER.size : end])))
                start = end
        del self._buffer[:start]
        return messages


def _message_end(view: memoryview, start: int) -> int | None:
    """Where the message at `start` ends, or None while it is not there whole."""
    if len(view) - start < _HEADER.size:
        return None
    version, kind, length = _HEADER.unpack_from(view, start)
    if version != VERSION:
        raise FramingError(f"version {version} instead of {VERSION}")
    if length > (MAX_UNIT if kind in _BINARY_TYPES else MAX_JSON):
        raise FramingError(f"a message of {length} bytes")
    end: int = start + _HEADER.size + length
    return end if end <= len(view) else None


def _decode(kind: int, body: bytes) -> Message:
    if kind == _UNIT_TYPE:
        return _decode_unit(body)
    if kind == _SNAPSHOT_TYPE:
        return Snapshot(body)
    if kind == _PLAN_TYPE:
        try:
            return Plan(plans.from_json(body))
        except ValueError as error:
            raise FramingError("not a capture plan") from error
    build = _BUILDERS.get(kind)
    if build is None:
        raise FramingError(f"unknown message type {kind}")
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FramingError("a body that is not JSON") from error
    if not isinstance(fields, dict):
        raise FramingError("a body that is not a JSON object")
    return build(fields)


def _decode_unit(body: bytes) -> AccessUnit:
    if len(body) < _UNIT.size:
        raise FramingError("an access unit without its header")
    captured, layer, flags, level = _UNIT.unpack_from(body)
    return _access_unit(captured, layer, flags, level, body[_UNIT.size :])


def _access_unit(captured: int, layer: int, flags: int, level: int, data: bytes) -> AccessUnit:
    return AccessUnit(
        layer=layer,
        captured=captured / 1e9,
        keyframe=bool(flags & _KEYFRAME),
        data=data,
        audio_level=level if flags & _HAS_LEVEL else None,
    )


def _int(fields: Mapping[str, object], key: str) -> int:
    value = fields.get(key)
    if type(value) is not int or value < 0:
        raise FramingError(f"{key} is not a whole number")
    return value


def _bool(fields: Mapping[str, object], key: str) -> bool:
    value = fields.get(key)
    if type(value) is not bool:
        raise FramingError(f"{key} is neither true nor false")
    return value


def _str(fields: Mapping[str, object], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise FramingError(f"{key} is not a string")
    return value


def _progress(fields: Mapping[str, object]) -> Progress:
    signal = SIGNALS.get(_str(fields, "signal"))
    if signal is None:
        raise FramingError("signal is none that is known")
    return Progress(_int(fields, "frames"), _int(fields, "dropped"), signal)


def _opened(fields: Mapping[str, object]) -> Opened:
    return Opened(
        source=_str(fields, "source"),
        encoder=_str(fields, "encoder"),
        width=_int(fields, "width"),
        height=_int(fields, "height"),
        fps=_int(fields, "fps"),
    )


def _fault(fields: Mapping[str, object]) -> Fault:
    hint = None if fields.get("hint") is None else _str(fields, "hint")
    return Fault(_str(fields, "kind"), _str(fields, "code"), _str(fields, "message"), hint)


_PLAN_TYPE = 1
_TYPES: dict[type, int] = {
    Plan: _PLAN_TYPE,
    RequestKeyframe: 2,
    SetBitrate: 3,
    SetActive: 4,
    Stop: 5,
    SetMuted: 6,
    TakeSnapshot: 7,
    AccessUnit: _UNIT_TYPE,
    Opened: 17,
    Progress: 18,
    Fault: 19,
}
_BUILDERS: dict[int, Callable[[Mapping[str, object]], Message]] = {
    _TYPES[RequestKeyframe]: lambda fields: RequestKeyframe(_int(fields, "layer")),
    _TYPES[SetBitrate]: lambda fields: SetBitrate(_int(fields, "layer"), _int(fields, "bits_per_second")),
    _TYPES[SetActive]: lambda fields: SetActive(_int(fields, "layer"), _bool(fields, "active")),
    _TYPES[Stop]: lambda _: Stop(),
    _TYPES[SetMuted]: lambda fields: SetMuted(_bool(fields, "muted")),
    _TYPES[TakeSnapshot]: lambda _: TakeSnapshot(),
    _TYPES[Opened]: _opened,
    _TYPES[Progress]: _progress,
    _TYPES[Fault]: _fault,
}
