"""Native requests of three versions, sloppy ones too; what fits; and the answer that each version wants."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.creative import Creative, Native, NativeImage, Rendition, Text, Tracker, Video
from openrtb import marks
from openrtb.native import Unreadable, read
from openrtb.native_answer import answer
from tests.examples import examples
from tests.vast_grammar import faults

TITLES = (
    "Travel card",
    "The travel card without fees",
    "A travel card without any fees, and miles for each dollar",
)
IMAGES = (
    NativeImage(1, "https://c.example/icon.png", 80, 80, "image/png"),
    NativeImage(3, "https://c.example/1200.jpg", 1200, 627, "image/jpeg"),
    NativeImage(3, "https://c.example/600.jpg", 600, 500, "image/jpeg"),
    NativeImage(3, "https://c.example/600.webp", 600, 500, "image/webp"),
)
VIDEO = Video(15_000, (Rendition("https://c.example/v.mp4", "video/mp4", 1280, 720),), mimes=("video/mp4",))
TEXTS = (Text(1, "Bank"), Text(2, "Apply in minutes"), Text(2, "Apply in minutes, and fly for free"), Text(12, "Apply"))
CARD = Creative(
    7, "card", 1, 0, 0, "https://bank.example/", format="native",
    native=Native(TITLES, TEXTS, IMAGES, VIDEO, "https://bank.example/privacy"),
    trackers=(Tracker("impression", "https://third.example/i"), Tracker("click", "https://third.example/c"),
              Tracker("viewable", "https://third.example/v")),
)  # fmt: skip
ASSETS = [
    {"id": 1, "required": 1, "title": {"len": 30}},
    {"id": 2, "required": 1, "img": {"type": 3, "wmin": 500, "hmin": 400}},
    {"id": 3, "data": {"type": 1, "len": 25}},
    {"id": 4, "required": 1, "data": {"type": 2, "len": 20}},
]
TRACKED = [{"event": 1, "methods": [1, 2]}, {"event": 2, "methods": [1]}, {"event": 4, "methods": [2]}]


def asked(assets: Any = ASSETS, root: bool = False, **fields: Any) -> str:
    body = {"assets": assets, **fields}
    return json.dumps({"native": body} if root else body)


def answered(text: str, **fields: Any) -> dict[str, Any]:
    found = answer(text, CARD, **fields)
    assert not found.misfit, found.misfit
    return json.loads(found.markup)


def only(asset: dict[str, Any]) -> Any:
    """What one required asset is filled with; None if the creative does not fit."""
    found = answer(asked([{"id": 9, "required": 1, **asset}]), CARD)
    return json.loads(found.markup)["assets"][0] if found.markup else None


def test_1_2_is_answered_with_event_trackers() -> None:
    found = answered(asked(ver="1.2", eventtrackers=TRACKED, privacy=1))
    assert found == {
        "ver": "1.2",
        "assets": [
            {"id": 1, "title": {"text": TITLES[1]}},
            {"id": 2, "img": {"url": "https://c.example/600.jpg", "w": 600, "h": 500}},
            {"id": 3, "data": {"value": "Bank"}},
            {"id": 4, "data": {"value": "Apply in minutes"}},
        ],
        "link": {"url": marks.CLICK, "clicktrackers": ["https://third.example/c"]},
        "eventtrackers": [
            {"event": 1, "method": 1, "url": marks.IMPRESSION},
            {"event": 1, "method": 1, "url": "https://third.example/i"},
            {"event": 2, "method": 1, "url": marks.event_url("viewable")},
            {"event": 2, "method": 1, "url": "https://third.example/v"},
        ],
        "privacy": "https://bank.example/privacy",
    }


@pytest.mark.parametrize("fields", [{"ver": "1.1"}, {"ver": "1.1", "eventtrackers": TRACKED, "privacy": 1}])
def test_1_1_is_answered_with_impression_trackers(fields: dict[str, Any]) -> None:
    found = answered(asked(**fields))
    assert found["imptrackers"] == [marks.IMPRESSION, "https://third.example/i"] and found["ver"] == "1.1"
    assert not {"eventtrackers", "privacy", "native"} & set(found)


@pytest.mark.parametrize("ver", ["1", "1.0", 1, 1.0, None])
def test_1_0_has_a_root_and_so_has_the_answer(ver: Any) -> None:
    found = answered(asked(root=True, **({} if ver is None else {"ver": ver})))
    assert list(found) == ["native"] and "ver" not in found["native"] and "imptrackers" in found["native"]


def test_an_impression_is_never_told_twice() -> None:
    for trackers in ([], TRACKED, TRACKED[1:], [{"event": 1, "methods": [2]}]):
        for ver in ("1.0", "1.1", "1.2"):
            assert answer(asked(ver=ver, eventtrackers=trackers), CARD).markup.count(marks.IMPRESSION) == 1


def test_the_version_of_the_imp_is_taken_where_the_request_tells_none() -> None:
    assert answered(asked(), version="1.1")["ver"] == "1.1" and answered(asked())["ver"] == "1.2"
    assert answered(asked(root=True, ver="1.2"))["native"]["ver"] == "1.2"


@pytest.mark.parametrize(
    ("asset", "filled"),
    [
        ({"title": {"len": 140}}, {"title": {"text": TITLES[2]}}),
        ({"title": {"len": 11}}, {"title": {"text": "Travel card"}}),
        ({"title": {"len": 10}}, None),
        ({"title": {}}, {"title": {"text": TITLES[2]}}),
        ({"data": {"type": 12}}, {"data": {"value": "Apply"}}),
        ({"data": {"type": 12, "len": 4}}, None),
        ({"data": {"type": 6}}, None),
        ({"img": {"type": 1, "w": 80, "h": 80}}, {"img": {"url": IMAGES[0].url, "w": 80, "h": 80}}),
        ({"img": {"type": 2, "w": 80, "h": 80}}, {"img": {"url": IMAGES[0].url, "w": 80, "h": 80}}),
        ({"img": {"type": 1, "w": 81, "h": 80}}, None),
        ({"img": {"type": 1, "wmin": 81}}, None),
        ({"img": {"type": 501}}, None),
        ({"img": {"type": 3, "w": 1200, "wmin": 600, "h": 627, "hmin": 300}},
         {"img": {"url": IMAGES[1].url, "w": 1200, "h": 627}}),
        ({"img": {"type": 3, "w": 600, "h": 500, "mimes": ["image/webp"]}},
         {"img": {"url": IMAGES[3].url, "w": 600, "h": 500}}),
        ({"img": {"type": 3, "w": 600, "h": 500, "mimes": ["image/JPG"]}},
         {"img": {"url": IMAGES[2].url, "w": 600, "h": 500}}),
        ({"img": {"type": 3, "mimes": ["image/gif"]}}, None),
        ({"video": {"mimes": ["video/mp4"], "minduration": 5, "maxduration": 14, "protocols": [2]}}, None),
        ({"video": {"mimes": ["video/mp4"], "minduration": 16, "maxduration": 30, "protocols": [2]}}, None),
        ({"video": {"mimes": ["video/webm"], "minduration": 5, "maxduration": 30, "protocols": [2]}}, None),
        ({"video": {"mimes": ["video/mp4"], "minduration": 5, "maxduration": 30, "protocols": [5, 6]}}, None),
        ({"audio": {}}, None),
    ],
)  # fmt: skip
def test_an_asset_is_filled_with_what_fits_or_not_at_all(asset: dict[str, Any], filled: dict[str, Any] | None) -> None:
    assert only(asset) == (filled and {"id": 9, **filled})
    optional = answered(asked([{"id": 9, **asset}, {"id": 10, "title": {"len": 90}}]))
    assert [one["id"] for one in optional["assets"]] == ([9, 10] if filled else [10])


@pytest.mark.parametrize(("protocols", "version"), [([2], "2.0"), ([2, 3, 7], "4.0"), ([], "4.2")])
def test_a_video_asset_gets_the_newest_vast_that_plays(protocols: list[int], version: str) -> None:
    found = only({"video": {"mimes": ["video/mp4"], "minduration": 5, "maxduration": 30, "protocols": protocols}})
    tag = found["video"]["vasttag"]
    assert f'version="{version}"' in tag and marks.IMPRESSION in tag
    for mark in marks.ALL:
        tag = tag.replace(mark, "https://t.example/TOKEN")
    assert faults(tag) == []


def test_why_a_creative_does_not_fit_is_told() -> None:
    for assets, told in (
        ([{"id": 5, "required": 1, "title": {"len": 3}}], "required asset 5 (title, at most 3 characters)"),
        ([{"id": 6, "required": "1", "img": {"type": 1, "w": 50, "h": 50}}], "required asset 6 (img, type 1, 50x50)"),
        ([{"id": 7, "required": True}], "required asset 7 (of no known kind)"),
        ([{"id": 8, "data": {"type": 99}}], "no asset has anything"),
    ):
        assert told in answer(asked(assets), CARD).misfit
    banner = Creative(1, "b", 1, 300, 250, "https://a.example/", "https://c.example/i.png")
    assert "not native" in answer(asked(), banner).misfit


def test_sloppy_requests_are_read() -> None:
    sloppy = {
        "ver": 1.2,
        "assets": {"id": "1", "required": 1.0, "title": {"len": "30"}, "img": None},
        "eventtrackers": {"event": "1", "methods": "1"},
        "privacy": True,
        "plcmtcnt": None,
        "unknown": [1],
    }
    request = read(json.dumps(json.dumps(sloppy)))
    assert request == read(
        asked([{"id": 1, "required": 1, "title": {"len": 30}}], eventtrackers=[{"event": 1, "methods": [1]}], privacy=1)
    )


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "7", "{}", '{"assets":[]}', '{"assets":[{"title":{}}]}', '{"native":[]}',
             '"\\ud800"', asked([{"id": 1, "title": {}}, {"id": 1, "data": {"type": 1}}]), "\ud800", "[" * 5000],
)  # fmt: skip
def test_what_is_no_native_request_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)
    assert not answer(text, CARD).markup


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "len", "w", "h"]), inner)
    ),
)


@settings(max_examples=examples(300))
@given(st.randoms(use_true_random=False), JSON)
def test_no_request_makes_it_raise_and_every_answer_keeps_the_rules(draw: random.Random, odd: Any) -> None:
    body = json.loads(asked(eventtrackers=TRACKED, ver="1.2"))
    spots: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
            spots.append((value, key))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(body)
    for holder, key in draw.sample(spots, 3):
        holder[key] = odd
    found = answer(json.dumps(body), CARD)
    assert bool(found.markup) != bool(found.misfit)
    if found.markup:
        whole = json.loads(found.markup)
        request = read(json.dumps(body))
        made = {one["id"]: one for one in (whole.get("native") or whole)["assets"]}
        assert all(asset.id in made for asset in request.assets if asset.required)
        for asset in request.assets:
            text = made.get(asset.id, {}).get("title", made.get(asset.id, {}).get("data", {}))
            shown = text.get("text") or text.get("value") or ""
            assert not asset.length or len(shown) <= asset.length
