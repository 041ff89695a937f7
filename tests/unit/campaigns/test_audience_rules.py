"""Rules of audiences in a campaign file: what is taken, and every mistake by its path."""

from copy import deepcopy
from typing import Any

import msgspec
import pytest

from campaigns.snapshot import compile_snapshot
from domain.audience_rule import AllOf, AnyOf, Happened, Not
from domain.campaign import Snapshot
from tests.unit.campaigns.test_importing import FILE, NOW, Desk

DAY = 86_400


@pytest.fixture
def desk(tmp_path: Any, store: Any) -> Desk:
    return Desk(tmp_path, store)


def with_rule(rule: Any, **more: Any) -> dict[str, Any]:
    content = deepcopy(FILE)
    content["audiences"].append({"key": "warm", "advertiser": "bank", "name": "Warm", "rule": rule, **more})
    return content


def faults(desk: Desk, rule: Any, **more: Any) -> list[tuple[str, object]]:
    return [(path, value) for path, value, _ in desk.refused(with_rule(rule, **more))]


RULE = {
    "any": [{"shown": {"campaign": ["cards"], "within": "30d"}}, {"shown": {"within": "1d", "at_least": 5}}],
    "not": {
        "any": [
            {"converted": {"event": ["approved", "application"]}},
            {"clicked": {"line_item": "l1", "within": "30m"}},
        ]
    },
    "visited": {"page": "loans/*", "url": ["bank.example/*"], "within": "7d", "at_least": 2},
}


def test_a_rule_goes_all_the_way_to_the_snapshot(desk: Desk) -> None:
    content = with_rule(RULE)
    content["advertisers"][0]["lifecycle"] = {"application": "applied", "late": "in-arrears"}
    desk.take(content)
    stored = desk.stored()
    snapshot = compile_snapshot(stored, NOW)
    there = msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=Snapshot)
    rules = {audience.key: audience.rule for audience in there.audiences}
    campaign, item = stored.campaigns["cards"].id, stored.line_items["l1"].id
    assert rules == {
        "prime": None,
        "warm": AllOf(
            (
                AnyOf((Happened("shown", 30 * DAY, campaigns=(campaign,)), Happened("shown", DAY, 5))),
                Not(
                    AnyOf(
                        (
                            Happened("converted", events=("application", "approved")),
                            Happened("clicked", 1800, line_items=(item,)),
                        )
                    )
                ),
                Happened("visited", 7 * DAY, 2, pages=("loans/*",), urls=("bank.example/*",)),
            )
        ),
    }
    assert [a.lifecycle for a in there.advertisers] == [{"application": "applied", "late": "in-arrears"}, {}]
    assert not desk.take(content).changed
    desk.take(with_rule({"visited": {"within": "1d"}}))
    assert desk.stored().audiences["warm"].rule == Happened("visited", DAY)
    assert not desk.stored().advertisers["bank"].lifecycle


@pytest.mark.parametrize(
    ("rule", "path", "value"),
    [
        ({}, "", {}),
        ([], "", []),
        ({"seen": {}}, ".seen", {}),
        ({"visited": []}, ".visited", []),
        ({"visited": {"page": "loans/*"}}, ".visited.within", None),
        ({"visited": {"within": "31d"}}, ".visited.within", "31d"),
        ({"visited": {"within": "7d", "at_least": 0}}, ".visited.at_least", 0),
        ({"visited": {"within": "7d", "at_least": 101}}, ".visited.at_least", 101),
        ({"visited": {"within": "7d", "event": "lead"}}, ".visited.event", "lead"),
        ({"visited": {"within": "7d", "page": ["a", "b c"]}}, ".visited.page[1]", "b c"),
        ({"visited": {"within": "7d", "url": "https://bank.example/"}}, ".visited.url", "https://bank.example/"),
        ({"visited": {"within": "7d", "page": []}}, ".visited.page", []),
        ({"converted": {"event": "a b"}}, ".converted.event", "a b"),
        ({"converted": {}}, ".converted.event", None),
        ({"shown": {"campaign": "cars", "within": "1d"}}, ".shown.campaign", "cars"),
        ({"shown": {"campaign": "cards", "line_item": "l1", "within": "1d"}}, ".shown.campaign", "cards"),
        ({"any": []}, ".any", []),
        ({"all": [{"not": {"any": [{"clicked": {"within": "x"}}]}}]}, ".all[0].not.any[0].clicked.within", "x"),
        (
            {"visited": {"within": "7d"}, "not": {"shown": {"within": "1d"}, "clicked": {"within": "1d"}}},
            ".not",
            {"shown": {"within": "1d"}, "clicked": {"within": "1d"}},
        ),
    ],
)
def test_a_mistake_is_named_by_its_path(desk: Desk, rule: Any, path: str, value: object) -> None:
    assert (f"audiences[1].rule{path}", value) in faults(desk, rule)


@pytest.mark.parametrize(
    "rule",
    [
        {"not": {"converted": {"event": "application"}}},
        {"any": [{"visited": {"within": "1d"}}, {"not": {"visited": {"within": "7d"}}}]},
        {"visited": {"within": "1d"}, "not": {"visited": {"within": "1d"}}},
        {"visited": {"within": "7d"}, "not": {"visited": {"within": "30d"}}},
        {"visited": {"within": "1d", "page": "a", "at_least": 3}, "not": {"visited": {"within": "1d"}}},
        {"visited": {"within": "1d", "page": "a"}, "not": {"visited": {"within": "1d", "page": ["a", "b"]}}},
        {"converted": {"within": "1d", "event": "lead"}, "not": {"converted": {"event": "lead"}}},
        {"any": [{"visited": {"within": f"{n}m"}} for n in range(1, 14)]},
    ],
    ids=["who did nothing", "who did nothing either", "nobody", "shorter", "more", "fewer pages", "ever", "too many"],
)
def test_a_rule_must_make_sense(desk: Desk, rule: Any) -> None:
    assert faults(desk, rule) == [("audiences[1].rule", rule)]


@pytest.mark.parametrize(
    "rule",
    [
        {"visited": {"within": "30d"}, "not": {"visited": {"within": "7d"}}},
        {"visited": {"within": "7d"}, "not": {"visited": {"within": "30d", "at_least": 2}}},
        {"visited": {"within": "7d"}, "not": {"visited": {"within": "30d", "page": "a"}}},
        {"visited": {"within": "7d", "page": ["a", "b"]}, "not": {"visited": {"within": "7d", "page": "a"}}},
        {"converted": {"event": "lead"}, "not": {"converted": {"within": "30d", "event": "lead"}}},
        {"shown": {"within": "7d"}, "not": {"clicked": {"within": "30d"}}},
    ],
)
def test_a_rule_that_somebody_can_meet_is_taken(desk: Desk, rule: Any) -> None:
    desk.take(with_rule(rule))


@pytest.mark.parametrize(("name", "value"), [("file", "prime.txt"), ("ttl", "90d"), ("of", {"any": ["prime"]})])
def test_whoever_has_a_rule_is_no_list_and_no_set(desk: Desk, name: str, value: object) -> None:
    rule = {"visited": {"within": "1d"}}
    assert faults(desk, rule, **{name: value}) in (
        [(f"audiences[1].{name}", value)],
        [("audiences[1].rule", rule)],
    )


def test_another_advertisers_campaigns_are_none_of_its_business(desk: Desk) -> None:
    assert faults(desk, {"shown": {"campaign": "cards", "within": "1d"}}, advertiser="loans") == [
        ("audiences[1].rule.shown.campaign", "cards")
    ]


@pytest.mark.parametrize(
    ("told", "path", "value"),
    [
        ([], "", []),
        ({}, "", {}),
        ({"lead": "customer"}, ".lead", "customer"),
        ({"a lead": "applied"}, ".a lead", "applied"),
    ],
)
def test_a_lifecycle_names_events_and_stages(desk: Desk, told: Any, path: str, value: object) -> None:
    content = deepcopy(FILE)
    content["advertisers"][0]["lifecycle"] = told
    assert [(p, v) for p, v, _ in desk.refused(content)] == [(f"advertisers[0].lifecycle{path}", value)]
