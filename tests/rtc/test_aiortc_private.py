"""The private names of aiortc and aioice that edgemeet relies on exist with the shape relied on."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pylibsrtp
import pytest
from aioice import Candidate, Connection
from aioice import ice as aioice_ice
from aioice import turn as aioice_turn
from aiortc import RTCDtlsTransport, RTCIceGatherer, RTCIceTransport, rtcicetransport

import edgemeet
from edgemeet.rtc import rtcp
from edgemeet.rtc.aiortc_private import SrtpTransport
from edgemeet.rtc.protector import Protector


def parameters(function: object) -> list[str]:
    assert callable(function)
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("function", "expected", "coroutine"),
    [
        (RTCDtlsTransport._send_rtp, ["self", "data"], True),
        (RTCDtlsTransport._set_role, ["self", "role"], False),
        (RTCDtlsTransport.stop, ["self"], True),
        (Connection.get_component_candidates, ["self", "component", "addresses", "timeout"], True),
        (Connection._pair_remote_candidate, ["self", "remote_candidate"], False),
        (Connection.sort_check_list, ["self"], False),
        (Connection.query_consent, ["self"], True),
        (Connection.data_received, ["self", "data", "component"], False),
        (Connection.build_request, ["self", "pair", "nominate"], False),
        (
            aioice_ice.StunProtocol.request,
            ["self", "request", "addr", "integrity_key", "retransmissions"],
            True,
        ),
        (Candidate.can_pair_with, ["self", "other"], False),
        (aioice_ice.StunProtocol.__init__, ["self", "receiver"], False),
        (aioice_ice.StunProtocol.connection_made, ["self", "transport"], False),
        (aioice_ice.StunProtocol.datagram_received, ["self", "data", "addr"], False),
        (aioice_ice.StunProtocol.connection_lost, ["self", "exc"], False),
        (aioice_ice.get_host_addresses, ["use_ipv4", "use_ipv6"], False),
        (rtcicetransport.parse_stun_turn_uri, ["uri"], False),
        (
            aioice_ice.relayed_candidate,
            [
                "component",
                "hide_related_address",
                "protocol_factory",
                "turn_server",
                "turn_username",
                "turn_password",
                "turn_ssl",
                "turn_transport",
            ],
            True,
        ),
    ],
)
def test_functions(function: object, expected: list[str], *, coroutine: bool) -> None:
    assert parameters(function) == expected
    assert inspect.iscoroutinefunction(function) is coroutine


async def test_attributes() -> None:
    gatherer = RTCIceGatherer(iceServers=[])
    connection = gatherer._connection
    assert isinstance(connection, Connection)
    assert connection.ice_controlling is False
    assert connection.stun_server is None
    assert connection._local_candidates_start is False
    assert connection._local_candidates_end is False
    for name in ("_local_candidates", "_remote_candidates", "_protocols"):
        assert getattr(connection, name) == []
    assert connection._nominated == {}
    ice = RTCIceTransport(gatherer)
    assert ice._connection is connection
    assert ice._RTCIceTransport__monitor_task is None
    await ice.stop()


def test_overridden_methods_are_the_ones_called() -> None:
    receiving = inspect.getsource(aioice_ice.StunProtocol.datagram_received)
    assert "self.receiver.data_received(data, self.local_candidate.component)" in receiving
    assert "self.receiver = receiver" in inspect.getsource(aioice_ice.StunProtocol.__init__)
    assert issubclass(SrtpTransport, RTCDtlsTransport)
    assert "self._task = asyncio.ensure_future(" in inspect.getsource(RTCDtlsTransport.start)


def test_feedback_is_unprotected_as_the_receiving_task_would() -> None:
    """`_receive` does what this comes to: a change is to be looked at."""
    received = inspect.getsource(RTCDtlsTransport._recv_next)
    assert "elif first_byte > 127 and first_byte < 192 and self._rx_srtp:" in received
    assert (
        "if is_rtcp(data):\n                    data = self._rx_srtp.unprotect_rtcp(data)\n"
        "                    await self._handle_rtcp_data(data)"
    ) in received


def test_a_packet_is_protected_as_pylibsrtp_would() -> None:
    process = inspect.getsource(pylibsrtp.Session)
    assert "lib.srtp_protect, SRTP_MAX_TRAILER_LEN" in process
    assert "lib.srtp_protect_rtcp, SRTP_MAX_SRTCP_TRAILER_LEN" in process
    assert "_srtp_assert(func(self._srtp[0], self._cdata, len_p))" in process
    key = bytes(range(30))
    policy = pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    theirs, ours = pylibsrtp.Session(policy), Protector(pylibsrtp.Session(policy))
    for sequence in range(3):
        rtp = b"\x80\x60" + sequence.to_bytes(2, "big") + bytes(8) + b"payload" * (sequence + 1) * 50
        assert bytes(ours.protect(rtp)) == theirs.protect(rtp)
    report = rtcp.sender_report(1, 2, 3, 4, 5)
    assert bytes(ours.protect(report)) == theirs.protect_rtcp(report)
    with pytest.raises(ValueError, match="1501 bytes"):
        ours.protect(bytes(1501))
    with pytest.raises(pylibsrtp.Error):
        ours.protect(b"\x80\x60")


def test_a_packet_goes_the_way_that_its_coroutines_would_take() -> None:
    """`send_packet` does what these come to: a change in any of them is to be looked at."""
    protecting = inspect.getsource(RTCDtlsTransport._send_rtp)
    assert "if is_rtcp(data):\n            data = self._tx_srtp.protect_rtcp(data)" in protecting
    assert "data = self._tx_srtp.protect(data)\n        await self.transport._send(data)" in protecting
    assert "self._send = self._connection.send\n" in inspect.getsource(RTCIceTransport.__init__)
    assert "await self.sendto(data, 1)" in inspect.getsource(Connection.send)
    sending = inspect.getsource(Connection.sendto)
    assert "active_pair = self._nominated.get(component)" in sending
    assert "await active_pair.protocol.send_data(data, active_pair.remote_addr)" in sending
    protocol = inspect.getsource(aioice_ice.StunProtocol.send_data)
    assert "\n        self.transport.sendto(data, addr)" in protocol
    assert not inspect.iscoroutinefunction(aioice_turn.TurnTransport.sendto)


async def test_gathered_candidates_have_datagram_sockets() -> None:
    connection = Connection(ice_controlling=True)
    (candidate,) = await connection.get_component_candidates(1, ["127.0.0.1"])
    assert isinstance(candidate, Candidate)
    (protocol,) = connection._protocols
    assert callable(protocol.transport.abort)
    assert protocol.transport.get_write_buffer_size() == 0
    await connection.close()


def test_a_relays_closing_task_has_its_name() -> None:
    source = inspect.getsource(aioice_turn.TurnTransport)
    assert "self.__close_task: asyncio.Task[None] | None = None" in source
    assert "finally:" in inspect.getsource(aioice_turn.TurnClientMixin.delete)


def test_nothing_else_touches_private_names() -> None:
    """Private attributes of other objects, as `x._name`, outside the one file and of `self` or `cls`."""
    pattern = re.compile(r"(?:dtls|ice|transport|gatherer|connection|aiortc|aioice)\._(?!_)\w+")
    root = Path(edgemeet.__file__).parent / "rtc"
    found = [
        (path.name, match.group())
        for path in root.glob("*.py")
        if path.name != "aiortc_private.py"
        for match in pattern.finditer(path.read_text())
    ]
    assert found == []
