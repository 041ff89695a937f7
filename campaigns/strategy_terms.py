"""What a campaign file says of a line item's price: strategy, goal, cap, multipliers, and how much is spent to
learn."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from campaigns import values
from campaigns.values import Check
from domain.campaign import Multiplier, Targeting
from domain.entry import Entry, Wrong
from domain.strategy import (
    BY_VALUE,
    EXPLORE_PPM,
    LEAST_FACTOR,
    MOST_FACTOR,
    NEEDS_CVR,
    NEEDS_GOAL,
    RATIO_UNIT,
    STRATEGIES,
    Strategy,
)

FIELDS = (*("bid_cpm", "strategy", "goal", "bid_cap_cpm", "conversion", "conversion_value", "explore", "multipliers"),)
MULTIPLIER = ("when", "factor")
MOST_MULTIPLIERS = 32
MOST_ROAS = 1000
MOST_EXPLORE_PPM = 500_000


class Price(NamedTuple):
    """The fields of a `LineItem` that its price is made of."""

    bid_cpm: int
    strategy: Strategy
    bid_cap_cpm: int
    multipliers: tuple[Multiplier, ...]


def read(e: Entry, targeting: Check[Targeting]) -> Price:
    """Of a line item. ``targeting`` checks the expressions of its multipliers."""
    name = e.take("strategy", values.choice(*STRATEGIES), "fixed_cpm")
    if name is None:
        return Price(0, Strategy(), 0, ())
    fixed = name == "fixed_cpm"
    _only(e, "bid_cpm", fixed, f"it is for 'fixed_cpm'; {name!r} works bids out, up to bid_cap_cpm")
    _only(e, "goal", name in NEEDS_GOAL, f"it is for {_listed(NEEDS_GOAL)}")
    _only(e, "conversion", name in NEEDS_CVR, f"it is for {_listed(NEEDS_CVR)}")
    _only(e, "conversion_value", name in BY_VALUE, f"it is for {_listed(BY_VALUE)}")
    _only(e, "explore", not fixed, "it is for strategies that work bids out, not for 'fixed_cpm'")
    bid = e.take("bid_cpm", values.cpm) if fixed else 0
    cap = e.take("bid_cap_cpm", values.cpm, 0) if fixed else e.take("bid_cap_cpm", values.cpm)
    if fixed and bid and cap and cap < bid:
        e.wrong("bid_cap_cpm", e.values["bid_cap_cpm"], f"it must not be below bid_cpm, {e.values['bid_cpm']}")
    goal = 0
    if name in NEEDS_GOAL:
        goal = e.take("goal", _ratio if name in BY_VALUE else values.budget)
    multipliers = e.take("multipliers", _multipliers(targeting), ())
    if fixed and not cap and multipliers and any(one.factor > RATIO_UNIT for one in multipliers):
        e.wrong("bid_cap_cpm", None, "it must be given where a multiplier is above 1: no bid is above it")
    strategy = Strategy(
        name,
        goal,
        e.take("conversion", values.text(64), ""),
        e.take("conversion_value", values.budget, 0),
        e.take("explore", _explore, 0 if fixed else EXPLORE_PPM),
    )
    return Price(bid, strategy if not fixed else Strategy(), cap, multipliers)


def _only(e: Entry, name: str, allowed: bool, why: str) -> None:
    if not allowed and e.values.get(name) is not None:
        e.wrong(name, e.values[name], why)


def _listed(names: frozenset[Any]) -> str:
    return " and ".join(repr(name) for name in STRATEGIES if name in names)


def _millionths(value: Any, low: int, high: int, allowed: str) -> int:
    """A plain number -> whole millionths."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Wrong(allowed)
    number = Decimal(str(value))
    if not number.is_finite() or not low <= (ppm := number * RATIO_UNIT) <= high or ppm != int(ppm):
        raise Wrong(allowed)
    return int(ppm)


def _ratio(value: Any) -> int:
    allowed = (
        f"it must be what conversions are worth for each unit spent, a number such as 4 or 2.5, at most {MOST_ROAS}"
    )
    return _millionths(value, 1_000, MOST_ROAS * RATIO_UNIT, allowed)


def _factor(value: Any) -> int:
    return _millionths(
        value, LEAST_FACTOR, MOST_FACTOR, "it must be a number from 0.1 to 10, with at most six decimals"
    )


def _explore(value: Any) -> int:
    if value == 0 and not isinstance(value, bool):
        return 0
    try:
        ppm = values.share(value)
    except Wrong as wrong:
        raise Wrong(f"{wrong.allowed}; or 0") from None
    if ppm > MOST_EXPLORE_PPM:
        raise Wrong(f"it must be at most {MOST_EXPLORE_PPM // 10_000}%")
    return ppm


def _multipliers(targeting: Check[Targeting]) -> Check[tuple[Multiplier, ...]]:
    def one(value: Any) -> Multiplier:
        if not isinstance(value, Mapping):
            raise Wrong(f"it must be a mapping with the fields {', '.join(MULTIPLIER)}")
        faults: list[tuple[str, object, str]] = [
            (f".{name}", value[name], f"there is no such field; the fields here are {', '.join(MULTIPLIER)}")
            for name in value
            if name not in MULTIPLIER
        ]
        found: dict[str, Any] = {}
        for name, check in (("when", targeting), ("factor", _factor)):
            try:
                if value.get(name) in (None, {}):
                    raise Wrong("it must be given")
                found[name] = check(value[name])
            except Wrong as wrong:
                faults += [(f".{name}{b}", v, a) for b, v, a in wrong.faults or (("", value.get(name), wrong.allowed),)]
        if faults:
            raise Wrong("", *faults)
        return Multiplier(**found)

    several = values.listed(one)

    def check(value: Any) -> tuple[Multiplier, ...]:
        if isinstance(value, list) and len(value) > MOST_MULTIPLIERS:
            raise Wrong(f"it must have at most {MOST_MULTIPLIERS} entries")
        return several(value)

    return check
