"""Kinds of the things that the graph joins, and the words by which they are written."""

from typing import NamedTuple

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
    """The node written ``KIND:VALUE``, as `targeting.identity_keys` has it; a range of addresses is none.

    Raises ValueError saying what is wrong, without the value.
    """
    word, _, value = text.partition(":")
    if word == "ip" and "/" in value:
        raise ValueError("a range is no node of the graph: an address is written ip:192.0.2.1 or ip:2001:db8::1")
    return Node(parse_person(text), KIND_OF_WORD.get(word, OTHER))
