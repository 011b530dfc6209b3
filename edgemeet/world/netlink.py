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
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
IFF_LOOPBACK: Final = 0x8
IFF_RUNNING: Final = 0x40
IFA_F_TENTATIVE: Final = 0x40
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_RT_TABLE_MAIN: Final = 254
_RTN_UNICAST: Final = 1
_AF_INET: Final = 2
_AF_INET6: Final = 10
_RT_SCOPE_LINK: Final = 253
_RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_MULTIPATH = 4, 5, 6, 9
_NLM_F_REQUEST_DUMP: Final = 0x1 | 0x300

_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK: Final = struct.Struct("=BxHiII")  # family, kind, index, flags, change
_ADDRESS: Final = struct.Struct("=BBBBI")  # family, prefix, flags, scope, index
_ROUTE: Final = struct.Struct("=BBBBBBBBI")  # family, destination's and source's prefix, tos, table, ...
_ATTRIBUTE: Final = struct.Struct("=HH")  # length, type


def dump_request(kind: int) -> bytes:
    """Asks for all there is: `kind` is RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE."""
    body = bytes(_ROUTE.size) if kind == RTM_GETROUTE else struct.pack("=Bxxx", 0)
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
    """Which links run, which addresses there are, and which ways out.

    Signal strengths and lifetimes are told as often as changes: what counts is what was not there before.
    """

    running: set[int] = field(default_factory=set)
    addresses: set[tuple[int, bytes]] = field(default_factory=set)
    ways_out: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    _loopback: set[int] = field(default_factory=set)

    def take(self, kind: int, payload: bytes) -> bool:
        """Take a message in; True when something became usable by it, or another way out is taken now."""
        try:
            match kind:
                case 16 | 17:
                    return self._link(kind == RTM_NEWLINK, payload)
                case 20 | 21:
                    return self._address(kind == RTM_NEWADDR, payload)
                case 24 | 25:
                    return self._route(kind == RTM_NEWROUTE, payload)
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
        family, _, flags, scope, index = _ADDRESS.unpack_from(payload)
        attributes = dict(_attributes(payload[_ADDRESS.size :]))
        value = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
        if value is None or index in self._loopback:
            return False
        if family == _AF_INET6 and scope == _RT_SCOPE_LINK:
            return False  # no media leaves from it, and it comes a second or two after everything else
        if not there:
            self.addresses.discard((index, value))
            return False
        if flags & IFA_F_TENTATIVE:
            return False  # IPv6 asks first whether somebody else has it; the kernel tells again then
        new = (index, value) not in self.addresses
        self.addresses.add((index, value))
        return new

    def _route(self, there: bool, payload: bytes) -> bool:
        family, destination, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(payload)
        if destination != 0 or table != _RT_TABLE_MAIN or kind != _RTN_UNICAST:
            return False
        found = dict(_attributes(payload[_ROUTE.size :]))
        way = b"|".join(found.get(each, b"") for each in (_RTA_OIF, _RTA_GATEWAY, _RTA_MULTIPATH))
        # Of IPv4 there is one default route of each metric, and a new one replaces it without a word.
        place = (family, found.get(_RTA_PRIORITY, b"") + (b"" if family == _AF_INET else way))
        before = self.ways_out.get(place)
        if there:
            self.ways_out[place] = way
            return before != way
        if before == way:
            del self.ways_out[place]
        # With the last one nothing becomes better; where another is left, packets go there now.
        return before == way and any(family == other for other, _ in self.ways_out)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            return
        yield kind & 0x3FFF, data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3
