"""The ids that a request names its person by: which, in what order, and under which keys."""

import json

import pytest

from domain.exchange import Exchange
from openrtb.decode import decode, decode_through_model, scans
from openrtb.person_ids import named_by
from openrtb.request import Request
from targeting.identity_keys import parse_person

EXCHANGE = Exchange(1, "usx", "USD", "burl")
IMP = [{"id": "1", "banner": {"w": 300, "h": 250}}]
IFA = "6D92078A-8246-4BA4-AE5B-76104861E7DC"


def eid(source: str, *ids: str, **rest: object) -> dict[str, object]:
    return {"source": source, "uids": [{"id": one, "atype": rest.get("atype", 1)} for one in ids],
            **({"mm": rest["mm"]} if "mm" in rest else {})}  # fmt: skip


CASES: list[tuple[dict[str, object], list[str]]] = [
    ({}, []),
    ({"user": {"id": "u"}}, ["user:usx:u"]),
    ({"user": {"id": "u", "buyeruid": "B"}, "device": {"ifa": IFA}}, [f"ifa:{IFA}", "buyeruid:usx:B", "user:usx:u"]),
    ({"user": {"id": "u"}, "device": {"ifa": "00000000-0000-0000-0000-000000000000"}}, ["user:usx:u"]),
    ({"user": {"id": "u"}, "device": {"ifa": "0" * 32}}, ["user:usx:u"]),
    # persons before devices, what was inferred last, and the exchange's own id after all of them
    (
        {
            "user": {
                "id": "u",
                "buyeruid": "B",
                "eids": [eid("g.example", "g", atype=3, mm=5), eid("id5-sync.com", "ID5*1"),
                         eid("UIDAPI.com", "T", atype=3)],
                "ext": {"eids": [eid("uidapi.com", "T", "t"), eid("liveramp.com", "XY", atype=3)]},
            }
        },
        ["buyeruid:usx:B", "uid2:T", "rampid:XY", "id5:ID5*1", "uid2:t", "eid:g.example:g", "user:usx:u"],
    ),
    ({"user": {"eids": [eid("a.example", *"abcdefghij")]}}, [f"eid:a.example:{one}" for one in "abcdefgh"]),
    (
        {"user": {"eids": [eid("a.example", "x" * 1024, "y" * 1025), eid("b" * 256, "x")]}},
        ["eid:a.example:" + "x" * 1024],
    ),
    ({"user": {"eids": [eid("Ä.example", "ü")]}}, ["eid:ä.example:ü"]),
    ({"user": {"eids": [eid("", "x"), {"source": "a.example"}, {"source": "b.example", "uids": [{}]}]}}, []),
    ({"user": {"id": "u", "eids": [eid("a.example", "x")]}, "dooh": {"id": "screen"}}, []),
]  # fmt: skip


@pytest.mark.parametrize("way", [decode, decode_through_model])
@pytest.mark.parametrize(("fields", "written"), CASES)
def test_ids_stand_in_the_order_of_trust(way, fields: dict[str, object], written: list[str]) -> None:
    request = Request()
    assert way(request, json.dumps({"id": "r", "imp": IMP, **fields}).encode(), EXCHANGE, 0) == 0
    assert [key for _, key in named_by(request)] == [parse_person(one) for one in written]


def test_eids_do_not_make_a_request_slow_to_read() -> None:
    assert all(
        scans(json.dumps({"id": "r", "imp": IMP, **fields}, ensure_ascii=False).encode(), EXCHANGE)
        for fields, written in CASES
        if not any("ü" in one for one in written)
    )


def test_until_a_record_is_found_the_id_that_lasts_names_the_person() -> None:
    request = Request()
    for user, person in (
        ({"id": "u", "eids": [eid("uidapi.com", "T", atype=3)]}, "user:usx:u"),
        ({"eids": [eid("id5-sync.com", "I"), eid("uidapi.com", "T", atype=3)]}, "uid2:T"),
    ):
        decode(request, json.dumps({"id": "r", "imp": IMP, "user": user}).encode(), EXCHANGE, 0)
        assert request.person == parse_person(person)


def test_words_for_people() -> None:
    request = Request()
    user = {"id": "u", "buyeruid": "B", "eids": [eid("UIDAPI.com", "T")]}
    decode(request, json.dumps({"id": "r", "imp": IMP, "device": {"ifa": IFA}, "user": user}).encode(), EXCHANGE, 0)
    assert [word for word, _ in named_by(request)] == [
        "device.ifa", "user.buyeruid", "the eid of uidapi.com", "user.id"
    ]  # fmt: skip
    assert request.device == parse_person(f"ifa:{IFA}")
