"""An adapter's settings stand where the file gives none; what does not go together is named."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from campaigns.catalogue import Catalogue
from campaigns.reading import Reading
from domain.errors import Refused
from domain.exchange import Exchange, NoticeStyle

KEY = "A" * 86 + "=="


def read(**fields: Any) -> Exchange:
    ids = count(1)
    reading = Reading(Catalogue(), Path("."), lambda kind: next(ids), "2026-01-01")
    reading.read({"exchanges": [{"key": "x", "currency": "USD", **fields}]})
    return reading.new.exchanges["x"]


def problems(**fields: Any) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        read(**fields)
    return {p.path.removeprefix("exchanges[0]."): p.allowed for p in refused.value.problems}


def test_without_an_adapter_everything_is_as_it_always_was() -> None:
    plain = read(billing="burl")
    assert plain == Exchange(1, "x", "USD", {"banner": "burl", "video": "burl", "audio": "burl", "native": "burl"})
    assert plain.notices == NoticeStyle()


def test_what_the_file_says_wins_over_the_adapter() -> None:
    ours = read(adapter="unity")
    assert (ours.auction_type, ours.no_bid, ours.billing) == (1, "nbr", {"banner": "burl"})
    changed = read(adapter="unity", auction_type=2, no_bid="empty", notices={"urls": ["burl"]}, billing=None)
    assert (changed.auction_type, changed.no_bid, changed.billing) == (2, "empty", {"banner": "burl"})
    assert changed.notices == NoticeStyle(urls=("burl",))


def test_notices_are_laid_over_the_adapters_field_by_field() -> None:
    openx = read(adapter="openx", price_key=KEY, notices={"urls": ["lurl"]})
    assert openx.notices == NoticeStyle(("lurl",), "${AUCTION_PRICE:OXCRYPT}", ("pixel",))


def test_expiries_by_format_have_the_usual_ones_beside_them() -> None:
    some = read(billing="burl", bid_expiry_s={"banner": 60})
    assert (some.bid_expiry_s, some.expiries_s) == (1800, {"banner": 60, "video": 1800, "audio": 1800, "native": 600})
    same = read(billing="burl", bid_expiry_s=600)
    assert (same.bid_expiry_s, same.expiries_s) == (600, {})


def test_numbers_of_yaml_become_numbers_of_json() -> None:
    from decimal import Decimal

    assert read(billing="burl", bid_ext={"a": {"b": [Decimal("1.5"), 2, "x", None]}}).bid_ext == {
        "a": {"b": [1.5, 2, "x", None]}
    }


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"adapter": "goggle"}, "adapter", "'google'"),
        ({"adapter": "google", "price_key": KEY}, "billing_id", "it must be given for the adapter 'google'"),
        ({"adapter": "google", "price_key": KEY, "billing_id": "a7"}, "billing_id", "digits"),
        ({"adapter": "google", "billing_id": "7"}, "price_key", "where prices are encrypted"),
        ({"adapter": "pubmatic", "seat": "house"}, "seat", "[0-9]+"),
        ({"adapter": "smaato"}, "billing", "it must be given"),
        ({"billing": "burl", "notices": {"urls": ["nurl"]}}, "billing", "notices.urls has no burl"),
        ({"billing": {"banner": "nurl"}, "notices": {"urls": []}}, "billing", "notices.urls has no nurl"),
        ({"billing": "burl", "notices": {"url": []}}, "notices.url", "there is no such field"),
        ({"billing": "burl", "notices": {"urls": ["iurl"]}}, "notices.urls[0]", "'nurl' or 'burl' or 'lurl'"),
        ({"billing": "burl", "notices": {"price_macro": 'x"y'}}, "notices.price_macro", "without quotes"),
        ({"billing": "burl", "notices": []}, "notices", "it must be a mapping"),
        ({"billing": "burl", "bid_expiry_s": {"banner": 0}}, "bid_expiry_s.banner", "from 1 to 65535"),
        ({"billing": "burl", "bid_expiry_s": {"radio": 5}}, "bid_expiry_s.radio", "there is no such format"),
        ({"billing": "burl", "buyer_fee": "5"}, "buyer_fee", "a share"),
        ({"billing": "burl", "click_escapes": 1}, "click_escapes", "click_macro"),
        ({"billing": "burl", "click_macro": "a b"}, "click_macro", "without quotes"),
        ({"billing": "burl", "qps": 0}, "qps", "from 1 to"),
        ({"billing": "burl", "bid_ext": [1]}, "bid_ext", "it must be a mapping"),
        ({"billing": "burl", "creative_api": "xandr", "creative_account": "me"}, "creative_account", "digits"),
        ({"billing": "burl", "approval": "maybe"}, "approval", "'optional' or 'required'"),
    ],
)
def test_what_cannot_be_is_named(fields: dict[str, Any], path: str, words: str) -> None:
    found = problems(**fields)
    assert path in found and words in found[path], found
