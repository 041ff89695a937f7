"""What is stored is written as a file from which the same comes again: in the same store, where nothing changes, and in
an empty one. Nothing that a file can say is left out.
"""

from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from campaigns import audience_terms, creatives, media, reading, supply_rules
from campaigns.exchanges import EXCHANGE
from campaigns.writing import Writing
from domain.yaml_file import read_yaml, yaml_of
from openrtb.adapters.registry import ADAPTERS
from tests.control_stores import new_control_store
from tests.unit.campaigns.test_importing import FILE, Desk

EXAMPLES = Path(__file__).parents[3] / "examples"
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
WRAPPER = (
    '<VAST version="4.2"><Ad id="1"><Wrapper><AdSystem>x</AdSystem><VASTAdTagURI>https://ads.example/v</VASTAdTagURI>'
    "<Impression>https://ads.example/i</Impression></Wrapper></Ad></VAST>"
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(new_control_store(tmp_path / "control.sqlite")) as store:
        yield Desk(tmp_path, store)


def full() -> dict[str, Any]:
    """Every field of every section, none as it is by default."""
    file = deepcopy(FILE)
    caps = [{"impressions": 2, "per": "12h", "by": "household"}, {"min_gap": "30m"}]
    budgets = {
        "hourly_budget": "1.000000001",
        "daily_budget": 20,
        "total_budget": "300.5",
        "hourly_impressions": 4,
        "daily_impressions": 50,
        "total_impressions": 600,
    }
    file["exchanges"].append(
        {
            "key": "adx", "currency": "USD", "adapter": "google", "billing": {"banner": "impression", "video": "burl"},
            "auction_type": 1, "price_source": {"banner": "encrypted"}, "price_key": KEY, "seat": "s", "secret": "t",
            "bid_expiry_s": {"video": 3600}, "no_bid": "empty", "network_ms": 0, "price_unit": "cpm", "qps": 500,
            "privacy": {"lmt": "ignore"}, "ads_domain": "adx.example", "buyer_fee": "2.5%", "click_macro": "%%C%%",
            "notices": {"urls": ["burl"], "facts": ["mbr"], "price_in": ["burl"], "price_macro": "%%P%%"},
            "click_escapes": 2, "billing_id": "9", "bid_ext": {"a": [1, {"b": "c"}]}, "approval": "optional",
            "creative_api": "none", "creative_account": "77",
            "user_sync": {"match": "https://adx.example/m?u=${UID}", "uid": "buyeruid"},
        }
    )  # fmt: skip
    file["agencies"].append(
        {"key": "big", "name": "Big", "currency": "USD", "time_zone": "UTC", "funding": "prepaid", "status": "paused"}
        | budgets
    )
    bank = file["advertisers"][0]
    bank |= {
        "agency": "big", "categories_in": {"ad_product_2.0": ["1337"]}, "funding": "credit", "credit_limit": "1000",
        "frequency_caps": caps, "suppress": ["prime"], "lifecycle": {"application": "applied"}, "status": "paused",
        "attribution": {"click_window": "7d", "view_window": 0, "viewable_only": True},
    } | budgets  # fmt: skip
    rule = {
        "any": [
            {"visited": {"page": ["loan*"], "url": ["bank.example/*"], "within": "7d", "at_least": 2}},
            {"shown": {"line_item": ["l1"], "within": "1d"}},
            {"all": [{"clicked": {"campaign": "cards", "within": "90m"}}, {"not": {"converted": {"event": "paid"}}}]},
        ]
    }
    file["audiences"] += [
        {"key": "did", "advertiser": "bank", "name": "Did", "rule": rule, "frequency_caps": caps},
        {
            "key": "set", "advertiser": "bank", "name": "Set",
            "of": {"all": ["prime"], "any": ["did", {"any": ["prime"]}], "not": ["did"]},
        },
        {"key": "timed", "advertiser": "bank", "name": "Timed", "ttl": "30d"},
    ]  # fmt: skip
    common = {"advertiser": "bank", "landing_url": "https://bank.example/"}
    omid = [{"vendor": "v.example", "url": "https://v.example/omid.js", "parameters": "p=1"}]
    picture = {"size": "300x250", "image_url": "https://cdn.example/c.png"}
    playing = {
        "duration_s": Decimal("7.5"), "companions": [picture], "companions_required": "any",
        "renditions": [
            {"url": "https://cdn.example/a.mp4", "size": "640x360", "bitrate_kbps": 800, "delivery": "streaming"},
        ],
    }  # fmt: skip
    own = {**playing, "skip_after_s": 5, "interactive_url": "https://cdn.example/simid.html"}
    wrapped = {"duration_s": 15, "wrapper_url": "https://ads.example/v?c=[CACHEBUSTING]"}
    file["creatives"] += [
        {
            "key": "b", **common, **picture, "mime": "image/webp", "expands": ["left", "fullscreen"],
            "viewability": True, "attributes": [3], "apis": [5], "language": "xx", "categories": ["IAB13-2"],
            "bundle": "com.bank.app", "trackers": [{"event": "viewable", "url": "https://t.example/v"}],
            "frequency_caps": caps, "status": "paused",
        },
        {"key": "v", **common, "format": "video", "video": own, "verifications": omid, "domain": "bank.example"},
        {
            "key": "w", **common, "format": "video", "size": "640x360",
            "video": {**wrapped, "protocols": [5, 6], "mimes": ["video/mp4"]},
        },
        {
            "key": "x", **common, "format": "video", "size": "640x360",
            "video": {"duration_s": 15, "vast": WRAPPER, "mimes": ["video/mp4", "video/webm"]},
        },
        {"key": "a", **common, "format": "audio", "audio": {**wrapped, "protocols": [2], "mimes": ["audio/mpeg"]}},
        {
            "key": "n", **common, "format": "native",
            "native": {
                "titles": ["One", "Another"], "privacy_url": "https://bank.example/privacy",
                "texts": {"sponsored": "Bank", "description": ["short", "a longer one"], "rating": "4.5"},
                "images": [{"type": "icon", "url": "https://cdn.example/i.png", "size": "80x80"}],
            },
        },
    ]  # fmt: skip
    for one in file["creatives"]:
        if one.get("format") in ("video", "audio", "native"):
            one.get("audio", {}).pop("companions", None)
    campaign = file["campaigns"][0]
    campaign |= {
        "start": "2026-03-08 00:30", "end": "2026-11-01 12:00:07", "fees": ["serving"], "suppress": ["did"],
        "attribution": {"view_window": "12h"}, "status": "paused", **budgets,
    }  # fmt: skip
    campaign["line_items"][0] |= {
        "deals_only": False,
        "pacing": "asap",
        "interstitials": "never",
        "roadblock": "page",
        "status": "paused",
        "competitive_separation": "category",
        "competitors": ["loans"],
        "one_per_pod": "advertiser",
        "pod_slot": "first",
        "frequency_caps": caps,
        "bid_cap_cpm": "2.000001",
        **budgets,
        "multipliers": [{"when": {"not": {"audience": ["did"]}}, "factor": 1.25}],
        "supply": {"ads_txt": "direct", "schain": "complete", "sellers_json": "listed", "max_hops": 2},
    }
    priced = {
        "roas": {"strategy": "target_roas", "goal": 2.5, "conversion": "paid", "conversion_value": "80", "explore": 0},
        "cpa": {"strategy": "target_cpa", "goal": "12.34", "explore": "0.5%"},
        "clicks": {"strategy": "max_clicks"},
    }
    campaign["line_items"] += [
        {"key": key, "name": key, "bid_cap_cpm": 9, "creatives": ["b", "n"], **price} for key, price in priced.items()
    ]
    file["campaigns"].append(
        {
            "key": "credit", "advertiser": "bank", "name": "Credit", "start": "2026-01-01", "end": "2026-12-31",
            "total_budget": 1, "fees": [], "special_category": "credit",
            "line_items": [{"key": "plain", "name": "Plain", "bid_cpm": 1, "creatives": ["c1"]}],
        }
    )  # fmt: skip
    file["block_lists"].append({"key": "off", "agency": "big", "domains": ["off.example"], "status": "paused"})
    return file


def written(desk: Desk) -> dict[str, Any]:
    """What is stored, through YAML."""
    path = desk.folder / "written.yaml"
    path.write_text(yaml_of(Writing(desk.stored()).file()))
    content: dict[str, Any] = read_yaml(path)
    return content


@pytest.mark.parametrize("name", ["small", "full", "consumer-finance", "individuals"])
def test_what_is_written_is_read_as_what_it_was(name: str, desk: Desk, tmp_path: Path) -> None:
    if name in ("small", "full"):
        desk.take(yaml_of(FILE if name == "small" else full()))
    else:
        copytree(EXAMPLES / name, desk.folder, dirs_exist_ok=True)
        if name == "individuals":
            (desk.folder / "chosen.txt").write_text("ifa:A1\n")
        desk.take((EXAMPLES / name / "campaigns.yaml").read_text())
    said, before = written(desk), desk.stored()
    assert not desk.take(yaml_of(said)).changed
    assert desk.stored() == before
    other = tmp_path / "other"
    other.mkdir()
    with closing(new_control_store(other / "control.sqlite")) as store:
        elsewhere = Desk(other, store)
        elsewhere.take(yaml_of(said))
        assert written(elsewhere) == said


def test_nothing_that_a_file_can_say_is_left_out(desk: Desk) -> None:
    desk.take(yaml_of(full()))
    said = written(desk)
    fields: dict[str, tuple[str, ...]] = {
        "exchanges": EXCHANGE,
        "rates": reading.RATE,
        "agencies": tuple(name for name in reading.AGENCY if name != "credit_limit"),  # one of the two has credit
        "fees": reading.FEE,
        "advertisers": reading.ADVERTISER,
        "audiences": tuple(name for name in reading.AUDIENCE if name not in ("file", "columns")),
        "creatives": creatives.CREATIVE,
        "deals": reading.DEAL,
        "campaigns": reading.CAMPAIGN,
        "block_lists": tuple(name for name in supply_rules.BLOCK_LIST if name != "advertiser"),
    }
    for section, known in fields.items():
        assert {name for entry in said[section] for name in entry} == set(known), section
    items = [item for campaign in said["campaigns"] for item in campaign["line_items"]]
    assert {name for item in items for name in item} == set(reading.LINE_ITEM)
    videos = [one["video"] for one in said["creatives"] if "video" in one]
    assert {name for video in videos for name in video} == set(media.VIDEO)
    natives = [one["native"] for one in said["creatives"] if "native" in one]
    assert {name for native in natives for name in native} == set(creatives.NATIVE) - {"video"}  # as in `creatives`
    assert {name for one in said["audiences"] for name in one.get("of", {})} == set(audience_terms.SETS)


@pytest.mark.parametrize("adapter", sorted(ADAPTERS))
def test_what_an_adapter_says_is_written_out(adapter: str, desk: Desk) -> None:
    plain = {"key": "one", "currency": "USD", "adapter": adapter, "seat": "12", "billing_id": "9"}
    settings = ADAPTERS[adapter].profile.settings
    plain |= {"price_key": KEY} if settings.get("price_source") == "encrypted" else {}
    desk.take({"exchanges": [plain | ({} if "billing" in settings else {"billing": "burl"})]})
    (said,) = written(desk)["exchanges"]
    assert {name for name in settings if settings[name] not in ("", [], {})} <= said.keys()
    assert not desk.take(yaml_of({"exchanges": [said]})).changed
