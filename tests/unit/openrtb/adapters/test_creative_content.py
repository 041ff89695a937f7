"""What reviewers get to see of a creative, held against what the exchanges' pages say that it may be."""

import json
from typing import Any

import pytest
from lxml import etree
from msgspec.structs import replace

from domain.campaign import Advertiser
from domain.creative import (
    Audio,
    Companion,
    Creative,
    Format,
    Native,
    NativeImage,
    Rendition,
    Text,
    Tracker,
    Verification,
    Video,
    every_format,
)
from domain.exchange import Exchange
from openrtb import marks, vast
from openrtb.adapters.creative_apis import APIS
from openrtb.adapters.creative_content import document
from tests.vast_grammar import faults

BANK = Advertiser(3, "bank", "Bank", "USD", "UTC", "bank.example", ("IAB13",))
ADX = Exchange(1, "adx", "USD", every_format("burl"), creative_account="1234", creative_api="google")
XAN = Exchange(2, "xan", "USD", every_format("burl"), creative_account="958", creative_api="xandr")
LANDING = "https://bank.example/card?a=1&b=2"
THEIRS = {"https://theirs.example/x"}
FILES = (Rendition("https://c.example/v.mp4", "video/mp4", 640, 360, 800),)
SOUND = (Rendition("https://c.example/s.mp3", "audio/mpeg", bitrate_kbps=128),)
ASIDE = (Companion(300, 250, "https://c.example/a.png", "image/png"),)
TAG = "https://ads.example/vast?x=1"
NATIVE = Native(
    titles=("Card", "A card without fees"),
    texts=(Text(1, "Bank"), Text(2, "No fees."), Text(2, "No fees, ever."), Text(3, "4.5"), Text(12, "Apply")),
    images=(
        NativeImage(1, "https://c.example/i.png", 80, 80, "image/png"),
        NativeImage(3, "https://c.example/m.jpg", 600, 314, "image/jpeg"),
        NativeImage(3, "https://c.example/l.jpg", 1200, 627, "image/jpeg"),
    ),
    privacy_url="https://bank.example/privacy",
)


def creative(format: Format, **parts: Any) -> Creative:
    size = (640, 360) if format == "video" else (0, 0)
    more = {
        "trackers": (Tracker("start", "https://third.example/start"),),
        "verifications": (Verification("v.example", "https://v.example/omid.js"),),
    }
    return Creative(9, "c", 3, *size, LANDING, format=format, **(more if format != "native" else {}), **parts)


PLAYED = {
    "files": creative("video", video=Video(15_000, FILES, companions=ASIDE, skip_after_ms=5000)),
    "interactive": creative("video", video=Video(15_000, FILES, interactive_url="https://c.example/s.html")),
    "wrapper": creative("video", video=Video(15_000, wrapper_url=TAG, protocols=(3,))),
    "text": creative(
        "video",
        video=Video(15_000, vast=vast.build(creative("video", video=Video(15_000, FILES)), "3.0").translate(
            dict.fromkeys(map(ord, marks.ALL), "https://theirs.example/x")), protocols=(3,)),
    ),
    "audio": creative("audio", audio=Audio(30_000, SOUND, companions=ASIDE)),
    "tag": creative("audio", audio=Audio(30_000, wrapper_url=TAG, protocols=(3,))),
}  # fmt: skip


def to_google(made: Creative) -> dict[str, Any]:
    """Of `Creative`, the part that is the union ``content``."""
    body = APIS["google"].create(ADX, made, BANK).body
    assert body is not None
    json.dumps(body)
    contents = {name: body.pop(name) for name in ("html", "video", "native", "renderUrl") if name in body}
    assert len(contents) == 1
    assert body == {"creativeId": "9", "advertiserName": "Bank", "declaredClickThroughUrls": [LANDING]}
    return contents


def to_xandr(made: Creative) -> dict[str, Any]:
    assert APIS["xandr"].by_hand(made) == ""
    call = APIS["xandr"].create(XAN, made, BANK)
    assert call.body is not None
    body: dict[str, Any] = call.body["creative"]
    assert (call.method, call.path, body.pop("code")) == ("POST", "/creative/958", "9")
    assert body.pop("allow_audit") is body.pop("allow_ssl_audit") is True
    return body


@pytest.mark.parametrize("name", PLAYED)
def test_a_document_is_vast_without_anything_of_ours(name: str) -> None:
    made = PLAYED[name]
    text = document(made)
    tree = etree.fromstring(text.encode())
    assert not marks.has_mark(text)
    assert faults(text.replace("about:blank", "https://blank.example/")) == []
    clicks = [element.text for element in tree.iter() if str(element.tag).endswith("ClickThrough")]
    assert set(clicks) == (
        {LANDING} if name in ("files", "interactive", "audio") else THEIRS if name == "text" else set()
    )
    assert tree.get("version") == ("4.0" if name == "interactive" else "3.0")
    assert "https://third.example/start" in text
    assert ("https://c.example/a.png" in text) == (name in ("files", "audio"))


def test_google_gets_the_address_of_a_third_partys_vast_and_the_text_of_any_other() -> None:
    for name, made in PLAYED.items():
        video = to_google(made)["video"]
        if name in ("wrapper", "tag"):
            assert video == {"videoUrl": TAG}
        else:
            assert video == {"videoVastXml": document(made)}


def test_google_gets_native_ads_as_their_assets() -> None:
    image = {"url": "https://c.example/l.jpg", "width": 1200, "height": 627}
    icon = {"url": "https://c.example/i.png", "width": 80, "height": 80}
    found = to_google(creative("native", native=NATIVE))["native"]
    assert found == {
        "headline": "A card without fees", "body": "No fees, ever.", "callToAction": "Apply", "advertiserName": "Bank",
        "starRating": 4.5, "image": image, "logo": icon, "clickLinkUrl": LANDING,
    }  # fmt: skip
    app = creative("native", native=NATIVE, bundle="com.bank.app")
    assert to_google(app)["native"]["appIcon"] == icon and "logo" not in to_google(app)["native"]
    moving = replace(NATIVE, video=Video(15_000, FILES))
    assert "<VAST" in to_google(creative("native", native=moving))["native"]["videoVastXml"]


def test_xandr_gets_each_format_in_the_template_of_its_own() -> None:
    wrapped = {"url": TAG, "secure_url": TAG, "elements": [{"vast_element_type_id": 1}]}
    assert to_xandr(PLAYED["wrapper"]) == {
        "width": 640, "height": 360, "template": {"id": 6439},
        "video_attribute": {"is_skippable": False, "duration_ms": 15_000, "wrapper": wrapped},
    }  # fmt: skip
    for name, url in (("audio", "https://c.example/s.mp3"), ("tag", TAG)):
        sound = to_xandr(PLAYED[name])
        assert (sound["media_url"], sound["click_target"], sound["template"]) == (url, LANDING, {"id": 38745})
        [element] = sound["video_attribute"]["wrapper"]["elements"]
        assert element == {"vast_element_type_id": 1, "type": "linear", "media_files": [{"mime_type": "audio"}]}
    banner = to_xandr(Creative(9, "c", 3, 300, 250, LANDING, "https://c.example/i.png"))
    assert banner["template"] == {"id": 7} and banner["content"] == banner["content_secure"]
    native = to_xandr(creative("native", native=NATIVE))
    assert native.pop("template") == {"id": 39461}
    attribute = native.pop("native_attribute")
    assert not native and attribute["link"] == {"url": LANDING}
    assert attribute["privacy_url"] == "https://bank.example/privacy"
    assert {one["data_type"]: one["value"] for one in attribute["data_assets"]} == {
        "title": "A card without fees", "sponsored_by": "Bank", "description": "No fees, ever.", "rating": "4.5",
        "call_to_action": "Apply",
    }  # fmt: skip
    sizes = {one["image_type"]: one["creative_asset_image"]["width"] for one in attribute["image_assets"]}
    assert sizes == {"icon_image": 80, "main_image": 1200}


def test_what_xandrs_api_has_no_form_for_is_said() -> None:
    for name in ("files", "interactive", "text"):
        assert APIS["xandr"].by_hand(PLAYED[name]) == "it takes VAST by its address only, such as wrapper_url"
    moving = creative("native", native=replace(NATIVE, video=Video(15_000, FILES)))
    assert "two creatives" in APIS["xandr"].by_hand(moving)
    assert not any(APIS["google"].by_hand(made) for made in (*PLAYED.values(), moving))
