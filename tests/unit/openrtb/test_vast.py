"""VAST: every form of every creative against a second reading of the schemas; marks; third parties' documents."""

import json
import re
from itertools import product
from urllib.parse import quote

import pytest
from lxml import etree
from msgspec.structs import replace

from domain.creative import Audio, Companion, Creative, Rendition, Tracker, Verification, Video
from openrtb import marks
from openrtb.url_lengths import ADDRESS, ALL_MOST, TOKEN, of_bid
from openrtb.vast import OUR_URLS, build, clock, forms
from openrtb.vast_check import examine
from tests.vast_grammar import faults

TRACKERS = tuple(
    Tracker(event, f"https://third.example/{event}?a=1&b=2")
    for event in ("impression", "click", "start", "complete", "viewable", "error", "skip", "close")
)
SCRIPTS = (Verification("v.example-omid", "https://v.example/omid.js", "a=1&b=<2>"),)
FILES = (
    Rendition("https://c.example/v.mp4", "video/mp4", 1280, 720, 2000),
    Rendition("https://c.example/v.js", "application/javascript", 1280, 720),
)
SOUND = (Rendition("https://c.example/a.mp3", "audio/mpeg", bitrate_kbps=128),)
ASIDE = (
    Companion(300, 250, "https://c.example/i.png", "image/png"),
    Companion(728, 90, "https://c.example/j.png", "image/png"),
)
TAG = "https://third.example/vast?a=1&b=2"


def creative(*, measured: bool = True, **parts: object) -> Creative:
    return Creative(
        7, "key & <x>", 1, 1280, 720, "https://a.example/",
        trackers=TRACKERS if measured else (), verifications=SCRIPTS if measured else (), **parts,
    )  # fmt: skip


CREATIVES = {
    "video": creative(format="video", video=Video(15_500, FILES, skip_after_ms=5000, companions=ASIDE)),
    "bare": creative(measured=False, format="video", video=Video(15_000, FILES[:1])),
    "interactive": creative(format="video", video=Video(15_000, FILES, interactive_url="https://c.example/s.html")),
    "wrapper": creative(format="video", video=Video(15_000, wrapper_url=TAG, protocols=(3,), companions=ASIDE)),
    "bare_wrapper": creative(measured=False, format="video", video=Video(15_000, wrapper_url=TAG)),
    "audio": creative(format="audio", audio=Audio(30_000, SOUND, companions=ASIDE[:1])),
}
CASES = [(name, form) for name, made in CREATIVES.items() for form in forms(made)]


def filled(text: str) -> str:
    for mark, url in zip(marks.ALL[:5], ("click", "impression", "event", "clicked", "bid"), strict=True):
        text = text.replace(mark, f"https://t.example/{url}/TOKEN")
    return text.replace(marks.ASIDES, "").replace(marks.ASIDE, "")


@pytest.mark.parametrize(("name", "form"), CASES, ids=lambda value: getattr(value, "version", value))
def test_every_form_is_what_its_schema_wants(name, form) -> None:
    assert faults(filled(build(CREATIVES[name], form.version, "Bank & Co"))) == []


@pytest.mark.parametrize(("name", "form"), CASES, ids=lambda value: getattr(value, "version", value))
def test_ours_goes_into_a_third_partys_document_of_every_form(name, form) -> None:
    theirs = filled(build(CREATIVES[name], form.version))
    media = Video(15_000, vast=theirs, protocols=(form.protocol,))
    ours = creative(format="video", video=media)
    both = build(ours, "")
    assert faults(filled(both)) == []
    assert both.count(marks.IMPRESSION) == both.count(marks.CLICKED) == 1 and marks.CLICK not in both
    for line in (marks.event_url("complete"), "https://t.example/impression/TOKEN", "https://third.example/complete"):
        assert line in both


def test_the_grammar_is_one_that_documents_can_break() -> None:
    good = filled(build(CREATIVES["video"], "3.0"))
    assert faults(good) == []
    for old, new in (
        ('event="skip"', 'event="skipped"'),
        ("<Duration>", "<AdParameters/><Duration>"),
        (' type="video/mp4"', ""),
        ("<AdTitle>", "<AdServingId>x</AdServingId><AdTitle>"),
        ("https://third.example/start", "http://third.example/start"),
    ):
        assert old in good and faults(good.replace(old, new, 1)), old


def test_versions_and_protocols() -> None:
    assert [form.protocol for form in forms(CREATIVES["bare"])] == [13, 11, 7, 3, 2]
    assert [form.protocol for form in forms(CREATIVES["wrapper"])] == [14, 12, 8, 6, 5]
    assert [form.version for form in forms(CREATIVES["interactive"])] == ["4.2", "4.1", "4.0"]
    with pytest.raises(ValueError, match=r"no VAST 3\.0"):
        build(CREATIVES["interactive"], "3.0")
    with pytest.raises(ValueError, match="nothing to play"):
        build(Creative(1, "b", 1, 300, 250, "https://a.example/", "https://c.example/i.png"), "3.0")


def test_a_document_says_what_the_creative_is() -> None:
    document = etree.fromstring(filled(build(CREATIVES["video"], "4.2", "Bank & Co")).encode())
    space = {"v": "http://www.iab.com/VAST"}

    def texts(path: str) -> list[str]:
        return document.xpath(path, namespaces=space)

    assert texts("//v:Duration/text()") == ["00:00:15.500"] and texts("//v:Linear/@skipoffset") == ["00:00:05"]
    assert texts("//v:MediaFile/text()") == [file.url for file in FILES]
    assert texts("//v:MediaFile/@apiFramework") == ["VPAID"] and texts("//v:MediaFile/@bitrate") == ["2000"]
    assert texts("//v:Advertiser/text()") == ["Bank & Co"] and texts("//v:AdTitle/text()") == ["key & <x>"]
    assert texts("//v:VerificationParameters/text()") == ["a=1&b=<2>"]
    assert texts("//v:ClickThrough/text()") == ["https://t.example/click/TOKEN"]
    document = etree.fromstring(filled(build(CREATIVES["bare"], "4.2")).encode())
    assert texts("//v:Tracking[@event='closeLinear']/text()")[0] == "https://t.example/event/TOKEN?e=close"
    assert texts("//v:Viewable/text()")[0] == "https://t.example/event/TOKEN?e=viewable"
    assert not texts("//v:Pricing") and not texts("//@conditionalAd")


def test_before_4_1_verification_scripts_are_in_an_extension() -> None:
    for version, path in (("3.0", "Extension"), ("4.0", "Extension"), ("4.1", "InLine")):
        document = etree.fromstring(filled(build(CREATIVES["video"], version)).encode())
        found = document.xpath("//*[local-name()='AdVerifications']")
        assert [etree.QName(one.getparent()).localname for one in found] == [path]


def test_what_a_version_does_not_know_is_not_in_it() -> None:
    oldest = build(CREATIVES["video"], "2.0")
    assert "skipoffset" not in oldest and 'event="skip"' not in oldest
    for version in ("2.0", "3.0"):
        text = build(CREATIVES["video"], version)
        assert "ViewableImpression" not in text and "AdServingId" not in text and text.count("<Error>") == 1


def test_the_urls_of_a_bid_stay_under_four_kilobytes() -> None:
    """With a tracker's address of 40 characters, and notices of win, billing and loss beside the markup."""
    token, base = "T" * 155, "https://events.tracker.outbid.example.com"
    paths = {
        marks.CLICK: f"/click/{token}?u={quote('https://www.a.example/cards/travel', safe='')}",
        marks.CLICKED: f"/click/{token}",
        marks.IMPRESSION: f"/impression/{token}?p=${{AUCTION_PRICE}}",
        marks.EVENT: f"/event/{token}",
    }
    notices = sum(len(f"{base}/{kind}/{token}?p=${{AUCTION_PRICE}}") for kind in ("win", "billing", "loss"))
    for name, form in CASES:
        if name.startswith("bare"):
            pieces = list(marks.cut(build(CREATIVES[name], form.version)))
            ours = [base + paths[mark] for _, mark in pieces if mark in paths]
            assert len(ours) <= OUR_URLS and all(len(url) < 512 for url in ours)
            queries = sum(len(found) for text, _ in pieces for found in re.findall(r"^\?e=[^\]]*", text))
            assert queries + notices + sum(map(len, ours)) < 4096, (name, form)


def test_of_lesser_events_as_few_are_left_out_as_must_be() -> None:
    lesser, found = ["unmute", "resume", "pause", "close"], []
    for length in range(20, 300, 40):
        made = replace(CREATIVES["bare"], landing_url="https://a.example/".ljust(length, "x"))
        text = build(made, "4.2")
        heard = [event for event in lesser if marks.event_url(event) in text]
        assert heard == lesser[4 - len(heard) :]
        if heard != lesser:
            last = f"{'t' * ADDRESS}/event/{'T' * TOKEN}?e={lesser[3 - len(heard)]}"
            assert of_bid(text, made.landing_url) + len(last) > ALL_MOST
        assert not heard or of_bid(text, made.landing_url) <= ALL_MOST
        found.append(len(heard))
    assert found == sorted(found, reverse=True) and len({*found}) > 1


def test_marks_are_cut_out_in_order() -> None:
    text = f"a{marks.CLICK}b{marks.event_url('start')}{marks.BID}"
    assert list(marks.cut(text)) == [("a", marks.CLICK), ("b", marks.EVENT), ("?e=start", marks.BID), ("", "")]
    assert list(marks.cut("")) == [("", "")] and marks.has_mark(text) and not marks.has_mark("a")
    for name, form in CASES:
        text = build(CREATIVES[name], form.version)
        assert "".join(piece + mark for piece, mark in marks.cut(text)) == text
        assert not marks.has_mark(json.dumps([piece for piece, _ in marks.cut(text)]))


@pytest.mark.parametrize(("ms", "text"), [(0, "00:00:00"), (15_000, "00:00:15"), (3_723_004, "01:02:03.004")])
def test_clock(ms: int, text: str) -> None:
    assert clock(ms) == text


@pytest.mark.parametrize(("name", "form"), CASES, ids=lambda value: getattr(value, "version", value))
def test_a_good_document_is_examined_without_a_problem(name, form) -> None:
    made, media = CREATIVES[name], CREATIVES[name].video or CREATIVES[name].audio
    found = examine(filled(build(made, form.version)))
    assert found.problems == [] and found.protocol == form.protocol
    if media.wrapper_url:
        assert found.wrapper and found.duration_ms == 0
    else:
        assert found.duration_ms == media.duration_ms
        assert found.mimes == tuple(rendition.mime for rendition in media.renditions)
        assert (found.width, found.height) == (media.renditions[0].width, media.renditions[0].height)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("<VAST", "<VAST><", "no well-formed XML"),
        ("VAST", "DAAST", "its root must be VAST, not DAAST"),
        ('version="3.0"', 'version="1.0"', "its version must be one of 2.0, 3.0, 4.0, 4.1, 4.2, not '1.0'"),
        ("https://c.example/v.mp4", "http://c.example/v.mp4", "MediaFile must load https:// only"),
        ("00:00:15.500", "15s", "its Duration must be HH:MM:SS, not '15s'"),
        ("Linear", "NonLinear", "it must have one Linear, not 0"),
        ("<Ad id", "<Ad/><Ad id", "one Ad"),
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", '<!DOCTYPE VAST [<!ENTITY a "b">]>', "document type"),
        ("MediaFile ", "Other ", "no well-formed XML"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_document_is_told(old: str, new: str, told: str) -> None:
    good = filled(build(CREATIVES["video"], "3.0"))
    assert old in good
    assert any(told in problem for problem in examine(good.replace(old, new)).problems)


def test_examining_never_raises() -> None:
    texts = [filled(build(CREATIVES[name], version)) for name, version in (("video", "4.2"), ("wrapper", "2.0"))]
    for text, cut in product(texts, range(97)):
        examine(text[: len(text) * cut // 97])
        examine(text[: len(text) * cut // 97] + "\x00" + text)
        examine(text.replace("Ad", "", cut))
