"""sellers.json, as systems serve it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrtb.sellers_json import Seller, Unreadable, parse_sellers_json

# The shape of the example in the specification (sellers.json 1.0, section 4).
FILE = {
    "contact_email": "adops@advertisingsystem.example", "contact_address": "Street 1", "version": "1.0",
    "identifiers": [{"name": "TAG-ID", "value": "28cb65e5bbc0bd5f"}],
    "sellers": [
        {"seller_id": "1942009976", "name": "Publisher1", "seller_type": "PUBLISHER", "domain": "publisher1.example"},
        {"seller_id": "1942009977", "is_confidential": 1, "seller_type": "PUBLISHER"},
        {"seller_id": "00000002", "name": "SSP 1", "seller_type": "INTERMEDIARY", "is_passthrough": 1,
         "domain": "ssp1.example"},
        {"seller_id": "7", "name": "Both", "seller_type": "BOTH", "domain": "both.example", "comment": "x"},
    ],
}  # fmt: skip


def test_the_specifications_shape() -> None:
    read = parse_sellers_json(json.dumps(FILE).encode("utf-8-sig"))
    assert read.sellers == (
        Seller("1942009976", "PUBLISHER", "publisher1.example", "Publisher1"),
        Seller("1942009977", "PUBLISHER", confidential=True),
        Seller("00000002", "INTERMEDIARY", "ssp1.example", "SSP 1", passthrough=True),
        Seller("7", "BOTH", "both.example", "Both"),
    )
    assert (read.contact_email, read.version, read.left_out) == ("adops@advertisingsystem.example", "1.0", 0)


@pytest.mark.parametrize(
    ("entry", "seller"),
    [
        ({"seller_id": 7, "seller_type": "publisher"}, Seller("7", "PUBLISHER")),
        ({"seller_id": 7.0, "seller_type": " Intermediary "}, Seller("7", "INTERMEDIARY")),
        ({"seller_id": " 7 ", "seller_type": None}, Seller("7", "BOTH")),
        ({"seller_id": "7", "seller_type": "AGENCY", "domain": "https://WWW.X.example/"},
         Seller("7", "BOTH", "www.x.example")),
        ({"seller_id": "7", "seller_type": "BOTH", "domain": "none", "is_confidential": "1"},
         Seller("7", "BOTH", confidential=True)),
        ({"seller_id": "7", "seller_type": "BOTH", "name": 5, "is_passthrough": True},
         Seller("7", "BOTH", "", "5", passthrough=True)),
        ({"seller_id": ""}, None), ({"seller_id": None}, None), ({"seller_id": 7.5}, None), ({"seller_id": [1]}, None),
        ("7", None), (None, None), ({}, None),
    ],
)  # fmt: skip
def test_sloppy_entries(entry: object, seller: Seller | None) -> None:
    read = parse_sellers_json(json.dumps({"sellers": [entry]}).encode())
    assert read.sellers == ((seller,) if seller else ())
    assert read.left_out == (seller is None)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"sellers": {}}', b"<html>", b'{"sellers": [1,', b"[" * 100_000])
def test_what_is_no_file(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parse_sellers_json(body)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(("seller_id", "seller_type", "domain", "is_confidential")), inner, max_size=5),
))  # fmt: skip
def test_any_json_is_read_or_refused(value: object) -> None:
    read = parse_sellers_json(json.dumps({"sellers": [value], "version": value}).encode())
    assert len(read.sellers) + read.left_out == 1
