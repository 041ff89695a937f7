"""Kinds of the things that the graph joins, and the words by which they are written."""

from ipaddress import ip_address
from typing import NamedTuple

from domain.naming import person_key
from targeting.identity_keys import parse_person

OTHER, IP, DEVICE, PHONE, EMAIL, ACCOUNT, CARD, NATIONAL_ID, ADDRESS = range(9)
KINDS = ("other", "ip", "device", "phone", "email", "account", "card", "national_id", "address")
"""Names of the kinds by their number."""

KIND_OF_WORD = {
    "ip": IP,
    **dict.fromkeys(("ifa", "idfa", "aaid", "oaid", "device"), DEVICE),
    **dict.fromkeys(("phone", "phone_sha256"), PHONE),
    **dict.fromkeys(("email", "email_sha256"), EMAIL),
    **dict.fromkeys(("account", "first_party", "user", "buyeruid"), ACCOUNT),
    **dict.fromkeys(("card", "card_sha256"), CARD),
    **dict.fromkeys(("national_id", "national_id_sha256"), NATIONAL_ID),
    **dict.fromkeys(("address", "address_sha256"), ADDRESS),
}
"""Kind of a written id's word (``ifa:…``); what has none here, such as a cookie or a bare key, is `OTHER`."""


class Node(NamedTuple):
    """Something that people share, or that is one person's."""

    key: int
    kind: int = OTHER


def parse_node(text: str) -> Node:
    """The node written ``KIND:VALUE``, or ``ip:ADDRESS``. Raises ValueError saying what is wrong, without the value."""
    word, _, value = text.partition(":")
    if word == "ip":
        return Node(address_key(value), IP)
    return Node(parse_person(text), KIND_OF_WORD.get(word, OTHER))


def address_key(written: str) -> int:
    """Key of an IP address; an IPv4 address within IPv6 is the IPv4 one. Raises ValueError for what is none."""
    try:
        address = ip_address(written)
    except ValueError:
        raise ValueError("an address is written ip:203.0.113.9 or ip:2001:db8::1, without a prefix length") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return person_key("ip", str(mapped or address))
