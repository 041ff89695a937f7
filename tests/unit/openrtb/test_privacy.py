"""What is left of a person who is forgotten, and how the reasons are told."""

import json
from typing import Any

import pytest

from domain.exchange import Exchange
from openrtb.decode import decode
from openrtb.privacy import raised
from openrtb.request import Request
from openrtb.tcf import Vendor
from tests.consent_writing import TcState, gpp, us_core

EXCHANGE = Exchange(1, "usx", "USD", {"banner": "burl"})


def request(**parts: Any) -> Request:
    r = Request()
    body = {"id": "1", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}], **parts}
    assert decode(r, json.dumps(body).encode(), EXCHANGE, 0) == 0
    return r


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("203.0.113.*", "203.0.113.0"),
        ("2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234::"),
        ("2001:db8:1234:5678::1", "2001:db8:1234::"),
        ("2001:218::1", "2001:218::"),
        ("::1", "::"),
        ("::ffff:203.0.113.77", "::"),
        ("somebody", ".0"),
    ],
)
def test_an_address_loses_what_tells_households_apart(address: str, left: str) -> None:
    r = request(device={"ip": address})
    assert r.address == address
    r.forget_person()
    assert r.address == left


def test_nothing_of_the_person_is_left() -> None:
    geo = {"country": "USA", "region": "NY", "city": "New York", "lat": 40.7, "lon": -74.0}
    r = request(device={"ifa": "a-b-c", "geo": geo}, user={"id": "u", "buyeruid": "b"})
    assert r.person and r.place == ("USA", "NY", "New York")
    r.forget_person()
    assert (r.personal, r.person, r.city, r.place, r.address) == (False, 0, 0, ("USA", "NY", None), None)


def test_why_a_person_is_not_used() -> None:
    ours = Vendor(755)
    assert raised(request(), ours) == []
    loud = request(device={"lmt": 1, "dnt": 1}, regs={"gdpr": 1, "us_privacy": "1YYN", "ext": {"gpc": "1"}})
    assert raised(loud, ours) == [
        *("lmt", "dnt", "gpc", "no TCF consent that covers us"),
        "a US opt-out, or a US section that cannot be read",
    ]
    assert raised(request(regs={"gpp_sid": [5], "gpp": gpp({5: "B"})}), ours) == ["a GPP section that is not decoded"]
    assert raised(request(regs={"coppa": 1}), ours) == ["coppa"]
    consent = TcState(vendor_consents={755}).text()
    covered = request(regs={"gdpr": 1, "gpp_sid": [8], "gpp": gpp({8: us_core([0] * 20)})}, user={"consent": consent})
    assert raised(covered, ours) == []


def test_texts_of_one_request_are_not_taken_for_the_next_ones() -> None:
    ours, consent = Vendor(755), TcState(vendor_consents={755}).text()
    r = request(regs={"gdpr": 1, "us_privacy": "1YNN"}, user={"consent": consent})
    assert raised(r, ours) == []
    body = {"id": "2", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}], "regs": {"gdpr": 1}}
    assert decode(r, json.dumps(body).encode(), EXCHANGE, 0) == 0
    assert raised(r, ours) == ["no TCF consent that covers us"]
    assert r.fields()["us_privacy"] == b""
