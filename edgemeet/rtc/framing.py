"""Packets over a TCP connection: two bytes of length before each (RFC 4571)."""

from __future__ import annotations

MAX_PACKET = 0xFFFF  # bytes


def frame(packet: bytes) -> bytes:
    """The packet with its length before it.

    Raises:
        ValueError: longer than 65535 bytes.
    """
    if len(packet) > MAX_PACKET:
        raise ValueError(f"a packet may have {MAX_PACKET} bytes, not {len(packet)}")
    return len(packet).to_bytes(2, "big") + packet


class Deframer:
    """Cuts a stream into packets. Holds at most one unfinished packet between calls."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that are complete with `data`; empty ones are left out."""
        data = self._rest + data
        packets = []
        at = 0
        while len(data) - at >= 2:
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if end > len(data):
                break
            if end > at + 2:
                packets.append(data[at + 2 : end])
            at = end
        self._rest = data[at:]
        return packets
