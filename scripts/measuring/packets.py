"""The floor of a packet: encryption and the socket, nothing else."""

from __future__ import annotations

import socket
import time

from pylibsrtp import Policy, Session

_PACKETS = 20_000
_PAYLOAD = 1_100  # bytes, as video has them


def per_packet() -> float:
    """Seconds of processor time that it takes to protect an RTP packet and send it over loopback."""
    policy = Policy(
        key=bytes(30), ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    )
    session = Session(policy)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        address = receiver.getsockname()
        began = time.process_time()
        for number in range(_PACKETS):
            header = b"\x80\x60" + (number & 0xFFFF).to_bytes(2, "big") + number.to_bytes(4, "big") + b"SSRC"
            sender.sendto(session.protect(header + bytes(_PAYLOAD)), address)
        return (time.process_time() - began) / _PACKETS
