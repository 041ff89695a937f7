"""What only targeting asks for: the bytes walked once more against the typed model, for any bytes."""

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from openrtb.decode import decode
from openrtb.decode_context import context_of, context_through_model, scans
from openrtb.parse import Malformed
from openrtb.request import Request
from tests.examples import examples
from tests.property.requests import CLEAN, SLOPPY
from tests.property.test_scan import EXCHANGE, ODD, paths

ALL = 15
RICH = {
    "id": "a",
    "imp": [
        {"id": "1", "tagid": "top", "rwdd": 1, "banner": {"w": 300, "h": 250, "pos": 1},
         "ext": {"data": {"section": ["Loans", "cards", 3], "deep": {"no": 1}, "on": True, "none": None}, "gpid": "x"}},
        {"id": "2", "tagid": "/123\\/ü", "video": {"mimes": ["video/mp4"], "pos": 7, "plcmt": 2, "placement": 1},
         "banner": {"w": 1, "h": 1}},
        {"id": "3", "video": {"mimes": ["video/mp4"], "placement": 5}, "ext": {"data": "no object"}},
    ],
    "site": {"domain": "news.example", "page": "https://News.example/Loans?x=1#y", "keywords": "money, Rates ,,",
             "kwarray": ["a,b", "c"], "ext": {"data": {"k": "v", "umlaut": "Ä"}},
             "content": {"genre": "News", "genres": ["Finance"], "language": "en-US", "contentrating": "TV-G",
                         "keywords": "größe", "kwarray": ["日本"]}},
    "device": {"ua": "x", "make": "Apple", "model": "iPhone\"15", "osv": "15.2.1 beta", "carrier": "Telekom Österreich",
               "connectiontype": 2, "ifa": "6d92078a-8246-4ba4-ae5b-76104861e7dc",
               "geo": {"lat": 40.712776, "lon": -74.005974, "metro": "501", "zip": "10001-1234", "utcoffset": -300}},
    "user": {"id": "u", "buyeruid": "Ann", "yob": 1980, "gender": "F", "keywords": "cars", "kwarray": ["boats"],
             "eids": [{"source": "uidapi.com", "uids": [{"id": "x"}]}, {"source": "none.example", "uids": []}],
             "ext": {"eids": [{"source": "id5-sync.com", "uids": [{"id": "y", "atype": 1}]}], "data": {"tier": 2}}},
}  # fmt: skip
PATHS = [path for path in paths(RICH) if path and path != ("id",)]


def both(body: bytes) -> tuple[object, object] | None:
    request = Request()
    try:
        decode(request, body, EXCHANGE, 0)
    except Malformed:
        return None
    return context_of(request, body, ALL).fields(), context_through_model(request, body, ALL).fields()


def compare(body: bytes) -> None:
    found = both(body)
    assert found is None or found[0] == found[1]


def test_a_clean_request_is_walked() -> None:
    body = json.dumps(RICH).encode()
    assert scans(body, ALL)
    assert scans(json.dumps(RICH, ensure_ascii=False).encode(), ALL)
    compare(body)
    found = both(body)
    assert found is not None
    fields = found[0]
    assert isinstance(fields, dict)
    assert fields["place"] == (40.712776, -74.005974)
    assert fields["os_version"] == 15 << 48 | 2 << 32 | 1 << 16
    assert fields["page"] == b"https://News.example/Loans?x=1#y"
    assert (fields["ifa"], fields["buyeruid"], fields["year_of_birth"], fields["utc_offset"]) == (
        True,
        True,
        1980,
        -300,
    )
    assert [imp["video_placement"] for imp in fields["imps"]] == [0, 2, 3]
    assert len(fields["sources"]) == 2
    assert len(fields["keywords"]) == 7
    assert len(fields["imp_pairs"]) == 3


def test_parts_that_nobody_asks_for_are_left_out() -> None:
    body = json.dumps(RICH).encode()
    request = Request()
    decode(request, body, EXCHANGE, 0)
    fields = context_of(request, body, 8).fields()
    assert fields["make"] == 0
    assert fields["page"] is None
    assert fields["imps"]


@settings(max_examples=examples(750), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), ODD | st.just("delete")), min_size=1, max_size=4), st.booleans())
def test_changed_values(changes, ascii_only) -> None:
    document = copy.deepcopy(RICH)
    for path, value in changes:
        inside = document
        try:
            for step in path[:-1]:
                inside = inside[step]
            if value == "delete":
                del inside[path[-1]]
            else:
                inside[path[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    compare(json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "replace"))


TEXT = json.dumps(RICH, ensure_ascii=False).encode()


@settings(max_examples=examples(750), deadline=None)
@given(
    st.integers(0, len(TEXT)), st.integers(0, 6),
    st.binary(max_size=3) | st.sampled_from([b",", b"}", b'"', b"\\", b"\\u", b"\\ud800", b"\xc3", b"\xf0\x90", b" "]),
)  # fmt: skip
def test_changed_bytes(at: int, cut: int, inserted: bytes) -> None:
    compare(TEXT[:at] + inserted + TEXT[at + cut :])


@settings(max_examples=examples(200), deadline=None)
@given(CLEAN | SLOPPY)
def test_any_request(document) -> None:
    compare(json.dumps(document).encode())
