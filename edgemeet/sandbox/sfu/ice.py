"""The ICE-lite side of a transport: it answers connectivity checks and never makes any (RFC 8445, 2.5).

mediasoup is lite too, and its clients never tell their ICE credentials; a full agent could not serve them.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, cast

from aioice import stun
from pydantic import SecretStr

from edgemeet.ortc.parameters import IceCandidate, IceParameters

SocketAddress = tuple[str, int] | tuple[str, int, int, int]

_MAX_QUEUED: Final = 64  # handshake datagrams; a handshake has about ten
_MAX_TUPLES: Final = 16  # checked addresses that are remembered
_PRIORITY: Final = (126 << 24) | (65535 << 8) | 255  # RFC 8445, 5.1.2.1, host candidate
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


class _Endpoint(asyncio.DatagramProtocol):
    """One UDP socket, bound to one address."""

    def __init__(self, ice: IceLite) -> None:
        self._ice = ice
        self.transport: asyncio.DatagramTransport | None = None
        self._is_full = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own class is a DatagramTransport by its shape, before Python 3.12 not by its bases.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: SocketAddress) -> None:
        self._ice.receive(self, data, addr)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error: the client's socket is gone, its websocket will tell."""

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def send(self, data: bytes, addr: SocketAddress) -> None:
        transport = self.transport
        # What the kernel does not take is lost, as on any full link; queueing it would only add delay.
        if transport is not None and not transport.is_closing() and not self._is_full:
            transport.sendto(data, addr)


class IceLite:
    """Answers checks, knows the nominated address, and parts the datagrams by their first byte (RFC 7983).

    Args:
        on_media: called with every SRTP or SRTCP datagram from a checked address.
        is_open: False while a fault wants all datagrams lost.
    """

    role = "controlled"

    def __init__(
        self, *, on_media: Callable[[bytes], None], is_open: Callable[[], bool] = lambda: True
    ) -> None:
        self._on_media = on_media
        self._is_open = is_open
        self._username = "".join(secrets.choice(_ALPHABET) for _ in range(16))
        self._password = "".join(secrets.choice(_ALPHABET) for _ in range(32))
        self._endpoints: list[_Endpoint] = []
        self._checked: dict[SocketAddress, _Endpoint] = {}
        self._selected: tuple[_Endpoint, SocketAddress] | None = None
        self._nominated = False
        self._handshake: deque[bytes] = deque(maxlen=_MAX_QUEUED)
        self._arrived = asyncio.Event()
        self._ready = asyncio.Event()
        self._is_closed = False
        self.received = 0  # datagrams
        self.candidates: tuple[IceCandidate, ...] = ()

    @property
    def state(self) -> str:
        """new, completed or closed."""
        if self._is_closed:
            return "closed"
        return "completed" if self._selected else "new"

    @property
    def parameters(self) -> IceParameters:
        """The credentials that the client checks with."""
        return IceParameters(
            username_fragment=self._username, password=SecretStr(self._password), ice_lite=True
        )

    @property
    def remote(self) -> SocketAddress | None:
        """Where packets go to."""
        return self._selected[1] if self._selected else None

    async def open(self, hosts: Sequence[str], announced: Sequence[str] = ()) -> None:
        """Bind one UDP socket on each host; clients are told `announced` instead, one for one, if given."""
        loop = asyncio.get_running_loop()
        candidates: list[IceCandidate] = []
        for index, host in enumerate(hosts):
            _, endpoint = await loop.create_datagram_endpoint(lambda: _Endpoint(self), local_addr=(host, 0))
            self._endpoints.append(endpoint)
            assert endpoint.transport is not None
            port = endpoint.transport.get_extra_info("sockname")[1]
            shown = announced[index] if index < len(announced) else host
            candidates.append(
                IceCandidate(
                    foundation=f"udp{index}",
                    priority=_PRIORITY - (index << 8),
                    ip=shown,
                    address=shown,
                    protocol="udp",
                    port=port,
                )
            )
        self.candidates = tuple(candidates)

    def receive(self, endpoint: _Endpoint, data: bytes, addr: SocketAddress) -> None:
        """Take one datagram from the network; nothing in it is trusted."""
        if not data or not self._is_open():
            return
        self.received += 1
        first = data[0]
        if first < 4:
            self._answer(endpoint, data, addr)
        elif addr in self._checked:
            if 127 < first < 192:
                self._on_media(data)
            elif 19 < first < 64:
                self._handshake.append(data)
                self._arrived.set()

    def send(self, data: bytes) -> None:
        """Send to the client; without an address yet, or under a fault, the datagram is lost."""
        if self._selected is not None and self._is_open():
            endpoint, addr = self._selected
            endpoint.send(data, addr)

    async def ready(self) -> None:
        """Return when the client's address is known, or the transport is closed."""
        await self._ready.wait()

    async def close(self) -> None:
        """Close the sockets; whoever waits in `_recv` gets ConnectionError."""
        self._is_closed = True
        self._selected = None
        self._arrived.set()
        self._ready.set()
        for endpoint in self._endpoints:
            if endpoint.transport is not None:
                endpoint.transport.close()
        await asyncio.gather(*(endpoint.closed for endpoint in self._endpoints))

    async def _recv(self) -> bytes:
        while not self._handshake:
            if self._is_closed:
                raise ConnectionError("the transport is closed")
            self._arrived.clear()
            await self._arrived.wait()
        return self._handshake.popleft()

    async def _send(self, data: bytes) -> None:
        if self._is_closed:
            raise ConnectionError("the transport is closed")
        self.send(data)

    def _answer(self, endpoint: _Endpoint, data: bytes, addr: SocketAddress) -> None:
        request = self._check(data)
        if request is None:
            return
        response = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.RESPONSE,
            transaction_id=request.transaction_id,
            attributes={"XOR-MAPPED-ADDRESS": (addr[0], addr[1])},
        )
        if "ICE-CONTROLLED" in request.attributes:
            response.message_class = stun.Class.ERROR
            response.attributes = {"ERROR-CODE": (487, "Role Conflict")}
        response.add_message_integrity(self._password.encode())
        endpoint.send(bytes(response), addr)
        if response.message_class == stun.Class.RESPONSE:
            self._remember(endpoint, addr, nominated="USE-CANDIDATE" in request.attributes)

    def _check(self, data: bytes) -> stun.Message | None:
        """The binding request in `data` if it is one and proves that its sender knows the password."""
        try:
            request = stun.parse_message(data)
        except (ValueError, IndexError, struct.error):
            return None
        if request.message_method != stun.Method.BINDING or request.message_class != stun.Class.REQUEST:
            return None
        if str(request.attributes.get("USERNAME", "")).partition(":")[0] != self._username:
            return None
        return request if request.check_message_integrity(self._password.encode()) else None

    def _remember(self, endpoint: _Endpoint, addr: SocketAddress, *, nominated: bool) -> None:
        if addr not in self._checked and len(self._checked) >= _MAX_TUPLES:
            del self._checked[next(iter(self._checked))]
        self._checked[addr] = endpoint
        # Before anything is nominated the first address that works will do, as in mediasoup.
        if nominated or (self._selected is None and not self._nominated):
            self._selected = (endpoint, addr)
            self._nominated = self._nominated or nominated
            self._ready.set()
