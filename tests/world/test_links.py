"""The kernel's own messages where a network namespace can be had; made-up ones everywhere."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.world import LinkWatch
from edgemeet.world.netlink import (
    IFA_F_TENTATIVE,
    IFF_LOOPBACK,
    IFF_RUNNING,
    RTM_DELADDR,
    RTM_DELROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    Networks,
    messages,
)


def link(index: int, flags: int) -> bytes:
    return struct.pack("=BxHiII", 0, 1, index, flags, 0)


def address(index: int, text: str, flags: int = 0) -> bytes:
    value = socket.inet_aton(text)
    return struct.pack("=BBBBI", 2, 24, flags, 0, index) + struct.pack("=HH", 4 + len(value), 2) + value


def ipv6_address(index: int, text: str, scope: int) -> bytes:
    value = socket.inet_pton(socket.AF_INET6, text)
    return struct.pack("=BBBBI", 10, 64, 0, scope, index) + struct.pack("=HH", 4 + len(value), 1) + value


def route(
    prefix: int, table: int = 254, *, link: int = 2, metric: int | None = None, family: int = 2, kind: int = 1
) -> bytes:
    found = struct.pack("=HHI", 8, 4, link) + (b"" if metric is None else struct.pack("=HHI", 8, 6, metric))
    return struct.pack("=BBBBBBBBI", family, prefix, 0, 0, table, 0, 0, kind, 0) + found


def test_only_what_became_usable_counts() -> None:
    networks = Networks()
    assert not networks.take(RTM_NEWLINK, link(1, IFF_LOOPBACK | IFF_RUNNING))
    assert not networks.take(RTM_NEWADDR, address(1, "127.0.0.1"))
    assert not networks.take(RTM_NEWLINK, link(2, 0))
    assert networks.take(RTM_NEWLINK, link(2, IFF_RUNNING))
    assert not networks.take(RTM_NEWLINK, link(2, IFF_RUNNING)), "told again, with another signal strength"
    assert not networks.take(RTM_NEWADDR, address(2, "192.0.2.1", IFA_F_TENTATIVE))
    assert networks.take(RTM_NEWADDR, address(2, "192.0.2.1"))
    assert not networks.take(RTM_NEWADDR, address(2, "192.0.2.1")), "told again, with another lifetime"
    assert not networks.take(RTM_DELADDR, address(2, "192.0.2.1"))
    assert networks.take(RTM_NEWADDR, address(2, "192.0.2.1"))
    assert not networks.take(RTM_NEWLINK, link(2, 0))
    assert networks.take(RTM_NEWLINK, link(2, IFF_RUNNING)), "the cable is back"
    assert not networks.take(RTM_NEWADDR, ipv6_address(2, "fe80::1", 253)), "no media leaves from it"
    assert networks.take(RTM_NEWADDR, ipv6_address(2, "2001:db8::1", 0))
    assert networks.take(RTM_NEWROUTE, route(0))
    assert not networks.take(RTM_NEWROUTE, route(24))
    assert not networks.take(RTM_NEWROUTE, route(0, table=255))
    assert not networks.take(RTM_NEWROUTE, route(0)), "told again"


def test_another_way_out_counts() -> None:
    networks = Networks()
    assert networks.take(RTM_NEWROUTE, route(0, link=2, metric=100))
    assert networks.take(RTM_NEWROUTE, route(0, link=3, metric=600))
    assert networks.take(RTM_DELROUTE, route(0, link=2, metric=100)), "packets go over the other one now"
    assert not networks.take(RTM_DELROUTE, route(0, link=2, metric=100)), "told twice"
    assert networks.take(RTM_NEWROUTE, route(0, link=4, metric=600)), "replaced, which is not told apart"
    assert not networks.take(RTM_DELROUTE, route(0, link=4, metric=600)), (
        "the last one: nothing is better by it"
    )
    assert not networks.take(RTM_NEWROUTE, route(0, kind=7)), "an unreachable route leads nowhere"
    assert networks.take(RTM_NEWROUTE, route(0, family=10, link=2, metric=100))
    assert networks.take(RTM_NEWROUTE, route(0, family=10, link=3, metric=100)), "of IPv6 there may be two"
    assert networks.take(RTM_DELROUTE, route(0, family=10, link=3, metric=100))


@given(st.binary(max_size=200))
def test_no_datagram_breaks_it(data: bytes) -> None:
    networks = Networks()
    for kind, payload in messages(data):
        networks.take(kind, payload)
    for kind in (16, 17, 20, 21, 24, 25, 3, 0):
        networks.take(kind, data)


def run_ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True, timeout=20)


@pytest.fixture
def namespace() -> Iterator[Callable[[str], None]]:
    """This thread in a network namespace of its own, and ip(8) in it."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
        os.close(home)
        pytest.skip("no network namespace to be had without root")
    try:
        yield run_ip
    finally:
        libc.setns(home, 0)
        os.close(home)


async def test_a_real_cable_a_real_address_and_a_real_route(namespace: Callable[[str], None]) -> None:
    try:
        namespace("link add one type veth peer name two")
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no ip(8), or no veth in this kernel")
    for name in ("one", "two"):
        namespace(f"link set {name} addrgenmode none")  # IPv6 finds addresses by itself, at its own time
    namespace("link set one up")
    changed = asyncio.Event()
    watch = asyncio.create_task(LinkWatch(changed.set).run())

    async def tells(words: str) -> bool:
        changed.clear()
        namespace(words)
        try:
            async with asyncio.timeout(2.0):
                await changed.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(0.5)  # what belongs to the same change
        return True

    try:
        await asyncio.sleep(0.5)
        assert not changed.is_set(), "what was there before is no change"
        assert await tells("link set two up"), "the cable is plugged in"
        assert await tells("address add 192.0.2.1/24 dev one")
        assert await tells("route add default via 192.0.2.2")
        assert await tells("route add default via 192.0.2.3 metric 600")
        assert await tells("route del default via 192.0.2.2"), "the other one is the way now"
        assert not await tells("route del default via 192.0.2.3"), "no way is no better way"
        assert not await tells("link set two down"), "what is lost makes nothing better"
        assert await tells("link set two up")
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
