"""The way of the media: UDP, and relays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from aioice import stun, turn
from aiortc.rtcicetransport import parse_stun_turn_uri

from edgemeet.doctor.findings import Finding, Outcome, skipped, well, wrong
from edgemeet.doctor.journey import Journey
from edgemeet.doctor.machine import Machine
from edgemeet.rtc.ice import turn_servers
from edgemeet.signaling import IceServer

ANSWER_TIMEOUT: Final = 2.5  # seconds; five questions fit
_REPEAT: Final = 0.5
_UDP_HINT: Final = "a firewall may block UDP; media then goes over TCP where the server offers it, and worse"
_TURN_HINT: Final = (
    "without it media needs a direct way; ask who runs the network whether the port is blocked"
)


async def udp(machine: Machine, journey: Journey) -> Finding:
    """Answers to UDP come back, from the STUN and TURN servers that the meeting names."""
    daemon = machine.daemon
    if daemon is not None and daemon.transport is not None and daemon.transport.state == "connected":
        return well("the daemon's media is connected")
    addresses = stun_addresses((await journey.known_init_config()).ice_servers)
    if not addresses:
        return skipped("the meeting names no STUN or TURN server to ask: only a join tells")
    began = time.monotonic()
    asked = [asyncio.create_task(_answers(address)) for address in addresses]
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            for answer in asyncio.as_completed(asked):
                if await answer:
                    return well(f"an answer came after {1000 * (time.monotonic() - began):.0f} ms")
    except TimeoutError:
        pass
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return wrong(
        Outcome.WARNING,
        "network.udp_blocked",
        f"no answer over UDP from any of {len(addresses)} server(s)",
        _UDP_HINT,
    )


def stun_addresses(servers: Sequence[IceServer]) -> tuple[tuple[str, int], ...]:
    """Where a STUN question over UDP is answered: STUN servers, and TURN servers over UDP. Pure."""
    found: list[tuple[str, int]] = []
    for server in servers:
        for url in server.urls:
            try:
                parsed = parse_stun_turn_uri(url)
            except ValueError:
                continue
            if parsed["scheme"] in ("stun", "turn") and parsed.get("transport", "udp") == "udp":
                found.append((parsed["host"], parsed["port"]))
    return tuple(dict.fromkeys(found))


class _Answer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        try:
            stun.parse_message(data)
        except ValueError:
            return
        if not self.came.done():
            self.came.set_result(True)

    def error_received(self, exc: Exception) -> None:
        if not self.came.done():
            self.came.set_result(False)  # ICMP says that nobody listens there


async def _answers(address: tuple[str, int]) -> bool:
    """Whether a binding request is answered; waits for ever where nothing comes back."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    try:
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            _Answer, remote_addr=address
        )
    except OSError:
        return False
    try:
        while not protocol.came.done():
            transport.sendto(bytes(request))
            await asyncio.wait((protocol.came,), timeout=_REPEAT)
        return protocol.came.result()
    finally:
        transport.close()


async def relays(_: Machine, journey: Journey) -> tuple[Finding, ...]:
    """Each TURN server gives an address."""
    servers = turn_servers((await journey.known_init_config()).ice_servers)
    if not servers:
        return (skipped("the meeting names no TURN server"),)
    asked = (
        _allocate(one.host, one.port, one.transport, one.username, one.password, tls=one.tls)
        for one in servers
    )
    return tuple(await asyncio.gather(*asked))


async def _allocate(
    host: str, port: int, transport: str, username: str | None, password: str | None, *, tls: bool
) -> Finding:
    where = f"the TURN server {host} port {port} over {'TLS' if tls else transport.upper()}"
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            relayed, _ = await turn.create_turn_endpoint(
                asyncio.DatagramProtocol,
                server_addr=(host, port),
                username=username,
                password=password,
                ssl=tls,
                transport=transport,
            )
    except TimeoutError:
        problem = "does not answer"
    except stun.TransactionError:
        problem = "refuses"
    except OSError:
        problem = "cannot be reached"
    else:
        relayed.close()
        return well(f"{where} gives an address")
    return wrong(Outcome.WARNING, "network.turn", f"{where} {problem}", _TURN_HINT)
