"""From a line item's targeting to what the index selects."""

import pytest

from domain.campaign import Clause, LineItem, Targeting
from targeting.dimensions import Dimension, value_id
from targeting.expression import published
from targeting.index import TargetingIndex, mismatch
from targeting.matcher import Measures


def line_item(**form: object) -> LineItem:
    return LineItem(1, "spring-loans", 1, "Spring", 1_000_000, published(form), (1,))


def facts(**values: str) -> dict[Dimension, list[int]]:
    """``country="usa"``; several values of a dimension are parted by blanks."""
    return {
        (d := Dimension[name.upper()]): [value_id(d, one) for one in several.split()]
        for name, several in values.items()
    }


def test_every_dimension_needs_one_of_its_values() -> None:
    index = TargetingIndex([line_item(country=["usa", "can"], device_type=["4", "5"])])
    assert index.select(facts(country="can", device_type="5")) == [0]
    assert index.select(facts(country="can", device_type="2")) == []
    assert index.select(facts(country="mex", device_type="4")) == []


def test_an_unknown_fact_fails_a_requirement_and_passes_an_exclusion() -> None:
    index = TargetingIndex([line_item(language=["en"]), line_item(**{"not": {"language": ["en"]}})])
    assert index.select({}) == [1]
    assert index.select(facts(language="en")) == [0]
    assert index.select(facts(language="zh")) == [1]


def test_a_domain_holds_its_sub_domains_and_a_category_its_children() -> None:
    index = TargetingIndex(
        [
            line_item(site=["news.example"]),
            line_item(site=["money.news.example"]),
            line_item(**{"not": {"category": ["iab13"]}}),
        ]
    )
    request = facts(site="money.news.example news.example", category="iab13-1 iab13")
    assert index.select(request) == [0, 1]
    assert index.select(facts(site="news.example", category="iab12")) == [0, 2]


def test_one_audience_of_several_is_enough_and_one_is_too_much() -> None:
    index = TargetingIndex([line_item(audience=["7", "8"], **{"not": {"audience": ["9"]}})])
    assert index.select(facts(audience="3 8")) == [0]
    assert index.select(facts(audience="8 9")) == []
    assert index.select(facts(audience="3")) == []


def test_several_sets_of_audiences_must_each_be_met() -> None:
    """The second takes a second plane, the third is checked."""
    sets = [{"audience": ["1", "2"]}, {"audience": ["2", "3"]}, {"audience": ["3", "4"]}, {"audience": ["5", "6"]}]
    index = TargetingIndex([line_item(all=sets[:2]), line_item(all=sets[:3]), line_item(all=sets)])
    assert index.select(facts(audience="2")) == [0]
    assert index.select(facts(audience="1 3")) == [0, 1]
    assert index.select(facts(audience="1 3 6")) == [0, 1, 2]
    assert index.select(facts(audience="1 4 6")) == []


def test_text_is_compared_without_case_but_codes_with() -> None:
    index = TargetingIndex([line_item(country=["USA"], deal=["PMP-1a"], publisher=["P-1"])])
    assert index.select(facts(country="usa", deal="PMP-1a", publisher="P-1")) == [0]
    assert index.select(facts(country="usa", deal="pmp-1a", publisher="P-1")) == []


def test_a_line_item_that_wants_nothing_at_all_gets_nothing() -> None:
    nothing = LineItem(1, "none", 1, "None", 1, Targeting(()), (1,))
    assert TargetingIndex([nothing, line_item(country=["usa"])]).select(facts(country="usa")) == [1]
    assert mismatch(nothing, {}) == "it wants no request at all"


def test_no_line_items_match_nothing_and_changes_begin_from_there() -> None:
    index = TargetingIndex([])
    assert index.select(facts(country="usa")) == []
    assert index.changed((), [line_item()]).select({}) == [0]


def test_checks_are_made_of_what_is_known() -> None:
    index = TargetingIndex([line_item(radius=["40.7,-74.0,5000"]), line_item(**{"not": {"page": ["*/loans/*"]}})])
    assert index.select({}) == [1]
    assert index.select({}, Measures((40.71, -74.01), page="https://a.example/loans/x?y")) == [0]
    assert index.select({}, Measures((41.0, -74.01), page="https://a.example/?x=/loans/")) == [1]


def test_only_asked_dimensions_are_wanted() -> None:
    index = TargetingIndex([line_item(country=["usa"], page=["*x*"])])
    assert index.matcher.wanted == 1 << Dimension.COUNTRY | 1 << Dimension.PAGE
    assert index.changed((0,), [line_item(os=["ios"])]).matcher.wanted >> Dimension.OS & 1


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        (Clause("planet", ("mars",)), "line item spring-loans: 'planet' is no dimension"),
        (Clause("device_type", ("phone",)), "spring-loans: 'phone' is no value of device_type; it takes numbers"),
    ],
)
def test_what_cannot_be_compiled_is_refused_by_name(clause: Clause, message: str) -> None:
    item = LineItem(1, "spring-loans", 1, "Spring", 1, Targeting(((clause,),)), (1,))
    with pytest.raises(ValueError, match=message):
        TargetingIndex([item])


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (line_item(country=["usa", "can"]), "country is none of usa, can"),
        (line_item(**{"not": {"os": ["ios", "tvos"]}}), "os is ios, which it excludes"),
        (line_item(os=["ios"], **{"not": {"country": ["usa"]}}), None),
        (
            line_item(any=[{"country": ["usa"]}, {"os": ["tvos"]}]),
            "none of its 2 alternatives: country is none of usa; os is none of tvos",
        ),
        (line_item(any=[{"country": ["usa"]}, {"os": ["ios"]}]), None),
        (line_item(score=["credit >=600"]), "score is none of credit >=600"),
    ],
)
def test_a_mismatch_is_told_in_words(item: LineItem, reason: str | None) -> None:
    assert mismatch(item, facts(country="mex", os="ios")) == reason
