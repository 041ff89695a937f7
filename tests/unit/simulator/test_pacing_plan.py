"""The plan of a day that is over, and the bound on how soon anybody could be back on it."""

from itertools import accumulate
from random import Random

import pytest

from simulator.pacing_market import expected_cost
from simulator.pacing_plan import affordable, planned, soonest
from simulator.slots import RecordedDay, Slot

DAY = RecordedDay("day", tuple(Slot(300 * i, n, 1000.0) for i, n in enumerate((10, 0, 30, 60))))


def test_the_plan_is_the_share_of_supply_or_so_much_more() -> None:
    even, ahead = planned(DAY, "even", []), planned(DAY, "ahead", [])
    assert [even[minute] for minute in (4, 9, 14, 19)] == pytest.approx([0.1, 0.1, 0.4, 1])
    assert ahead == pytest.approx(tuple(min(1, 1.2 * share) for share in even))


def test_as_fast_as_possible_plans_all_that_can_be_spent() -> None:
    most = affordable(DAY, 2000.0, 50_000)
    assert sum(most) == pytest.approx(100 * expected_cost(1000.0, 2000.0) / 50_000)
    plan = planned(DAY, "asap", most)
    assert plan[9] == pytest.approx(10 * expected_cost(1000.0, 2000.0) / 50_000)
    assert plan[-1] == 1


@pytest.mark.parametrize(
    ("spent", "most", "minutes"),
    [
        (0.30, 0.00, 0),
        (0.20, 0.10, 0),
        (0.20, 0.021, 2),  # 0.263 after three minutes, where 0.26 will do
        (0.20, 0.015, 7),
        (0.20, 0.01, None),
        (0.405, 1.00, 5),
        (0.70, 1.00, None),
        (0.24, 0.00, None),
    ],
)
def test_who_is_behind_can_spend_no_more_than_there_is_and_who_is_ahead_waits(
    spent: float, most: float, minutes: int | None
) -> None:
    plan = (0.3, 0.3, 0.31, 0.32, 0.33, 0.36, 0.36, 0.36) if most else (0.3,) * 8
    assert soonest(spent, plan, [most] * len(plan), within=0.05) == minutes


def test_a_plan_that_runs_away_later_is_no_way_back() -> None:
    """Near the plan at once, but it then rises faster than anybody can spend, so only what lasts counts."""
    assert soonest(0.0, (0.0, 0.0, 0.5, 0.5, 0.5), [0.1] * 5, within=0.05) == 4
    assert soonest(0.0, (0.0, 0.0, 0.5), [0.1] * 3, within=0.05) is None
    assert soonest(0.0, (), []) == 0


def test_the_bound_is_what_trying_everything_finds() -> None:
    """In whole hundredths of the budget: the set of all that can have been spent, minute by minute."""
    chance = Random(4)
    for _ in range(300):
        minutes = chance.randint(1, 8)
        plan = [min(100, share) for share in accumulate(chance.choices((0, 1, 5, 20), k=minutes), initial=20)][1:]
        most, spent = chance.choices((0, 2, 10), k=minutes), chance.choice((0, 15, 30, 60))
        best: dict[int, int] = {spent: 0}  # spent by now → the last minute off plan on the best way there
        for minute, (share, more) in enumerate(zip(plan, most, strict=True), 1):
            ways: dict[int, int] = {}
            for before, last in best.items():
                for now in range(before, min(100, before + more) + 1):
                    ways[now] = min(ways.get(now, minutes), last if abs(now - share) <= 5 else minute)
            best = ways
        least = min(best.values())
        found = soonest(spent / 100, [s / 100 for s in plan], [m / 100 for m in most], within=0.05 + 1e-9)
        assert found == (None if least == minutes else least)
