"""Whatever an exchange sends: both ways of reading agree, the auction raises only `Malformed`, no bid on a defective
imp."""

import copy
import json
import random
import time
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bidder.auction import NoBid
from openrtb.decode import decode, decode_through_model, scans
from openrtb.nobid import NoBidReason
from openrtb.parse import Malformed
from openrtb.request import Request
from tests.auction_table import Table
from tests.examples import examples
from tests.fuzz.target import EXCHANGE, NOW_NS, check
from tests.property.requests import CLEAN, IMPS, SLOPPY


@lru_cache(maxsize=1)
def table_of(half_minute: int) -> Table:
    """Leases end after a minute of real time, and these tests may take longer."""
    return Table()


def encoded(document: Any, seed: int) -> bytes:
    """As JSON in one of the ways in which people write it."""
    choose = random.Random(seed)
    text = json.dumps(document, ensure_ascii=choose.random() < 0.6, indent=choose.choice([None, None, 1]))
    return text.encode("utf-8", choose.choice(["replace", "surrogatepass"]))


def served(body: bytes, exchange: str = "usx") -> dict[str, Any] | NoBid | None:
    """The auction's answer; None for what it calls malformed. Anything else that it raises is a failure."""
    try:
        return table_of(int(time.monotonic() // 30)).decide(body, exchange)
    except Malformed:
        return None


@settings(max_examples=examples(300), deadline=None)
@given(CLEAN | SLOPPY, st.integers(0, 2**32))
def test_any_request(document: dict[str, Any], seed: int) -> None:
    body = encoded(document, seed)
    check(body)
    for exchange in ("usx", "cnx"):
        served(body, exchange)


@settings(max_examples=examples(300), deadline=None)
@given(SLOPPY, st.integers(0, 2**32), st.binary(max_size=5))
def test_any_request_with_broken_bytes(document: dict[str, Any], seed: int, noise: bytes) -> None:
    body = encoded(document, seed)
    at = seed % (len(body) + 1)
    body = body[:at] + noise + body[at + seed % 7 :]
    check(body)
    served(body)


BASE = {
    "id": "a", "site": {"domain": "news.example"}, "device": {"geo": {"country": "USA"}}, "user": {"buyeruid": "ann"},
}  # fmt: skip
BANNER = {"w": 300, "h": 250}
FORMATS = ("banner", "video", "audio", "native")
OFFERS = [
    {"banner": {"format": [{"w": 300, "h": 250}, {"wratio": 6, "hratio": 5, "wmin": 100}]}},
    {"video": {"mimes": ["video/mp4"], "protocols": [2, 3, 5, 6, 7, 8], "maxduration": 60}},
    {"audio": {"mimes": ["audio/mpeg", "audio/mp3"]}},
    {"native": {"request": '{"ver":"1.2","assets":[{"id":1,"title":{"len":90}}]}'}},
]  # fmt: skip


@settings(max_examples=examples(250), deadline=None)
@given(IMPS, st.lists(st.sampled_from(OFFERS), min_size=4, max_size=4), st.integers(0, 2**32))
def test_a_bid_is_for_what_its_imp_offers(imps: list[Any], offers: list[Any], seed: int) -> None:
    document = {
        **BASE,
        "imp": [{**imp, **offer, "id": str(n)} for n, (imp, offer) in enumerate(zip(imps, offers, strict=False))],
    }
    body = encoded(document, seed)
    check(body)
    answer = served(body)
    if answer is None or isinstance(answer, NoBid):
        return
    for bid in (bid for seat in answer["seatbid"] for bid in seat["bid"]):
        imp = document["imp"][int(bid["impid"])]
        offer = imp[FORMATS[bid["mtype"] - 1]]
        assert bid["mtype"] in (1, 4) or offer["mimes"]
        floor = imp.get("bidfloor")
        if "dealid" not in bid and isinstance(floor, int | float) and imp.get("bidfloorcur") in (None, "USD"):
            assert 0 <= floor <= bid["price"]
        if "dealid" in bid:
            assert bid["dealid"] in [str(deal["id"]) for deal in imp["pmp"]["deals"]]


DEFECTS: list[dict[str, Any]] = [
    {"bidfloor": -0.01}, {"bidfloor": "-1"}, {"bidfloor": "low"}, {"bidfloor": {}}, {"bidfloor": [1, 2]},
    {"bidfloor": True}, {"bidfloor": 10**400}, {"bidfloor": "1e999"},
    {"video": {}}, {"video": {"mimes": []}}, {"video": {"mimes": None, "w": 1}}, {"video": {"mimes": {}}},
    {"video": {"mimes": [None, {}]}}, {"video": {"mimes": ["video/mp4"], "mincpmpersec": -1}},
    {"audio": {}}, {"audio": {"mimes": []}}, {"audio": {"mimes": ["audio/mpeg"], "mincpmpersec": "x"}},
    {"native": {}}, {"native": {"request": ""}}, {"native": {"request": None}}, {"native": {"request": 1.5e300}},
    {"id": None}, {"id": ""}, {"id": {}}, {"id": "\ud83d"}, {"id": 1e40},
]  # fmt: skip


def bids_by_imp(answer: dict[str, Any] | NoBid | None) -> list[Any]:
    if answer is None or isinstance(answer, NoBid):
        return []
    return [(bid["impid"], bid["price"], bid["crid"]) for bid in answer["seatbid"][0]["bid"]]


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.none() | st.sampled_from(DEFECTS), min_size=1, max_size=5), st.booleans())
def test_no_bid_on_a_defective_imp_and_the_others_as_if_it_were_not_there(defects: list[Any], odd: bool) -> None:
    imps = [{"id": str(n), "banner": BANNER, **copy.deepcopy(defect or {})} for n, defect in enumerate(defects)]
    sound = [imp for imp, defect in zip(imps, defects, strict=True) if defect is None]
    rest = {"at": "2"} if odd else {}  # a number as a string: the whole request goes through the model
    answer = served(json.dumps({**BASE, **rest, "imp": imps}).encode())
    alone = served(json.dumps({**BASE, **rest, "imp": sound}).encode())
    assert bids_by_imp(answer) == bids_by_imp(alone)
    assert {impid for impid, _, _ in bids_by_imp(answer)} <= {imp["id"] for imp in sound}
    assert bool(bids_by_imp(answer)) == bool(sound)
    if not sound and answer is not None:
        assert isinstance(answer, NoBid) and answer.reason == NoBidReason.INVALID_REQUEST


@pytest.mark.parametrize("size", [300_000, 10_000_000])
@pytest.mark.parametrize("filling", [b'"%b"', b"[%b]", b'{"%b":1}', b"%b", b'"%b'], ids=lambda text: text.decode())
@pytest.mark.parametrize("character", [b"1", b"[", b"\\u", b" ", b"\xff", b"\\", b"1,", b'{"a":', b"\0"])
def test_large_bodies(size: int, filling: bytes, character: bytes) -> None:
    stuff = filling % (character * (size // len(character)))
    body = b'{"id":"a","x":%b,"imp":[{"id":"1","banner":{"w":300,"h":250}}]}' % stuff
    check(body)
    answer = served(body)
    assert answer is None or isinstance(answer, NoBid | dict)


@pytest.mark.parametrize("depth", [10, 31, 32, 33, 100, 500, 990, 1000, 1023, 1024, 1025, 20_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
@pytest.mark.parametrize("where", ["x", "site", "imp", "cur", "regs", "native"])
def test_nesting(depth: int, opening: bytes, closing: bytes, where: str) -> None:
    deep = opening * depth + b"1" + closing * depth
    offer = b'"banner":{"w":300,"h":250}'
    if where == "native":
        offer, deep = b'"native":{"request":{"q":%b}}' % deep, b"1"
        where = "x"
    body = b'{"id":"a","imp":[{"id":"1",%b}],"%b":%b}' % (offer, where.encode(), deep)
    check(body)
    served(body)


def test_what_only_a_part_of_a_body_says_is_not_read_beyond_its_end() -> None:
    """A scanner that read on would find the rest: every cut of a request is refused, whatever lies behind it."""
    whole = json.dumps({**BASE, "imp": [{"id": "1", "banner": BANNER, "bidfloor": 0.5}]}).encode()
    request = Request()
    for end in range(len(whole)):
        assert not scans(whole[:end], EXCHANGE)
        with pytest.raises(Malformed):
            decode(request, whole[:end], EXCHANGE, NOW_NS)
        with pytest.raises(Malformed):
            decode_through_model(request, whole[:end], EXCHANGE, NOW_NS)
