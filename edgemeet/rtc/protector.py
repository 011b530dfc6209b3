"""SRTP for what is sent, by libsrtp as pylibsrtp binds it.

The only file that uses private names of pylibsrtp; `tests/rtc/test_aiortc_private.py` holds them.
"""

from __future__ import annotations

import pylibsrtp
from pylibsrtp._binding import ffi, lib

_LONGEST_PACKET = 1500  # bytes; Ethernet carries no more
_RTCP_TYPES = range(192, 209)  # of the second byte, where RTP has marker and payload type (RFC 5761)


class Protector:
    """Encrypts packets in one buffer, again and again.

    pylibsrtp's own `protect` does the same in three functions of Python and with three copies, which takes
    twice as long.
    """

    def __init__(self, session: pylibsrtp.Session) -> None:
        self._session = session  # which owns what `_handle` points to
        self._handle = session._srtp[0]
        self._buffer = memoryview(bytearray(_LONGEST_PACKET + pylibsrtp.SRTP_MAX_SRTCP_TRAILER_LEN))
        self._data = ffi.from_buffer("char[]", self._buffer)
        self._length = ffi.new("int *")
        self._protect, self._protect_rtcp = lib.srtp_protect, lib.srtp_protect_rtcp

    def protect(self, packet: bytes) -> memoryview:
        """The packet as it goes over the network, until the next one is protected.

        Raises:
            pylibsrtp.Error: it cannot be: it is none, or too old.
            ValueError: longer than 1500 bytes.
        """
        size = len(packet)
        if size > _LONGEST_PACKET:
            raise ValueError(f"a packet of {size} bytes")
        self._buffer[:size] = packet
        self._length[0] = size
        protect = self._protect_rtcp if packet[1] in _RTCP_TYPES else self._protect
        fault = protect(self._handle, self._data, self._length)
        if fault:
            raise pylibsrtp.Error(f"a packet cannot be protected: libsrtp's fault {fault}")
        return self._buffer[: self._length[0]]
