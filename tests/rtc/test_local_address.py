import pytest

from edgemeet.rtc.local_address import is_local, source_address


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("192.0.2.7", False),
        ("2001:db8::7", False),
        ("fe80::7", True),
    ],
    ids=["loopback", "of another machine", "of another machine, IPv6", "link-local: not known"],
)
def test_an_address_is_gone_only_where_the_kernel_says_so(address: str, local: bool) -> None:
    assert is_local(address) is local


def test_where_packets_would_come_from() -> None:
    assert source_address(("127.0.0.1", 9)) == "127.0.0.1"
    assert source_address(("255.255.255.255", 9)) is None, "no broadcast without permission"
