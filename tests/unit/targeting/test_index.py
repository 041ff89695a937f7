"""From a line item's written targeting to what the index selects."""

import pytest

from domain.campaign import LineItem, Targeting
from targeting.dimensions import Dimension, value_id
from targeting.index import TargetingIndex, mismatch


def line_item(
    all_of: dict[str, tuple[str, ...]] | None = None, none_of: dict[str, tuple[str, ...]] | None = None
) -> LineItem:
    targeting = Targeting(all_of or {}, none_of or {})
    return LineItem(1, "spring-loans", 1, "Spring", 1_000_000, targeting, (1,))


def facts(**values: str) -> dict[Dimension, list[int]]:
    """``country="usa"``; several values of a dimension are parted by blanks."""
    return {
        (d := Dimension[name.upper()]): [value_id(d, one) for one in several.split()]
        for name, several in values.items()
    }


def test_every_dimension_of_all_of_needs_one_of_its_values() -> None:
    index = TargetingIndex([line_item({"country": ("usa", "can"), "device_type": ("4", "5")})])
    assert index.select(facts(country="can", device_type="5")) == [0]
    assert index.select(facts(country="can", device_type="2")) == []
    assert index.select(facts(country="mex", device_type="4")) == []


def test_an_unknown_fact_fails_a_requirement_and_passes_an_exclusion() -> None:
    index = TargetingIndex([line_item({"language": ("en",)}), line_item(none_of={"language": ("en",)})])
    assert index.select({}) == [1]
    assert index.select(facts(language="en")) == [0]
    assert index.select(facts(language="zh")) == [1]


def test_a_domain_holds_its_sub_domains_and_a_category_its_children() -> None:
    index = TargetingIndex(
        [
            line_item({"site": ("news.example",)}),
            line_item({"site": ("money.news.example",)}),
            line_item(none_of={"category": ("iab13",)}),
        ]
    )
    request = facts(site="money.news.example news.example example", category="iab13-1 iab13")
    assert index.select(request) == [0, 1]
    assert index.select(facts(site="news.example example", category="iab12")) == [0, 2]


def test_one_audience_of_several_is_enough_and_one_is_too_much() -> None:
    index = TargetingIndex([line_item({"audience": ("7", "8")}, {"audience": ("9",)})])
    assert index.select(facts(audience="3 8")) == [0]
    assert index.select(facts(audience="8 9")) == []
    assert index.select(facts(audience="3")) == []


def test_text_is_compared_without_case_but_deal_codes_with() -> None:
    index = TargetingIndex([line_item({"country": ("USA",), "deal": ("PMP-1a",)})])
    assert index.select(facts(country="usa", deal="PMP-1a")) == [0]
    assert index.select(facts(country="usa", deal="pmp-1a")) == []


def test_removals_name_the_dimensions() -> None:
    index = TargetingIndex([line_item({"country": ("usa",)}), line_item({"os": ("ios",)}), line_item()])
    assert index.removals(facts(country="can", os="android")) == {Dimension.COUNTRY: 1, Dimension.OS: 1}
    assert index.removals(facts(country="usa", os="ios")) == {}


@pytest.mark.parametrize(
    ("all_of", "message"),
    [
        ({"planet": ("mars",)}, "line item spring-loans: 'planet' is no dimension"),
        ({"device_type": ("phone",)}, "line item spring-loans: 'phone' is no value of device_type; it takes numbers"),
    ],
)
def test_what_cannot_be_compiled_is_refused_by_name(all_of: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TargetingIndex([line_item(all_of)])


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (line_item({"country": ("usa", "can")}), "country is none of usa, can"),
        (line_item(none_of={"os": ("ios", "tvos")}), "os is ios, which it excludes"),
        (line_item({"os": ("ios",)}, {"country": ("usa",)}), None),
    ],
)
def test_a_mismatch_is_told_in_words(item: LineItem, reason: str | None) -> None:
    assert mismatch(item, facts(country="mex", os="ios")) == reason
