"""Whether an address is still on this machine, and which one packets would leave from. None is sent."""

from __future__ import annotations

import errno
import socket


def is_local(address: str) -> bool:
    """Whether a socket could be bound to `address`; True as well where the kernel does not say."""
    try:
        with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError as error:
        # Others say nothing about the address: a link-local one lacks its interface, descriptors run out.
        return error.errno != errno.EADDRNOTAVAIL
    return True


def source_address(remote: tuple[str, int]) -> str | None:
    """The address that packets to `remote` would leave from, by the routes as they are, if there is a way."""
    try:
        with socket.socket(_family(remote[0]), socket.SOCK_DGRAM) as probe:
            probe.connect(remote)  # of UDP, this only asks the routes
            return str(probe.getsockname()[0])
    except OSError:
        return None


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
