"""Creatives of every format in a campaign file: what is taken, and what is refused, where and why."""

import re
from copy import deepcopy
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from campaigns import catalogue
from campaigns.creatives import CREATIVE, TEXTS, TRACKED, read_creative
from campaigns.store import Store
from domain.campaign import Advertiser
from domain.creative import (
    Audio,
    Companion,
    Creative,
    Native,
    NativeImage,
    Rendition,
    Text,
    TrackedEvent,
    Tracker,
    Verification,
    Video,
)
from domain.entry import Entry
from domain.errors import Problem
from openrtb import marks
from openrtb.vast import build, forms

BANK = Advertiser(3, "bank", "Bank", "USD", "UTC", "bank.example", ("IAB13",))
CDN = "https://cdn.example"
VAST = (
    '<VAST version="3.0"><Ad id="1"><InLine><AdSystem>X</AdSystem><AdTitle>X</AdTitle><Impression>https://x.example/i'
    '</Impression><Creatives><Creative><Linear skipoffset="00:00:05"><Duration>00:00:15</Duration><MediaFiles>'
    '<MediaFile delivery="progressive" type="video/mp4" width="640" height="360">https://x.example/v.mp4</MediaFile></MediaFiles>'
    "</Linear></Creative></Creatives></InLine></Ad></VAST>"
)
COMMON = {"key": "c", "advertiser": "bank", "landing_url": "https://bank.example/card"}
COMPANION = {"size": "300x250", "image_url": f"{CDN}/c.png"}
FILES = {
    "banner": COMMON | {"size": "300x250", "markup": '<a href="${CLICK_URL}">x</a>'},
    "image": COMMON | {"size": "300x250", "image_url": f"{CDN}/i.jpg"},
    "video": COMMON | {
        "format": "video",
        "video": {
            "duration_s": Decimal("15.5"), "skip_after_s": 5,
            "renditions": [
                {"url": f"{CDN}/v.mp4", "size": "640x360", "bitrate_kbps": 800},
                {"url": f"{CDN}/v", "mime": "video/webm", "size": "1280x720", "delivery": "streaming"},
            ],
            "companions": [COMPANION], "companions_required": "any",
        },
        "trackers": [{"event": "start", "url": "https://t.example/?a=${AUCTION_ID}&b=[CACHEBUSTING]"}],
        "verifications": [{"vendor": "v.example-omid", "url": f"{CDN}/omid.js", "parameters": "a=<b>"}],
        "language": "en", "domain": "cards.bank.example", "categories": ["IAB13-2"], "apis": [7],
        "landing_url": "https://cards.bank.example/",
    },
    "wrapper": COMMON | {
        "format": "video", "size": "1280x720",
        "video": {"duration_s": 15, "wrapper_url": "https://ads.example/vast?x=[TIMESTAMP]", "protocols": [2, 3],
                  "mimes": ["video/mp4"]},
    },
    "vast": COMMON | {"format": "video", "video": {"duration_s": 15, "vast": VAST}},
    "audio": COMMON | {
        "format": "audio",
        "audio": {"duration_s": 30, "renditions": [{"url": f"{CDN}/a.mp3", "bitrate_kbps": 128}]},
    },
    "native": COMMON | {
        "format": "native",
        "native": {
            "titles": ["Card", "The card"],
            "texts": {"sponsored": "Bank", "description": ["Short", "A bit longer"], "rating": Decimal("4.5")},
            "images": [{"type": "main", "size": "1200x627", "url": f"{CDN}/m.png"}],
            "privacy_url": "https://bank.example/privacy",
        },
        "trackers": [{"event": "viewable", "url": "https://t.example/v"}],
    },
}  # fmt: skip


def read(content: Any, owner: Advertiser | None = BANK) -> tuple[Creative | None, list[Problem]]:
    problems: list[Problem] = []
    entry = Entry(content, "creatives[0]", CREATIVE, problems)
    made = read_creative(entry, 9, "c", owner)
    assert entry.sound == (not problems)
    return made, problems


def good(name: str) -> Creative:
    made, problems = read(deepcopy(FILES[name]))
    assert not problems and made is not None, problems
    return made


def changed(name: str, path: str, value: Any) -> Any:
    """The file with one field set, or taken out."""
    content = deepcopy(FILES[name])
    *way, last = path.split(".")
    inner: Any = content
    for step in way:
        inner = inner[int(step)] if step.isdecimal() else inner[step]
    if value is None:
        del inner[int(last) if last.isdecimal() else last]
    else:
        inner[int(last) if last.isdecimal() else last] = value
    return content


def test_a_video() -> None:
    assert good("video") == Creative(
        9, "c", 3, 1280, 720, "https://cards.bank.example/", attributes=(16,), mime="", format="video",
        video=Video(
            15_500,
            (Rendition(f"{CDN}/v.mp4", "video/mp4", 640, 360, 800),
             Rendition(f"{CDN}/v", "video/webm", 1280, 720, 0, "streaming")),
            mimes=("video/mp4", "video/webm"),
            companions=(Companion(300, 250, f"{CDN}/c.png", "image/png"),),
            companions_required="any",
            skip_after_ms=5000,
        ),
        apis=(7,), language="en", domain="cards.bank.example", categories=("IAB13-2",),
        trackers=(Tracker("start", "https://t.example/?a=${AUCTION_ID}&b=[CACHEBUSTING]"),),
        verifications=(Verification("v.example-omid", f"{CDN}/omid.js", "a=<b>"),),
    )  # fmt: skip


def test_third_parties_vast() -> None:
    wrapper, vast = good("wrapper"), good("vast")
    assert wrapper.video == Video(
        15_000, (), "https://ads.example/vast?x=[TIMESTAMP]", protocols=(2, 3), mimes=("video/mp4",)
    )
    assert (wrapper.width, wrapper.height, wrapper.attributes) == (1280, 720, ())
    assert vast.video == Video(15_000, vast=VAST, protocols=(3,), mimes=("video/mp4",))
    assert (vast.width, vast.height, vast.attributes) == (640, 360, (16,))


def test_audio_and_native() -> None:
    audio, native = good("audio"), good("native")
    assert audio.audio == Audio(30_000, (Rendition(f"{CDN}/a.mp3", "audio/mpeg", 0, 0, 128),), mimes=("audio/mpeg",))
    assert (audio.width, audio.height, audio.video, audio.native) == (0, 0, None, None)
    assert native.native == Native(
        ("Card", "The card"),
        (Text(1, "Bank"), Text(2, "Short"), Text(2, "A bit longer"), Text(3, "4.5")),
        (NativeImage(3, f"{CDN}/m.png", 1200, 627, "image/png"),),
        None,
        "https://bank.example/privacy",
    )


def test_a_banner_is_what_it_was() -> None:
    assert good("image") == Creative(
        9, "c", 3, 300, 250, "https://bank.example/card", f"{CDN}/i.jpg", mime="image/jpeg"
    )
    expanding, _ = read(FILES["banner"] | {"expands": ["left", "fullscreen"], "viewability": True, "apis": [5]})
    assert expanding is not None
    assert (expanding.expands, expanding.viewability, expanding.apis) == ((1, 5), True, (5,))
    assert expanding.mime == "text/html"


def test_the_words_are_those_of_the_nouns() -> None:
    assert TrackedEvent.__args__ == TRACKED
    assert sorted(TEXTS.values()) == list(range(1, 13))


@pytest.mark.parametrize("name", FILES)
def test_what_is_stored_is_what_was_read(store: Store, name: str) -> None:
    made = good(name)
    with store.write() as conn:
        known = catalogue.load(conn)
        new = known.copy()
        new.advertisers["bank"], new.creatives["c"] = BANK, made
        catalogue.save(conn, known, new)
    with store.read() as conn:
        assert catalogue.load(conn).creatives == {"c": made}


HTTPS = "https://"
MARKS = "\ue001"


@pytest.mark.parametrize(
    ("name", "path", "value", "where", "allowed"),
    [
        ("video", "format", "film", "format", "'banner' or 'video'"),
        ("video", "video", None, "video", "it must be given"),
        ("video", "video", [], "video", "it must be a mapping"),
        ("video", "video.length", 15, "video.length", "there is no such field"),
        ("video", "image_url", f"{CDN}/i.png", "image_url", "a field of the format 'banner'"),
        ("video", "native", {}, "native", "a field of the format 'native'"),
        ("banner", "video", {}, "video", "a field of the format 'video'"),
        ("audio", "size", "300x250", "size", "a field of the format 'banner'"),
        ("video", "video.duration_s", None, "video.duration_s", "it must be given"),
        ("video", "video.duration_s", 0, "video.duration_s", "above 0"),
        ("video", "video.duration_s", Decimal("1.0001"), "video.duration_s", "three decimals"),
        ("video", "video.duration_s", "15s", "video.duration_s", "it must be seconds"),
        ("video", "video.skip_after_s", 16, "video.skip_after_s", "before the end"),
        ("video", "video.renditions", None, "video.renditions", "exactly one of renditions, wrapper_url, vast"),
        ("video", "video.vast", VAST, "video.renditions", "exactly one of"),
        ("video", "video.renditions.0.url", "http://cdn.example/v.mp4", "video.renditions[0].url", HTTPS),
        ("video", "video.renditions.0.size", None, "video.renditions[0].size", "it must be given"),
        ("video", "video.renditions.0.mime", "image/png", "video.renditions[0].mime", "plays video"),
        ("video", "video.renditions.1.mime", None, "video.renditions[1].mime", "does not end in one of mp4"),
        (
            "video",
            "video.renditions.1.delivery",
            "fast",
            "video.renditions[1].delivery",
            "'progressive' or 'streaming'",
        ),
        ("video", "video.companions_required", True, "video.companions_required", "'none' or 'any' or 'all'"),
        ("wrapper", "video.companions_required", "all", "video.companions_required", "where there are no companions"),
        ("video", "video.companions", [COMPANION] * 33, "video.companions", "at most 32"),
        ("vast", "video.companions", [COMPANION], "video.companions", "text has its own companions"),
        ("vast", "video.companions_required", "none", "video.companions_required", "text has its own companions"),
        ("video", "video.companions.0.size", "big", "video.companions[0].size", "WIDTHxHEIGHT"),
        ("video", "video.protocols", [2], "video.protocols", "does not say it, and only there"),
        ("video", "trackers.0.event", "started", "trackers[0].event", "'start'"),
        ("video", "trackers.0.url", "http://t.example/", "trackers[0].url", HTTPS),
        ("video", "trackers.0.url", "https://t.example/${lower}", "trackers[0].url", HTTPS),
        ("video", "verifications.0.parameters", "a]]>b", "verifications[0].parameters", "neither ']]>'"),
        ("video", "language", "english", "language", "ISO 639-1"),
        ("video", "landing_url", "https://bank.example/", "landing_url", "'cards.bank.example'"),
        ("wrapper", "video.protocols", None, "video.protocols", "it must be given where"),
        ("wrapper", "video.protocols", [1], "video.protocols[0]", "OpenRTB list 5.8"),
        ("wrapper", "video.mimes", None, "video.mimes", "it must be given where"),
        ("wrapper", "video.wrapper_url", "http://ads.example/", "video.wrapper_url", HTTPS),
        ("wrapper", "size", None, "video", "size must be given"),
        ("wrapper", "video.skip_after_s", 5, "video.skip_after_s", "it is for our own files"),
        ("wrapper", "attributes", [16], "attributes", "only for a video whose markup"),
        ("vast", "video.vast", "<VAST", "video.vast", "no well-formed XML"),
        ("vast", "video.vast", VAST.replace("https://x.example/v", "http://x.example/v"), "video.vast", HTTPS),
        ("vast", "video.vast", VAST.replace("3.0", "9.0"), "video.vast", "its version must be"),
        ("vast", "video.vast", VAST.replace(">X<", f">{MARKS}<"), "video.vast", "U+E000"),
        ("vast", "video.duration_s", 30, "video.duration_s", "the VAST plays for 15 seconds"),
        ("audio", "audio.renditions.0.size", "1x1", "audio.renditions[0].size", "there is no such field"),
        ("audio", "audio.skip_after_s", 5, "audio.skip_after_s", "there is no such field"),
        ("native", "native.titles", [], "native.titles", "at least 1 entry"),
        ("native", "native.titles.0", "x" * 141, "native.titles[0]", "1 to 140"),
        ("native", "native.texts.sponsored", None, "native.texts.sponsored", "readers must see who pays"),
        ("native", "native.texts.slogan", "x", "native.texts.slogan", "there is no such field"),
        ("native", "native.texts.rating", 6, "native.texts.rating", "from 0 to 5"),
        ("native", "native.texts.likes", "many", "native.texts.likes", "a whole number"),
        ("native", "native.images.0.type", "big", "native.images[0].type", "'icon' or 'logo' or 'main'"),
        ("native", "native.images.0.url", f"{CDN}/m.bmp", "native.images[0].mime", "does not end in one of png"),
        ("native", "trackers.0.event", "mute", "trackers[0].event", "impression and click and viewable only"),
        ("native", "verifications", [], "verifications", "players load them"),
        ("native", "native.video", {"duration_s": 5}, "native.video.renditions", "exactly one of"),
        ("banner", "verifications", [], "verifications", "players load them"),
        ("banner", "trackers", [{"event": "viewable", "url": CDN}], "trackers[0].event", "told of impression only"),
        ("banner", "expands", ["down", "below"], "expands[1]", "'left' or 'right'"),
        ("banner", "viewability", "yes", "viewability", "true or false"),
        ("banner", "markup", "<a href='https://bank.example'>x</a>", "markup", "it must link to ${CLICK_URL}"),
        ("banner", "markup", "${CLICK_URL} ${CLICK}", "markup", "the macro ${CLICK}"),
        ("banner", "markup", "${CLICK_URL} ${IMPRESSION_URL} ${IMPRESSION_URL}", "markup", "once at most"),
        ("banner", "markup", "${CLICK_URL} HTTP://x.example", "markup", "https:// only"),
        ("banner", "markup", "${CLICK_URL}\ue000", "markup", "U+E000"),
        ("banner", "categories", ["cards"], "categories[0]", "IAB content category"),
        ("banner", "domain", "https://bank.example", "domain", "a domain in lower case"),
    ],
)
def test_a_mistake_is_named(name: str, path: str, value: Any, where: str, allowed: str) -> None:
    _, problems = read(changed(name, path, value))
    assert (f"creatives[0].{where}", True) in [(p.path, allowed in p.allowed) for p in problems], problems


def test_third_parties_are_told_of_a_banner_in_view_where_that_is_measured() -> None:
    measured = FILES["banner"] | {"viewability": True}
    trackers = [{"event": event, "url": CDN} for event in ("viewable", "not_viewable")]
    assert not read(measured | {"trackers": trackers[:1]})[1]
    (problem,) = read(measured | {"trackers": trackers})[1]
    assert problem.path == "creatives[0].trackers[1].event" and "impression and viewable only" in problem.allowed


def test_markup_may_have_names_of_namespaces_and_the_exchanges_macros() -> None:
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg"/><a href="${CLICK_URL}">${AUCTION_ID}</a><img src="${IMPRESSION_URL}">'
    )
    assert not read(changed("banner", "markup", text))[1]


@pytest.mark.parametrize("name", FILES)
def test_without_an_advertiser_nothing_is_made_and_the_rest_is_checked(name: str) -> None:
    assert read(deepcopy(FILES[name]), None) == (None, [])


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, [{}], [7], True])
@pytest.mark.parametrize("name", FILES)
def test_no_value_of_any_field_makes_it_raise(name: str, odd: Any) -> None:
    def spots(value: Any, path: str) -> list[str]:
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [p for key, inner in pairs for p in (f"{path}{key}", *spots(inner, f"{path}{key}."))]

    for path in spots(FILES[name], ""):
        read(changed(name, path, odd))


def test_a_landing_page_fits_into_a_click_url() -> None:
    def landing(encoded: int) -> str:
        url = "https://bank.example/?a=%20"
        return url + "x" * (encoded - len(quote(url, safe="")))

    assert read(FILES["image"] | {"landing_url": landing(306)})[1] == []
    _, problems = read(FILES["image"] | {"landing_url": landing(307)})
    assert [(p.path, p.value) for p in problems] == [("creatives[0].landing_url", landing(307))]
    assert "at most 306 characters" in problems[0].allowed and "it has 307" in problems[0].allowed


def test_all_tracker_urls_of_an_ad_fit_into_four_kilobytes() -> None:
    """Counted from the finished document, with tokens of their length and a tracker's address of 40 characters."""
    base, token = "https://events.tracker.outbid.example.co", "T" * 155
    landing = "https://cards.bank.example/" + "x" * 200
    asides = [{"size": "300x250", "image_url": f"{CDN}/c.png"}] * 20

    def video(companions: int) -> dict[str, Any]:
        return {"landing_url": landing, "video": FILES["video"]["video"] | {"companions": asides[:companions]}}

    most = 0
    for companions in range(1, 20):
        made, problems = read(FILES["video"] | video(companions))
        if problems:
            assert [p.path for p in problems] == ["creatives[0].video.companions"], problems
            assert "fewer companions" in problems[0].allowed
            break
        most = companions
        assert made is not None
        for form in forms(made):
            text = build(made, form.version)
            paths = {marks.CLICK: f"/click/{token}?u={quote(landing, safe='')}", marks.EVENT: f"/event/{token}"}
            paths[marks.IMPRESSION] = f"/impression/{token}?p=${{AUCTION_PRICE}}"
            for mark, path in paths.items():
                text = text.replace(mark, base + path)
            urls = [url for url in re.findall(r"https://[^\]<\"]+", text) if url.startswith(base)]
            notices = 3 * len(f"{base}/billing/{token}?p=${{AUCTION_PRICE}}")
            assert all(len(url) < 512 for url in urls) and sum(map(len, urls)) + notices < 4096
            assert "?e=complete" in text and "?e=mute" in text and ("?e=pause" in text) <= (form.version < "4")
    assert 1 <= most <= 3
    plain, _ = read(FILES["video"])
    assert plain is not None and f"{marks.EVENT}?e=pause" in build(plain, "3.0")


def test_links_of_a_markup_count() -> None:
    many = {"markup": '<a href="${CLICK_URL}">x</a>' * 12, "landing_url": "https://bank.example/" + "x" * 200}
    _, problems = read(FILES["banner"] | many)
    assert [p.path for p in problems] == ["creatives[0].markup"] and "fewer ${CLICK_URL}" in problems[0].allowed
