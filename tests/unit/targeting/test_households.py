"""Which addresses are one household, and which are none."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from targeting.households import device_key, household_key, household_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3"),
        ("2001:DB8:1:2::1", "2001:0db8:0001:0002:0000:0000:0000:0001"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_same_household(one: str, other: str) -> None:
    assert household_of(one) == household_of(other) != 0


@pytest.mark.parametrize(
    "address",
    [
        "", "x", "203.0.113", "203.0.113.0", "113.76.1.*", "2001:db8:1::", "2001:db8:1:0::", "203.0.113.9 ", "é",
        "10.1.2.3", "172.16.0.9", "172.31.255.9", "192.168.1.7", "127.0.0.1", "169.254.1.1", "100.64.0.9", "::1",
        "fe80::9", "fd00::9", "::ffff:10.1.2.3",
    ],
)  # fmt: skip
def test_no_household(address: str) -> None:
    assert household_of(address) == 0


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_ipv4_addresses_are_households_of_their_own(one: ipaddress.IPv4Address, other: ipaddress.IPv4Address) -> None:
    numbers = household_of(str(one)), household_of(str(other))
    if one != other and all(numbers):
        assert numbers[0] != numbers[1]
    inside = [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
                                                    "127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/8")]  # fmt: skip
    assert (numbers[0] == 0) == (one.packed[3] == 0 or any(one in net for net in inside))


@given(st.ip_addresses(v=6, network="2000::/3"), st.integers(1, 2**64 - 1))
def test_an_ipv6_household_is_64_bits(address: ipaddress.IPv6Address, interface: int) -> None:
    site = int(address) >> 64 << 64
    one, other = (str(ipaddress.IPv6Address(site | low)) for low in (interface, interface ^ 1 or 2))
    assert household_of(one) == household_of(other) != 0


def test_keys_are_apart() -> None:
    assert len({device_key(5), household_key(5), 5}) == 3 and device_key(0) == household_key(0) == 0
