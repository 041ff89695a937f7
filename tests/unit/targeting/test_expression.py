"""Expressions and their normal form."""

from typing import Any

import pytest

from domain.campaign import Clause, Targeting, open_hours, wanted_values
from targeting.expression import MOST_ALTERNATIVES, Ill, paths_of, published
from targeting.ranges import apart, distance_m, read_range, version


def clauses(form: Any) -> set[frozenset[tuple[str, tuple[str, ...], bool]]]:
    return {frozenset((c.dimension, c.values, c.wanted) for c in way) for way in published(form).any_of}


USA, CAN = ("country", ("usa",), True), ("country", ("can",), True)


def test_nothing_said_is_everything_wanted() -> None:
    assert published({}) == Targeting()
    assert published({}).any_of == ((),)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"country": ["usa"]}, {frozenset([USA])}),
        ({"not": {"not": {"country": ["usa"]}}}, {frozenset([USA])}),
        # De Morgan
        (
            {"not": {"all": [{"country": ["usa"]}, {"os": ["ios"]}]}},
            {frozenset([("country", ("usa",), False)]), frozenset([("os", ("ios",), False)])},
        ),
        (
            {"not": {"any": [{"country": ["usa"]}, {"os": ["ios"]}]}},
            {frozenset([("country", ("usa",), False), ("os", ("ios",), False)])},
        ),
        # lone requirements of one dimension become one
        ({"any": [{"country": ["usa"]}, {"country": ["can"]}]}, {frozenset([("country", ("usa", "can"), True)])}),
        # of one value at most, what both want, without what is excluded
        (
            {"all": [{"country": ["usa", "can"]}, {"country": ["can", "mex"]}], "not": {"country": ["mex"]}},
            {frozenset([CAN])},
        ),
        # of several, both are to be met
        (
            {"all": [{"audience": ["1", "2"]}, {"audience": ["2", "3"]}]},
            {frozenset([("audience", ("1", "2"), True), ("audience", ("2", "3"), True)])},
        ),
        (
            {"audience": ["1", "2"], "not": {"audience": ["1"]}},
            {frozenset([("audience", ("2",), True), ("audience", ("1",), False)])},
        ),
        # a narrower set says what a wider one says
        ({"all": [{"audience": ["1"]}, {"audience": ["1", "2"]}]}, {frozenset([("audience", ("1",), True)])}),
        # an alternative that another one holds already
        ({"any": [{"os": ["ios"]}, {"os": ["ios"], "country": ["usa"]}]}, {frozenset([("os", ("ios",), True)])}),
        # a parent that is excluded takes its children with it
        (
            {"category": ["iab13-1", "iab9"], "not": {"category": ["iab13"]}},
            {frozenset([("category", ("iab9",), True), ("category", ("iab13",), False)])},
        ),
    ],
)
def test_the_normal_form(form: Any, expected: set[Any]) -> None:
    assert clauses(form) == expected


@pytest.mark.parametrize(
    ("form", "path", "allowed"),
    [
        ({"country": ["usa"], "not": {"country": ["usa", "can"]}}, "", "contradicts itself"),
        ({"any": [{"os": ["ios"]}, {"all": [{"os": ["ios"]}, {"os": ["tvos"]}]}]}, ".any[1].all", "contradicts itself"),
        ({"category": ["iab13-1"], "not": {"category": ["iab13"]}}, "", "contradicts itself"),
        ({"all": [{"score": ["credit >=600"]}, {"score": ["credit <500"]}]}, ".all", "contradicts itself"),
        ({"all": [{"radius": ["0,0,1000"]}, {"radius": ["1,1,1000"]}]}, ".all", "contradicts itself"),
        ({"any": [{"os": ["ios"]}, {"not": {"os": ["ios"]}}]}, ".any", "every request meets one of these"),
        ({"not": {"any": [{"os": ["ios"]}, {"not": {"os": ["ios"]}}]}}, ".not.any", "every request meets it"),
        (
            {"all": [{"any": [{"audience": [str(n)], "os": ["ios"]}, {"site": [f"{n}.x"]}]} for n in range(7)]},
            ".all",
            f"more than {MOST_ALTERNATIVES} alternatives",
        ),
        ({"any": [{"not": {"country": [str(n)]}} for n in range(300)]}, "", "at most 256 lists"),
    ],
)
def test_what_says_nothing_or_too_much_is_refused_where_it_stands(form: Any, path: str, allowed: str) -> None:
    with pytest.raises(Ill) as refused:
        published(form)
    ((found, _, why),) = refused.value.faults
    assert (found, allowed in why) == (path, True), why


def test_depth_is_bounded() -> None:
    form: Any = {"os": ["ios"]}
    for _ in range(40):
        form = {"not": form}
    with pytest.raises(Ill, match="nested at most 16 deep"):
        published(form)


def test_where_a_dimension_is_named() -> None:
    form = {"size": ["1"], "any": [{"os": ["ios"]}, {"not": {"size": ["2"]}}]}
    assert list(paths_of(form, "size")) == [".size", ".any[1].not.size"]


def test_what_is_wanted_in_any_alternative() -> None:
    found = published({"any": [{"audience": ["1"], "os": ["ios"]}, {"audience": ["2"], "not": {"audience": ["3"]}}]})
    assert list(wanted_values(found, "audience")) == ["1", "2"]


def test_open_hours_are_those_of_any_alternative() -> None:
    assert open_hours(published({"country": ["usa"]})) is None
    assert open_hours(published({"hour_of_week": ["1", "2"], "not": {"hour_of_week_utc": ["2"]}})) == {1}
    assert open_hours(published({"any": [{"hour_of_week": ["1"], "os": ["ios"]}, {"os": ["tvos"]}]})) is None
    assert open_hours(published({"not": {"hour_of_week": ["0"]}})) == frozenset(range(1, 168))
    assert Clause("a", ()).wanted


def test_versions_compare_as_versions() -> None:
    assert version("9.10") > version("9.9") > version("9") == version("9.0.0.0")
    assert read_range(read_dimension("os_version"), "ios >=15.2 <17") == ("ios", version("15.2"), version("17"))
    with pytest.raises(ValueError, match="at most 4 numbers"):
        version("1.2.3.4.5")


def test_places_are_as_far_apart_as_they_are() -> None:
    """JFK to LAX is 3,974 km (great circle mapper), Greenwich to the antimeridian half a parallel."""
    assert abs(distance_m(40.6398, -73.7789, 33.9425, -118.4081) / 1000 - 3974) < 5
    assert not apart(read_dimension("radius"), "0,179.99,2000", "0,-179.99,2000")


def read_dimension(name: str) -> Any:
    from targeting.dimensions import Dimension

    return Dimension[name.upper()]
