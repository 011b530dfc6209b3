"""Messages of rtnetlink(7), as far as they tell that a network became usable. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

# linux/rtnetlink.h, linux/netlink.h, linux/if.h, linux/if_addr.h
RTMGRP: Final = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # link; IPv4 address, route; IPv6 address, route
NLMSG_DONE: Final = 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE: Final = 24
IFF_LOOPBACK: Final = 0x8
IFF_RUNNING: Final = 0x40
IFA_F_TENTATIVE: Final = 0x40
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RT_TABLE_MAIN: Final = 254
_NLM_F_REQUEST_DUMP: Final = 0x1 | 0x300

_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK: Final = struct.Struct("=BxHiII")  # family, kind, index, flags, change
_ADDRESS: Final = struct.Struct("=BBBBI")  # family, prefix, flags, scope, index
_ROUTE: Final = struct.Struct("=BBBBBBBBI")  # family, destination's and source's prefix, tos, table, ...
_ATTRIBUTE: Final = struct.Struct("=HH")  # length, type


def dump_request(kind: int) -> bytes:
    """Asks for all there is: `kind` is RTM_GETLINK or RTM_GETADDR."""
    body = struct.pack("=Bxxx", 0)
    return _HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST_DUMP, 1, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and payload of each message in a datagram; what is cut short is left out."""
    while len(data) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            return
        yield kind, data[_HEADER.size : length]
        data = data[_aligned(length) :]


@dataclass
class Networks:
    """Which links run and which addresses there are.

    Signal strengths and lifetimes are told as often as changes: what counts is what was not there before.
    """

    running: set[int] = field(default_factory=set)
    addresses: set[tuple[int, bytes]] = field(default_factory=set)
    _loopback: set[int] = field(default_factory=set)

    def take(self, kind: int, payload: bytes) -> bool:
        """Take a message in; True when something became usable by it."""
        try:
            match kind:
                case 16 | 17:
                    return self._link(kind == RTM_NEWLINK, payload)
                case 20 | 21:
                    return self._address(kind == RTM_NEWADDR, payload)
                case 24:
                    _, destination, _, _, table, *_ = _ROUTE.unpack_from(payload)
                    return bool(destination == 0 and table == _RT_TABLE_MAIN)
        except struct.error:
            pass  # shorter than this kernel's headers say: nothing to learn from it
        return False

    def _link(self, there: bool, payload: bytes) -> bool:
        _, _, index, flags, _ = _LINK.unpack_from(payload)
        if flags & IFF_LOOPBACK:
            self._loopback.add(index)
            return False
        if not there or not flags & IFF_RUNNING:
            self.running.discard(index)
            return False
        new = index not in self.running
        self.running.add(index)
        return new

    def _address(self, there: bool, payload: bytes) -> bool:
        _, _, flags, _, index = _ADDRESS.unpack_from(payload)
        attributes = dict(_attributes(payload[_ADDRESS.size :]))
        value = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
        if value is None or index in self._loopback:
            return False
        if not there:
            self.addresses.discard((index, value))
            return False
        if flags & IFA_F_TENTATIVE:
            return False  # IPv6 asks first whether somebody else has it; the kernel tells again then
        new = (index, value) not in self.addresses
        self.addresses.add((index, value))
        return new


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            return
        yield kind & 0x3FFF, data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3
