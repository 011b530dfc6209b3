"""A name server that answers, fails, or says nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Knows `room.example`, at port 53 of `address`, where the room server is too.

    Attributes:
        answers: what it does with questions.
        asked: questions so far; `asked_for_ipv6` those for AAAA.
    """

    def __init__(self, address: str, *, ipv6: str | None = None) -> None:
        self._address = address
        self._ipv6 = ipv6
        self._transport: asyncio.DatagramTransport | None = None
        self.answers: Literal["well", "silent", "failing"] = "well"
        self.asked = 0
        self.asked_for_ipv6 = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self._address, 53))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def mounts(self, folder: Path) -> str:
        """What makes a device ask this server, and nobody else."""
        resolv, switch = folder / "resolv.conf", folder / "nsswitch.conf"
        resolv.write_text(f"nameserver {self._address}\n")
        switch.write_text("hosts: files dns\n")
        return "\n".join(
            f"[ ! -e {there} ] || mount --bind {here} {there}"
            for here, there in ((resolv, "/etc/resolv.conf"), (switch, "/etc/nsswitch.conf"))
        )

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        self.asked += 1
        kind = question.question[0].rdtype
        self.asked_for_ipv6 += kind == dns.rdatatype.AAAA
        if self.answers == "silent":
            return
        answer = dns.message.make_response(question)
        if self.answers == "failing":
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif kind == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(question.question[0].name, 1, "IN", "A", self._address))
        elif kind == dns.rdatatype.AAAA and self._ipv6:
            answer.answer.append(dns.rrset.from_text(question.question[0].name, 1, "IN", "AAAA", self._ipv6))
        assert self._transport
        self._transport.sendto(answer.to_wire(), addr)
