"""Rules over histories of scraped pages: against a plain recount, and as situations that operators know."""

import itertools
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.config import AlertSettings
from monitoring.history import History
from monitoring.reading import Reading
from monitoring.rules import BUILT_IN, Rule, rules

NAMED = {rule.name: rule for rule in BUILT_IN}


def tell(name: str, value: float, **labels: str) -> Reading:
    return Reading(name, labels, value)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.one_of(st.none(), st.integers(0, 50)), st.booleans()), max_size=30),
    st.integers(10, 200),
)
def test_an_increase_is_what_was_counted_in_the_window(steps: list[tuple[int, int | None, bool]], window: int) -> None:
    """Whatever restarts in between, and whenever nobody answered (None). From the last look before it."""
    rule = Rule("r", "outbid_x_total", read="increase", window_s=float(window), above=-1.0)
    history, now, counter, before = History((rule,)), 0.0, 0.0, 0.0
    looks: list[tuple[float, float]] = []
    """When, and what had been counted since the beginning, restarts or not."""
    counted = 0.0
    for passed, more, restarted in steps:
        now += passed
        if more is None:
            history.take("a", now, None)
            continue
        counter, counted = (0.0 if restarted else counter) + more, counted + more
        # a restarted counter that passed its old value cannot be told from one that went on: then less is seen
        if restarted and looks and counter >= before:
            counted -= before
        before = counter
        looks.append((now, counted))
        history.take("a", now, [tell("outbid_x_total", counter)])
    inside = [i for i, (at, _) in enumerate(looks) if at >= now - window]
    first = max(0, inside[0] - 1) if inside else len(looks) - 1
    found = history.wrong(rule, now)
    if len(looks) - first < 2:
        assert found == {}
    else:
        assert found == {(): pytest.approx(looks[-1][1] - looks[first][1])}


def test_a_counter_that_appears_had_counted_nothing_before() -> None:
    rule = Rule("r", "outbid_x_total", {"reason": "full"}, "increase", above=0.0)
    history = History((rule,))
    history.take("a", 0.0, [])
    history.take("a", 15.0, [tell("outbid_x_total", 3, reason="full"), tell("outbid_x_total", 9, reason="other")])
    assert history.wrong(rule, 15.0) == {(): 3.0}
    fresh = History((rule,))  # the watcher began anew: what was counted before is nobody's news
    fresh.take("a", 0.0, [tell("outbid_x_total", 3, reason="full")])
    fresh.take("a", 15.0, [tell("outbid_x_total", 3, reason="full")])
    assert fresh.wrong(rule, 15.0) == {}


def test_series_are_combined_by_labels_and_divided() -> None:
    rule = NAMED["late_answers"]
    history = History((rule,))

    def page(asked: int, late: dict[str, int]) -> list[Reading]:
        """Of two exchanges and two workers."""
        pairs = list(itertools.product("uv", ("0", "1")))
        return [tell(rule.metric, late.get(x + w, 0), exchange=x, worker=w) for x, w in pairs] + [
            tell(rule.per, asked * (10 if x == "v" else 1), exchange=x, worker=w) for x, w in pairs
        ]

    history.take("bidder", 0.0, page(0, {}))
    history.take("bidder", 60.0, page(100, {"u1": 6, "v1": 60}))
    assert history.wrong(rule, 60.0) == {}  # 3 % of either
    history.take("bidder", 120.0, page(200, {"u0": 4, "u1": 62, "v1": 60}))
    assert history.wrong(rule, 120.0) == {(("exchange", "u"),): pytest.approx(66 / 400)}


def test_no_bids_is_wrong_only_while_exchanges_ask() -> None:
    rule = NAMED["no_bids"]
    history = History((rule,))
    for at in range(0, 1201, 60):
        asked = 0 if at < 600 else (at - 600) * 10
        history.take("bidder", at, [tell(rule.metric, 5, exchange="u"), tell(rule.only_if, asked, exchange="u")])
        assert bool(history.wrong(rule, at)) == (asked > 1000), at


def test_who_is_silent_is_no_proof_that_all_is_well() -> None:
    rule, down = NAMED["ledger_not_settled"], NAMED["process_down"]
    history = History((rule, down))
    history.take("control", 0.0, [tell(rule.metric, 99)])
    history.take("watcher", 0.0, [tell(down.metric, 1, target="control")])
    assert history.wrong(rule, 0.0) == {(): 99.0} and history.conclusive(rule, 0.0)
    history.take("control", 15.0, None)
    history.take("watcher", 15.0, [tell(down.metric, 0, target="control")])
    assert history.wrong(rule, 15.0) == {} and not history.conclusive(rule, 15.0)
    assert history.wrong(down, 15.0) == {(("target", "control"),): 0.0} and history.conclusive(down, 15.0)


def test_own_rules_take_the_place_of_built_in_ones() -> None:
    text = b"""
    {"rule": [{"name": "store_lag", "enabled": false},
              {"name": "disk_nearly_full", "metric": "outbid_process_disk_free_bytes", "below": 1e9},
              {"name": "mine", "metric": "outbid_bidder_connections", "combine": "max", "above": 10.5,
               "where": {"worker": "0"}}]}"""
    found = {rule.name: rule for rule in rules(msgspec.json.decode(text, type=AlertSettings).rule)}
    assert found.keys() == NAMED.keys() - {"store_lag"} | {"mine"}
    assert found["disk_nearly_full"].promql() == "sum(outbid_process_disk_free_bytes) < 1000000000"
    assert found["mine"].promql() == 'max(outbid_bidder_connections{worker="0"}) > 10.5'


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ('{"name": "x"}', "metric"),
        ('{"name": "x", "metric": "m"}', "above and below"),
        ('{"name": "x", "metric": "m", "above": 1, "below": 2}', "above and below"),
        ('{"name": "x y", "metric": "m", "above": 1}', "name"),
        ('{"name": "x", "metric": "m", "above": 1, "window_s": 0}', "window_s"),
        ('{"name": "x", "metric": "m", "above": 1, "severity": "fatal"}', "severity"),
        ('{"name": "x", "metrics": "m", "above": 1}', "metrics"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named(rule: str, named: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(named)):
        msgspec.json.decode(f'{{"rule": [{rule}]}}', type=AlertSettings)
