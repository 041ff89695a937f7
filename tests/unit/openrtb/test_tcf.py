"""TC Strings: those of the specification, those that the IAB's own library wrote, and what they let a vendor do."""

import json
from pathlib import Path
from typing import Any

import pytest

from openrtb.tcf import Consent, Vendor
from tests.consent_writing import TcState

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "consent_tcf.json").read_text())["vectors"]
SETS = ("special_feature_opt_ins", "purpose_consents", "purpose_legitimate_interests")
US = 755
ALL = {1, 2, 3, 4, 7}


def members(runs: str) -> set[int]:
    found: set[int] = set()
    for run in runs.split():
        first, _, last = run.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["text"][6:14])
def test_what_another_implementation_wrote_is_read(vector: dict[str, Any]) -> None:
    consent = Consent(vector["text"])
    fields = consent.fields()
    for name in fields:
        assert fields[name] == (frozenset(vector[name]) if name in SETS else vector[name]), name
    for method, name in (
        (consent.vendor_consent, "vendor_consents"),
        (consent.vendor_legitimate_interest, "vendor_legitimate_interests"),
    ):
        assert {v for v in range(1300) if method(v)} == members(vector[name]), name
    if vector["disclosed"] is None:
        assert consent.disclosed(1) is None
    else:
        assert {v for v in range(1300) if consent.disclosed(v)} == members(vector["disclosed"])
    expected: dict[tuple[int, int], set[int]] = {}
    for purpose, kind, who in vector["restrictions"]:
        for vendor in members(who):
            expected.setdefault((purpose, vendor), set()).add(kind)
    for purpose in range(1, 12):
        for vendor in range(1, 1300):
            assert consent.restrictions(purpose, vendor) == expected.get((purpose, vendor), set())
    purposes = vector["publisher_purposes"]
    assert consent.publisher_purposes() == (tuple(map(frozenset, purposes)) if purposes else None)


def test_the_vectors_show_every_kind() -> None:
    assert {v["policy_version"] for v in VECTORS} == {2, 4, 5}
    assert sum(bool(v["restrictions"]) for v in VECTORS) > 5
    assert (
        {v["disclosed"] is None for v in VECTORS} == {v["publisher_purposes"] is None for v in VECTORS} == {True, False}
    )


def test_the_string_of_the_specification() -> None:
    consent = Consent("CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA")
    fields = consent.fields()
    assert (fields["consent_language"], fields["publisher_country"], fields["policy_version"]) == ("EN", "DE", 2)
    assert fields["created"] == fields["last_updated"] == 17_489_088_000  # 2025-06-03
    assert fields["is_service_specific"] and fields["cmp_id"] == 880
    assert {v for v in range(2000) if consent.disclosed(v)} == {1, 2, 3, 4, 5, 100, 404}  # as @iabtcf/core reads it
    assert not Vendor(404).granted("CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA.IDKQA4AAgAKAGQAygAAA.YAAAAAAAAAAA")


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "C", "~", "BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", "DBABM~1YNN", "not a consent", "CO\0", "ü"),
        *("CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAA", "CQSbk4AQSbk4ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA." * 9),
    ],
)
def test_what_is_no_tc_string_consents_to_nothing(text: str) -> None:
    assert Vendor(US).granted(text) == set()
    assert not Vendor(US).may_profile(text)
    with pytest.raises(ValueError, match="must be a TC String"):
        Consent(text)


def granted(vendor: Vendor | None = None, **state: Any) -> frozenset[int]:
    return (vendor or Vendor(US)).granted(TcState(**{"vendor_consents": {US}, **state}).text())


def test_consent_to_us_and_to_the_purposes() -> None:
    assert granted() == ALL
    assert granted(purpose_consents={1, 2}) == {1, 2}
    assert granted(vendor_consents={1, US - 1, US + 1}) == set()
    assert granted(Vendor(0)) == set()
    assert Vendor(US).may_profile(TcState(vendor_consents={US}).text())
    assert not Vendor(US).may_profile(TcState(vendor_consents={US}, purpose_consents=ALL - {4}).text())
    assert Vendor(US, purposes=(1, 2)).may_profile(TcState(vendor_consents={US}, purpose_consents={1, 2}).text())
    assert not Vendor(0, purposes=()).may_profile(TcState().text())


def test_legitimate_interest_where_it_is_declared_and_allowed() -> None:
    ours = Vendor(US, legitimate_interests=(2, 4, 7))
    interest: dict[str, Any] = {"vendor_interests": {US}, "purpose_interests": {2, 4, 7}, "purpose_consents": {1, 3}}
    assert granted(ours, **interest) == {1, 2, 3, 7}  # purpose 4 is by consent only under policy 4
    assert granted(ours, **interest, policy=3, created=16_000_000_000) == {1, 2, 3, 4, 7}
    assert granted(Vendor(US), **interest) == {1, 3}  # declared on consent: an interest does not help
    assert granted(ours, **{**interest, "vendor_interests": set()}) == {1, 3}  # objected to


@pytest.mark.parametrize(
    ("types", "vendor", "allowed"),
    [
        ((0,), Vendor(US), False),
        ((0,), Vendor(US, flexible=(2,)), False),
        ((1,), Vendor(US), True),  # on consent already
        ((2,), Vendor(US), False),  # on consent, and not flexible
        ((2,), Vendor(US, flexible=(2,)), True),
        ((1,), Vendor(US, legitimate_interests=(2,)), False),
        ((1,), Vendor(US, legitimate_interests=(2,), flexible=(2,)), True),
        ((2,), Vendor(US, legitimate_interests=(2,)), True),
        ((1, 2), Vendor(US, flexible=(2,)), False),
        ((3,), Vendor(US), False),
    ],
)
def test_publisher_restrictions(types: tuple[int, ...], vendor: Vendor, allowed: bool) -> None:
    state: dict[str, Any] = {"vendor_interests": {US}, "purpose_interests": {2}}
    restrictions = [(2, kind, {9, US}) for kind in types]
    assert (2 in granted(vendor, **state, restrictions=restrictions)) == allowed
    assert 2 in granted(vendor, **state, restrictions=[(2, kind, {9}) for kind in types])  # of somebody else
    assert 2 in granted(vendor, **state, restrictions=[(7, kind, {US}) for kind in types])  # of something else


def test_no_interest_by_way_of_a_restriction_where_none_is_allowed() -> None:
    state: dict[str, Any] = {"vendor_interests": {US}, "purpose_interests": {4}, "restrictions": [(4, 2, {US})]}
    assert 4 not in granted(Vendor(US, flexible=(4,)), **state)
    assert 4 in granted(Vendor(US, flexible=(4,)), **state, policy=2, created=16_000_000_000)


def test_strings_that_nobody_may_rely_on() -> None:
    assert granted(service_specific=False) == set()  # the scope of all services is gone
    assert granted(policy=3) == set()  # a policy that had ended when the string was made
    assert granted(policy=3, created=16_000_000_000) == ALL


def test_a_vendor_must_be_among_the_disclosed_ones() -> None:
    assert granted(disclosed={US}) == ALL
    assert granted(disclosed={1}) == set()
    assert granted(policy=5, disclosed={US}) == ALL
    assert granted(policy=5) == set()  # mandatory since v2.3


def test_a_vendor_says_what_it_declares() -> None:
    with pytest.raises(ValueError, match="1 to 65535"):
        Vendor(65536)
    with pytest.raises(ValueError, match="purposes: 25 is not allowed"):
        Vendor(1, purposes=(25,))
    with pytest.raises(ValueError, match="by consent only"):
        Vendor(1, legitimate_interests=(1,))
