"""The fields of a campaign file that say where and beside whom ads are shown."""

from typing import Any

import msgspec
import pytest

from campaigns import rule_terms
from campaigns.catalogue import Catalogue
from campaigns.references import References
from domain.campaign import Advertiser, LineItem
from domain.entry import Entry, Wrong
from domain.errors import Problem

BANK = Advertiser(1, "bank", "Bank", "USD", "UTC", "bank.example", ("IAB13",))
RIVAL = Advertiser(2, "rival", "Rival", "USD", "UTC", "rival.example", ("IAB13",))


def read(**fields: Any) -> tuple[dict[str, Any], list[Problem]]:
    problems: list[Problem] = []
    known = Catalogue(advertisers={"bank": BANK, "rival": RIVAL})
    e = Entry(fields, "line", (*rule_terms.LINE_ITEM_RULES, "deals"), problems)
    return rule_terms.line_item_rules(e, References(known, lambda _: 9), BANK), problems


def test_what_is_not_said_is_as_before() -> None:
    found, problems = read()
    assert not problems
    defaults = {f.name: f.default for f in msgspec.structs.fields(LineItem) if f.name in found}
    assert found == defaults


def test_what_is_said() -> None:
    found, problems = read(
        deals=["d"],
        deals_only=False,
        interstitials="only",
        roadblock="page",
        competitive_separation="category",
        competitors=["rival"],
        one_per_pod="campaign",
        pod_slot="last",
    )
    assert not problems
    assert found == {
        "deals_only": False,
        "interstitials": "only",
        "roadblock": "page",
        "separate_categories": True,
        "separate_from": (2,),
        "one_per_pod": "campaign",
        "pod_slot": "last",
    }


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"deals_only": False}, "line.deals_only"),
        ({"deals_only": "no", "deals": ["d"]}, "line.deals_only"),
        ({"interstitials": "sometimes"}, "line.interstitials"),
        ({"roadblock": True}, "line.roadblock"),
        ({"competitive_separation": "brand"}, "line.competitive_separation"),
        ({"competitors": ["rival", "nobody"]}, "line.competitors[1]"),
        ({"competitors": ["bank"]}, "line.competitors"),
        ({"one_per_pod": "agency"}, "line.one_per_pod"),
        ({"pod_slot": 1}, "line.pod_slot"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in read(**fields)[1]] == [path]


def test_categories_in_other_taxonomies() -> None:
    assert rule_terms.categories_in({"content_3.1": ["391"], "ad_product_2.0": [1337]}) == {
        "ad_product_2.0": ("1337",),
        "content_3.1": ("391",),
    }


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"content_9": ["1"]}, [".content_9"]),
        ({"ad_product_2.0": ["1337", "IAB13", True]}, [".ad_product_2.0[1]", ".ad_product_2.0[2]"]),
        ({"ad_product_2.0": []}, [".ad_product_2.0"]),
        ([], []),
        ({}, []),
    ],
)
def test_categories_that_do_not_exist_are_named(value: Any, where: list[str]) -> None:
    with pytest.raises(Wrong) as wrong:
        rule_terms.categories_in(value)
    assert [fault[0] for fault in wrong.value.faults] == where


@pytest.mark.parametrize(("value", "found"), [("com.bank.app", "com.bank.app"), (123456789, "123456789")])
def test_store_ids(value: Any, found: str) -> None:
    assert rule_terms.store_id(value) == found


@pytest.mark.parametrize("value", ["", "a b", True, None, ["x"], "x" * 256])
def test_what_is_no_store_id(value: Any) -> None:
    with pytest.raises(Wrong):
        rule_terms.store_id(value)


def test_languages_of_ads() -> None:
    assert [rule_terms.ad_language(language) for language in ("en", "xx")] == ["en", "xx"]
    with pytest.raises(Wrong, match="'xx' for an ad without words"):
        rule_terms.ad_language("english")
