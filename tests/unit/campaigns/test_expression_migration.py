"""What line items wanted before there were expressions, carried over by the migration, and back."""

import importlib
from typing import Any

import msgspec
import pytest

from domain.campaign import Targeting
from targeting.expression import published

MIGRATION = importlib.import_module("campaigns.migrations.versions.0013_expressions")


@pytest.mark.parametrize(
    ("halves", "form"),
    [
        ({"all_of": {}, "none_of": {}}, {}),
        ({"all_of": {"country": ["usa", "can"]}, "none_of": {}}, {"country": ["usa", "can"]}),
        (
            {"all_of": {"country": ["usa"]}, "none_of": {"site": ["a.example"]}},
            {"country": ["usa"], "not": {"site": ["a.example"]}},
        ),
        # a value in both halves was excluded
        (
            {"all_of": {"audience": ["1", "2"]}, "none_of": {"audience": ["2"]}},
            {"audience": ["1", "2"], "not": {"audience": ["2"]}},
        ),
    ],
)
def test_halves_become_the_expression_that_says_the_same(halves: dict[str, Any], form: dict[str, Any]) -> None:
    found = msgspec.convert(MIGRATION._expression(halves), Targeting)
    assert {frozenset(way) for way in found.any_of} == {frozenset(way) for way in published(form).any_of}


def test_what_could_never_be_met_never_is() -> None:
    assert MIGRATION._expression({"all_of": {"os": ["ios"]}, "none_of": {"os": ["ios"]}}) == {"any_of": []}


def test_the_way_back_keeps_what_can_be_said_and_stops_what_cannot() -> None:
    halves = {"all_of": {"country": ["usa"]}, "none_of": {"site": ["a.example"]}}
    assert MIGRATION._halves(MIGRATION._expression(halves)) == halves
    assert MIGRATION._halves({}) == {"all_of": {}, "none_of": {}}
    several = msgspec.to_builtins(published({"any": [{"os": ["ios"]}, {"country": ["usa"], "os": ["tvos"]}]}))
    assert MIGRATION._halves(several) == {"all_of": {"exchange": ["0"]}, "none_of": {}}
