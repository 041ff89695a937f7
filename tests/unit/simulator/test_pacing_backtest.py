"""The harness that measures pacings: its market, its shocks, its ruler, and that nobody is told the future."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from random import Random
from statistics import fmean

import pytest

from domain.errors import Refused
from simulator.pacing_backtest import BackTest, Outcome, Terms, run_day
from simulator.pacing_market import SIGMA, bought, expected_cost
from simulator.pacing_plan import Mode
from simulator.pacing_shocks import Shock
from simulator.slots import DAY_S, RecordedDay, Slot

PRICE = 800_000.0


def day(number: int = 0, impressions: Callable[[int], int] = lambda _: 600, hours: int = 24) -> RecordedDay:
    starts = range(number * DAY_S, number * DAY_S + hours * 3600, 300)
    return RecordedDay(f"day {number}", tuple(Slot(s, impressions(s % DAY_S // 3600), PRICE) for s in starts))


class Fixed:
    """Always bids the same, and keeps what it was told."""

    def __init__(self, bid: float, share: float = 1.0) -> None:
        self.answer = (bid, share)
        self.told: list[tuple[int, int, int]] = []

    def decide(self, at_s: int, impressions: int, spent: int) -> tuple[float, float]:
        self.told.append((at_s, impressions, spent))
        return self.answer


@pytest.mark.parametrize("impressions", [29, 30, 5000])
@pytest.mark.parametrize(("bid", "share"), [(0.5, 1.0), (1.0, 0.3), (3.0, 1.0)])
def test_what_is_bought_costs_what_single_auctions_would(impressions: int, bid: float, share: float) -> None:
    """Against auctions that are held one by one, on average; drawn one by one or as a sum."""
    chance = Random(5)
    prices = [chance.lognormvariate(0, SIGMA) for _ in range(200_000)]
    scale = fmean(prices)
    single = share * sum(p / scale for p in prices if p / scale < bid) / len(prices)
    times = 1_000_000 // impressions // 20 + 50
    costs = [bought(impressions, PRICE, bid * PRICE, share, chance) for _ in range(times)]
    assert fmean(costs) / impressions / PRICE == pytest.approx(single, rel=0.05)
    assert share * expected_cost(PRICE, bid * PRICE) / PRICE == pytest.approx(single, rel=0.02)


def test_nothing_is_bought_for_nothing() -> None:
    for wrong in ((0, PRICE, 1.0, 1.0), (9, PRICE, 0.0, 1.0), (9, PRICE, 1.0, 0.0), (9, 0.0, 1.0, 1.0)):
        assert bought(*wrong, Random(1)) == 0
    assert expected_cost(PRICE, 0) == expected_cost(0, PRICE) == 0


def test_a_budget_is_never_exceeded() -> None:
    spent = run_day(day(impressions=lambda hour: 0 if hour < 12 else 600), 10**9, Fixed(10 * PRICE), Random(1))
    assert len(spent) == 1440
    assert spent[719] == 0
    assert spent[-1] == max(spent) == 1


def test_the_minutes_of_a_day_are_its_slots_in_equal_parts_and_nothing_where_there_is_none() -> None:
    gap = RecordedDay("gap", (Slot(0, 12, 5.0), Slot(600, 5, 7.0)))
    assert gap.minutes == [(2, 5.0), (2, 5.0), (3, 5.0), (2, 5.0), (3, 5.0), *[(0, 0.0)] * 5, *[(1, 7.0)] * 5]


def test_a_pacing_is_told_of_the_minute_before_the_last() -> None:
    pacing = Fixed(PRICE)
    run_day(day(hours=12), 10**15, pacing, Random(1))
    assert pacing.told[:4] == [(0, 0, 0), (0, 0, 0), (60, 120, pacing.told[2][2]), (120, 240, pacing.told[3][2])]
    assert 0 < pacing.told[2][2] < pacing.told[3][2]


def test_a_shock_changes_its_hours_only() -> None:
    shocked = Shock("both", traffic=5, prices=1.5, minutes=60, hour=12).on(day())
    for slot in shocked.slots:
        inside = 12 * 3600 <= slot.at_s < 13 * 3600
        assert (slot.impressions, slot.price) == ((3000, 1.5 * PRICE) if inside else (600, PRICE))
    lasting = Shock("less", traffic=1 / 5, hour=23).on(day())
    assert [slot.impressions for slot in lasting.slots[-13:]] == [600, *[120] * 12]


def test_the_way_back_is_measured_from_the_shock_to_the_last_minute_outside() -> None:
    plan = (0.5,) * 10
    spent = (0.9, 0.5, 0.6, 0.5, 0.44, 0.54, 0.5, 0.5, 0.5, 0.5)
    outcome = Outcome(0, spent, plan)
    assert outcome.back_after(120) == 3
    assert outcome.back_after(0) == 5
    assert outcome.back_after(300) == 0
    assert outcome.deviation == pytest.approx((0.4 + 0.1 + 0.06 + 0.04) / 10)
    assert Outcome(0, (0.5, 0.6), (0.5, 0.5)).back_after(0) is None
    assert Outcome(600, (0.9, *[0.5] * 9), plan).back_after(0) == 1  # the shock began before the recording did


def test_a_shock_before_the_recording_or_after_it_has_a_bound_too() -> None:
    """Twelve hours from 9:00. Five times the traffic from 3:00 on changes no share; 22:00 never comes."""
    late = RecordedDay("late", tuple(replace(slot, at_s=slot.at_s + 9 * 3600) for slot in day(1, hours=12).slots))
    shocks = [Shock("early", traffic=5, hour=3), Shock("over", traffic=5, hour=22), Shock("in", traffic=5, hour=15)]
    test = BackTest([day(0), late], 1, 0.1, shocks=shocks)
    trial = next(test.trials({"fixed": lambda terms: Fixed(terms.price)}, lambda _: None))
    assert (trial.soonest["early"], trial.soonest["over"]) == (0, 0)
    assert trial.soonest["in"]


@pytest.mark.parametrize(("mode", "ahead"), [("even", 1.0), ("ahead", 1.2), ("asap", inf)])
def test_pacings_are_told_how_far_ahead_they_are_to_be(mode: Mode, ahead: float) -> None:
    told = []

    def make(terms: Terms) -> Fixed:
        told.append(terms.ahead)
        return Fixed(terms.price)

    trials = list(BackTest([day(0), day(1)], 1, 0.1, shocks=(), mode=mode).trials({"full": make}, lambda _: None))
    assert told == [ahead]
    assert (trials[0].calm.deviation < 0.01) == (mode == "asap")  # all that can be spent is what asap plans


def test_days_are_learned_from_when_they_are_over_and_short_ones_are_not_run() -> None:
    days = [day(0), day(1), day(2, hours=3), day(3)]
    seen: list[str] = []

    def make(terms: Terms) -> Fixed:
        seen.append(f"run {terms.start_s // DAY_S}")
        return Fixed(terms.price)

    test = BackTest(days, learned=1, budget_share=0.5, shocks=())
    trials = list(test.trials({"fixed": make}, lambda over: seen.append(over.name)))
    assert seen == ["day 0", "run 1", "day 1", "day 2", "run 3", "day 3"]
    assert [trial.day for trial in trials] == ["day 1", "day 3"]
    assert [short.name for short in test.too_short] == ["day 2"]
    assert test.budget == 0.5 * 288 * 600 * PRICE
    assert test.price == 2 * PRICE


@pytest.mark.parametrize(("told_end", "end_s"), [(True, 42 * 3600), (False, 2 * DAY_S)])
def test_the_end_of_the_recording_is_told_or_not(told_end: bool, end_s: int) -> None:
    ends = []

    def make(terms: Terms) -> Fixed:
        ends.append(terms.end_s)
        return Fixed(terms.price)

    test = BackTest([day(0), day(1, hours=18)], 1, 0.5, told_end=told_end, shocks=())
    assert [len(trial.calm.spent) for trial in test.trials({"fixed": make}, lambda _: None)] == [18 * 60]
    assert ends == [end_s]


@pytest.mark.parametrize(("learned", "share", "said"), [(0, 0.5, "learn: 0"), (2, 0.5, "learn: 2"), (1, 1.5, "1.5")])
def test_what_cannot_be_tested_is_refused(learned: int, share: float, said: str) -> None:
    with pytest.raises(Refused, match=said):
        BackTest([day(0), day(1)], learned, share)


def test_supply_without_a_price_is_refused() -> None:
    free = RecordedDay("free", (Slot(0, 10, 0.0),))
    with pytest.raises(Refused, match="must have cost something"):
        BackTest([free, day(1)], 1, 0.5)
