import os
import socket

import pytest

from edgemeet.encoded import AccessUnit
from edgemeet.media import messages, wire
from edgemeet.media.outlet import Outlet, ParentGone


@pytest.fixture
def ends():
    child, parent = socket.socketpair()
    with child, parent:
        parent.setblocking(False)
        yield Outlet(child), parent


def header_and_data(number, size=20_000):
    data = number.to_bytes(4, "big") * (size // 4)
    return wire.unit_header(0, number, False, None, len(data)), data


def read_all(parent):
    decoder, messages = wire.Decoder(), []
    while True:
        try:
            messages += decoder.feed(parent.recv(1 << 20))
        except BlockingIOError:
            return messages, decoder


def test_what_the_parent_does_not_read_is_dropped_at_the_source(ends):
    outlet, parent = ends
    accepted = [number for number in range(2_000) if outlet.offer(*header_and_data(number))]
    assert 1 <= len(accepted) < 100  # 40 MB were offered; the kernel holds half of one
    assert outlet.congested()

    messages, decoder = read_all(parent)
    assert not outlet.congested()  # sends the rest of the unfinished one
    while rest := read_all_more(parent, decoder):
        messages += rest
        outlet.congested()
    assert [unit.data[:4] for unit in messages] == [n.to_bytes(4, "big") for n in accepted]
    assert all(isinstance(unit, AccessUnit) and len(unit.data) == 20_000 for unit in messages)


def read_all_more(parent, decoder):
    try:
        return decoder.feed(parent.recv(1 << 20))
    except BlockingIOError:
        return []


def test_a_message_larger_than_the_socket_arrives_whole(ends):
    outlet, parent = ends
    assert outlet.offer(*header_and_data(7, 3 << 20))
    decoder, messages = wire.Decoder(), []
    while not messages:
        messages += read_all_more(parent, decoder)
        outlet.congested()
    assert len(messages[0].data) == 3 << 20


def test_a_fault_is_not_waited_for_for_ever(ends):
    outlet, _ = ends
    while outlet.offer(*header_and_data(1)):
        pass
    assert not outlet.deliver(messages.Fault("DeviceBusy", "c", "m", None), timeout=0.05)


def test_a_parent_that_is_gone_is_noticed_from_either_side(ends):
    outlet, parent = ends
    parent.close()
    with pytest.raises(ParentGone):
        outlet.commands()
    with pytest.raises(ParentGone):
        outlet.offer(b"data")


def test_commands_come_in_order(ends):
    outlet, parent = ends
    assert outlet.commands() == ()
    commands = [
        messages.RequestKeyframe(1),
        messages.SetBitrate(0, 5),
        messages.SetActive(2, False),
        messages.Stop(),
    ]
    parent.send(b"".join(map(wire.encode, commands)))
    assert outlet.commands(1.0) == commands


def test_no_descriptor_is_kept(ends):
    before = len(os.listdir("/proc/self/fd"))
    a, b = socket.socketpair()
    with a, b:
        Outlet(a)
    assert len(os.listdir("/proc/self/fd")) == before
