"""Ids that lenders have: registers of people, cards, devices, addresses of the internet."""

import ipaddress
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.naming import person_key
from targeting.addresses import address, read_range
from targeting.identity_keys import parse_person, shown
from tests.examples import examples


def test_numbers_are_hashed_at_the_door() -> None:
    card = sha256(b"4111111111111111").hexdigest()
    assert parse_person("card:4111 1111-1111 1111") == parse_person(f"card_sha256:{card.upper()}")
    assert parse_person(f"card_sha256:{card}") == person_key("card_sha256", card)
    register = sha256(b"AB123456C").hexdigest()
    assert parse_person("national_id:ab 12-34.56/c") == parse_person(f"national_id_sha256:{register}")
    assert parse_person(f"national_id_sha256:{register}") != parse_person(f"address_sha256:{register}")
    assert parse_person("device:Fp/1") == person_key("device", "Fp/1") != parse_person("device:fp/1")
    assert parse_person("account:7") == person_key("account", "7") != parse_person("cookie:7")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("card:4111111111111112", "proves the others"),
        ("card:4111", "proves the others"),
        ("national_id:1 2", "4 to 32"),
        ("national_id:Ärztin12", "4 to 32"),
        ("address_sha256:Main Street 1", "64 hexadecimal"),
        ("ip:192.0.2.1/24", "192.0.2.0/24 is the range"),
        ("ip:192.0.2.01", "an address is written"),
        ("ip:192.0.2.0/255.255.255.0", "number of bits"),
        ("ip:fe80::1%eth0", "no zone"),
        ("ip:example.com", "an address is written"),
    ],
)
def test_what_is_none_is_refused_and_not_shown(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        parse_person(text)
    if not text.startswith("ip:"):
        value = text.partition(":")[2]
        assert value not in str(refused.value)
        assert value not in shown(text) or text.startswith("address")


def test_accounts_and_cards_are_not_shown() -> None:
    assert [shown(f"{kind}:4111111111111111") for kind in ("card", "account", "national_id")] == [
        "card:…",
        "account:…",
        "national_id:…",
    ]


@settings(max_examples=examples(150), deadline=None)
@given(st.one_of(st.ip_addresses(), st.integers(0, 1 << 34).map(ipaddress.IPv6Address)), st.integers(0, 128))
def test_addresses_and_ranges_are_written_as_the_library_does(
    one: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int
) -> None:
    mapped = one.ipv4_mapped if isinstance(one, ipaddress.IPv6Address) else None
    plain = mapped or one
    found = address(one.exploded)
    assert found is not None
    assert (found.text, found.key) == (str(plain), person_key("ip", str(plain)))
    network = ipaddress.ip_network((plain, min(length, plain.max_prefixlen)), strict=False)
    written = str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
    assert read_range(network.exploded).text == written
    assert parse_person(f"ip:{network}") == person_key("ip", written)


def test_a_mapped_address_is_the_address() -> None:
    assert parse_person("ip:::ffff:192.0.2.1") == parse_person("ip:192.0.2.1")
    assert read_range("::ffff:10.0.0.0/104").text == "10.0.0.0/8"
    assert read_range("::/0").text == "::/0"
    assert address("192.0.2.1\0") is address("") is address("192.0.2") is None
