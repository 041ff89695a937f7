"""Sloppy requests are served: what can be coerced is, what cannot is dropped, and only the unusable is refused."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from openrtb.model import BidRequest, Imp
from openrtb.parse import Malformed, dropped, parse


def request(**fields: Any) -> bytes:
    return msgspec.json.encode({"id": "r1", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}], **fields})


def banner(**fields: Any) -> bytes:
    return request(imp=[{"id": "1", "banner": fields}])


def test_a_clean_request_is_read_as_it_is() -> None:
    parsed = parse(
        request(
            at=1,
            tmax=120,
            cur=["USD"],
            bcat=["IAB7"],
            site={"domain": "news.example", "page": "https://news.example/a", "content": {"cat": ["IAB3"]}},
            device={"ua": "x", "geo": {"country": "USA", "city": "Troy"}},
            user={"buyeruid": "u", "ext": {"consent": "CP", "eids": [{"source": "s", "uids": [{"id": "i"}]}]}},
            regs={"ext": {"gdpr": 1, "us_privacy": "1YNN"}},
            source={"ext": {"schain": {"complete": 1, "nodes": [{"asi": "a", "sid": "b"}]}}},
            unknown={"deep": [1, {"x": None}]},
        )
    )
    assert parsed.repairs is None
    assert (parsed.id, parsed.at, parsed.tmax, parsed.cur, parsed.bcat) == ("r1", 1, 120, ["USD"], ["IAB7"])
    assert parsed.imp[0].banner is not None and parsed.imp[0].banner.w == 300
    assert parsed.site is not None and parsed.site.content is not None and parsed.site.content.cat == ["IAB3"]
    assert parsed.device is not None and parsed.device.geo is not None and parsed.device.geo.city == "Troy"
    assert parsed.user is not None and parsed.user.ext is not None and parsed.user.ext.consent == "CP"
    assert parsed.user.ext.eids is not None and parsed.user.ext.eids[0].uids is not None
    assert parsed.regs is not None and parsed.regs.ext is not None and parsed.regs.ext.us_privacy == "1YNN"
    assert parsed.source is not None and parsed.source.ext is not None and parsed.source.ext.schain is not None


def test_null_is_absent_and_needs_no_repair() -> None:
    parsed = parse(request(site=None, bcat=None, at=None))
    assert parsed == parse(request())


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"at": "1"}, {"at": 1}),
        ({"at": " 2 "}, {"at": 2}),
        ({"at": 1.0}, {"at": 1}),
        ({"tmax": "120.0"}, {"tmax": 120}),
        ({"test": True}, {"test": 1}),
        ({"test": "false"}, {"test": 0}),
        ({"bcat": [7, "IAB1", 7.0]}, {"bcat": ["7", "IAB1", "7"]}),
        ({"bcat": "IAB1"}, {"bcat": ["IAB1"]}),
        ({"badv": ["a.example", None, {}, "b.example"]}, {"badv": ["a.example", "b.example"]}),
        ({"bcat": [["IAB1"], "IAB2"]}, {"bcat": ["IAB1", "IAB2"]}),
        ({"cur": "USD, EUR,"}, {"cur": ["USD", "EUR"]}),
        ({"tmax": [120]}, {"tmax": 120}),
        ({"tmax": [120, 130]}, {"tmax": None}),
        ({"id": 2**64 - 1}, {"id": "18446744073709551615"}),
        ({"cur": {}}, {"cur": None}),
        ({"site": []}, {"site": None}),
        ({"site": "news.example"}, {"site": None}),
        ({"tmax": "soon"}, {"tmax": None}),
        ({"tmax": 120.5}, {"tmax": None}),
        ({"tmax": 2**31}, {"tmax": None}),
        ({"tmax": "9" * 5000}, {"tmax": None}),
        ({"at": {"x": 1}}, {"at": None}),
        ({"id": 17}, {"id": "17"}),
    ],
)
def test_a_wrong_type_is_mended_or_dropped_and_named(sent: dict[str, Any], read: dict[str, Any]) -> None:
    parsed = parse(request(**sent))
    assert {name: getattr(parsed, name) for name in read} == read
    assert parsed.repairs is not None and len(parsed.repairs) >= 1
    assert all(repair.startswith(next(iter(sent))) for repair in parsed.repairs)
    parsed.repairs = None
    clean = request(**{name: value for name, value in read.items() if value is not None})
    assert parsed == parse(clean)  # and nothing else was touched


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"w": 300.0, "h": "250"}, {"w": 300, "h": 250}),
        ({"mimes": "image/png"}, {"mimes": ["image/png"]}),
        ({"battr": ["1", 2.0, "x"]}, {"battr": [1, 2]}),
        ({"format": {"w": 300, "h": 250}}, {"format": [{"w": 300, "h": 250}]}),
        ({"format": [{"w": "300", "h": 250}, 7]}, {"format": [{"w": 300, "h": 250}]}),
    ],
)
def test_inside_an_imp(sent: dict[str, Any], read: dict[str, Any]) -> None:
    parsed = parse(banner(**sent))
    assert parsed.repairs
    parsed.repairs = None
    assert parsed == parse(banner(**read))


def test_a_repair_says_where_and_what() -> None:
    parsed = parse(banner(w="300", mimes={}))
    assert parsed.repairs == [
        "imp[0].banner.w: '300' read as 300",
        "imp[0].banner.mimes: '{}' dropped; it is not an array",
    ]


def test_what_is_dropped_is_counted_by_its_path_without_positions() -> None:
    before = dropped.copy()
    parse(request(tmax="soon", badv=["a.example", {}, {}], imp=[{"id": "1", "banner": {"w": "wide", "h": "250"}}, 7]))
    assert dropped - before == {"tmax": 1, "badv": 2, "imp.banner.w": 1, "imp": 1}


def test_only_so_many_paths_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openrtb.parse.dropped", few := Counter[str]())
    monkeypatch.setattr("openrtb.parse.MOST_PATHS", 2)
    for field in ("tmax", "at", "test", "tmax", "cattax"):
        parse(request(**{field: {}}))
    assert few == {"tmax": 2, "at": 1, "other": 2}


def test_an_array_of_one_is_read_as_what_it_holds() -> None:
    parsed = parse(request(site=[{"domain": ["news.example"], "publisher": [{"id": [7]}]}]))
    assert parsed.site is not None and parsed.site.publisher is not None
    assert (parsed.site.domain, parsed.site.publisher.id) == ("news.example", "7")
    assert parse(request(site=[{}, {}])).site is None


def test_numbers_of_any_length_are_read_or_dropped() -> None:
    many = b"9" * 6_000
    parsed = parse(
        b'{"id":"a","tmax":%b,"imp":[{"id":"1","bidfloor":%b,"instl":-%b}],"x":%b}' % (many, many, many, many)
    )
    assert (parsed.tmax, parsed.imp[0].instl, parsed.imp[0].bidfloor) == (None, None, -1)


def test_a_native_request_sent_as_an_object_becomes_its_text() -> None:
    parsed = parse(request(imp=[{"id": "1", "native": {"request": {"ver": "1.2", "assets": []}}}]))
    assert parsed.imp[0].native is not None and parsed.imp[0].native.request is not None
    assert msgspec.json.decode(parsed.imp[0].native.request) == {"ver": "1.2", "assets": []}


@pytest.mark.parametrize("unreadable", ["yes", {}, [1], 1e30])
def test_a_privacy_signal_that_cannot_be_read_protects(unreadable: Any) -> None:
    regs, device = {"coppa": unreadable, "gdpr": unreadable}, {"lmt": unreadable, "dnt": unreadable}
    parsed = parse(request(regs=regs, device=device))
    assert parsed.regs is not None and parsed.device is not None
    assert (parsed.regs.coppa, parsed.regs.gdpr, parsed.device.lmt, parsed.device.dnt) == (1, 1, 1, 1)


def test_an_unusable_imp_is_dropped_if_others_remain() -> None:
    parsed = parse(request(imp=[{"banner": {}}, 5, {"id": "2"}, {"id": ""}]))
    assert parsed.imp == [Imp(id="2")]
    assert parsed.repairs is not None and len(parsed.repairs) == 3


def test_broken_characters_are_replaced() -> None:
    body = b'{"id":"r1","imp":[{"id":"1"}],"device":{"ua":"cut \\ud83d","os":"\xff"},"site":{"domain":"caf\xc3\xa9"}}'
    parsed = parse(body)
    assert parsed.device is not None and parsed.site is not None
    assert (parsed.device.ua, parsed.device.os, parsed.site.domain) == ("cut ?", "�", "café")
    msgspec.json.encode(parsed)  # everything in it can be written again


def test_a_byte_order_mark_is_skipped() -> None:
    assert parse(b"\xef\xbb\xbf" + request()).id == "r1"


def test_a_floor_that_cannot_be_read_is_none_that_anybody_bids_on() -> None:
    deals = b'[{"id":"a","bidfloor":NaN},{"id":"b","bidfloor":"inf"}]'
    parsed = parse(b'{"id":"r1","imp":[{"id":"1","bidfloor":1e999,"pmp":{"deals":%b}}]}' % deals)
    assert parsed.imp[0].bidfloor == -1
    assert parsed.imp[0].pmp is not None and parsed.imp[0].pmp.deals is not None
    assert [deal.bidfloor for deal in parsed.imp[0].pmp.deals] == [-1, -1]


def test_a_sender_cannot_write_our_repairs() -> None:
    assert parse(request(repairs=["x"])).repairs is None


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "request"),
        (b"nonsense", "request"),
        (b"[]", "request"),
        (b"null", "request"),
        (b'"text"', "request"),
        (request()[:-1], "request"),
        (request() + b"x", "request"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "request"),
        (b"[" * 100_000, "request"),
        (b'{"imp":[{"id":"1"}]}', "id"),
        (b'{"id":null,"imp":[{"id":"1"}]}', "id"),
        (b'{"id":"","imp":[{"id":"1"}]}', "id"),
        (b'{"id":"1"}', "imp"),
        (b'{"id":"1","imp":null}', "imp"),
        (b'{"id":"1","imp":[]}', "imp"),
        (b'{"id":"1","imp":7}', "imp"),
        (b'{"id":"1","imp":[7]}', "imp[0]"),
        (b'{"id":"1","imp":[{"banner":{}}]}', "imp[0].id"),
    ],
)
def test_the_unusable_is_refused_with_the_field(body: bytes, path: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse(body)
    assert refused.value.problem.path == path
    assert len(str(refused.value)) < 200


def test_the_fast_path_is_the_strict_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openrtb.parse._parse_leniently", lambda body: pytest.fail("a clean request was read twice"))
    assert isinstance(parse(request(at=1)), BidRequest)
