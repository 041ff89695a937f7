"""The proof of worth in figures and in words: means over worlds, paired differences with intervals, and where it does
not help."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

from cli.worth_scores import Quality
from cli.worth_trial import ARMS, CPA_OFF, CPA_ON, CREDIT_OFF, CREDIT_ON, Arm, Figures, Market, Trial
from simulator.worth_parameters import FRAUD_GOAL, PROFIT_GOAL, WorthParameters

LEVEL = 0.95
FEW = 0.01
"""Profit per media money that is too near to nought for a ratio to mean anything."""


class Paired(NamedTuple):
    """A mean over worlds with its 95 % interval (Student's t); both ends are the mean where there is one world only."""

    mean: float
    low: float
    high: float
    each: tuple[float, ...]


class Cell(NamedTuple):
    """Worlds of one kind: the base, or one of the grid."""

    changed: Mapping[str, Any]
    trials: Sequence[Trial]


def paired(values: Sequence[float]) -> Paired:
    from scipy.stats import t

    mean = fmean(values)
    if len(values) < 2:
        return Paired(mean, mean, mean, tuple(values))
    half = float(t.ppf(0.5 + LEVEL / 2, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return Paired(mean, mean - half, mean + half, tuple(values))


def gain(trials: Sequence[Trial], arm: Arm, beside: Arm, free: bool = False) -> Paired | None:
    """How much more profit per media money, as a share of the other's; None where the other has none to speak of."""
    pairs = [(of[arm].profit_per_media, of[beside].profit_per_media) for of in _sides(trials, free)]
    if any(other < FEW for _, other in pairs):
        return None
    return paired([ours / other - 1.0 for ours, other in pairs])


def difference(
    trials: Sequence[Trial], arm: Arm, beside: Arm, of: Callable[[Figures], float], free: bool = False
) -> Paired:
    return paired([of(side[arm]) - of(side[beside]) for side in _sides(trials, free)])


def fraud_fall(trials: Sequence[Trial], on: Arm, off: Arm) -> Paired | None:
    """By how much of it the share of spend that goes to farms falls; None where none went there."""
    shares = [(trial.limited[on].fraud_share, trial.limited[off].fraud_share) for trial in trials]
    if any(before <= 0 for _, before in shares):
        return None
    return paired([1.0 - after / before for after, before in shares])


def _sides(trials: Sequence[Trial], free: bool) -> Iterator[Mapping[Arm, Figures]]:
    return (trial.free if free else trial.limited for trial in trials)


def as_json(
    parameters: WorthParameters, qualities: Sequence[Quality], base: Sequence[Trial], grid: Sequence[Cell]
) -> dict[str, Any]:
    """All figures; lists by world are in the order of the seeds."""
    markets: dict[Market, list[Trial]] = {}
    for trial in base:
        markets.setdefault(trial.market, []).append(trial)
    cells = [_cell(cell.changed, cell.trials) for cell in grid]
    found = {
        "backtest": "worth",
        "seeds": len({trial.seed for trial in base}),
        "goals": {"gain": PROFIT_GOAL, "fraud_fall": FRAUD_GOAL},
        "parameters": {name: getattr(parameters, name) for name in parameters.__struct_fields__},
        "scores": [quality._asdict() for quality in qualities],
        "markets": {market: _market(trials) for market, trials in markets.items()},
        "grid": cells,
    }
    found["does_not_help"] = list(_shortfalls(found))
    return found


def _market(trials: Sequence[Trial]) -> dict[str, Any]:
    arms = [arm for arm in ARMS if arm in trials[0].limited]
    made: dict[str, Any] = {
        **_compared(trials),
        "budget": _mean([trial.budget for trial in trials]),
        "blocked_genuine": _mean([trial.blocked_genuine for trial in trials]),
        "blocked_fraud": _mean([trial.blocked_fraud for trial in trials]),
        "arms": {arm.name: _arm([trial.limited[arm] for trial in trials]) for arm in arms},
    }
    if trials[0].free:
        made["without_budget"] = {
            "arms": {arm.name: _arm([trial.free[arm] for trial in trials]) for arm in arms},
            "gain": _told(gain(trials, CREDIT_ON, CPA_ON, free=True)),
            "profit_gained": _told(difference(trials, CREDIT_ON, CPA_ON, lambda of: of.profit, free=True)),
        }
    return made


def _compared(trials: Sequence[Trial]) -> dict[str, Any]:
    held = trials[0].limited
    made: dict[str, Any] = {
        "gain": _told(gain(trials, CREDIT_ON, CPA_ON)),
        "profit_gained": _told(difference(trials, CREDIT_ON, CPA_ON, lambda of: of.profit)),
        "profit_per_media_gained": _told(difference(trials, CREDIT_ON, CPA_ON, lambda of: of.profit_per_media)),
        "fraud_fall": {},
        "profit_gained_by_risk": {},
    }
    for name, on, off in (("target_cpa", CPA_ON, CPA_OFF), ("credit_value", CREDIT_ON, CREDIT_OFF)):
        if {on, off} <= held.keys():
            made["fraud_fall"][name] = _told(fraud_fall(trials, on, off))
            made["profit_gained_by_risk"][name] = _told(difference(trials, on, off, lambda of: of.profit))
    if {CREDIT_OFF, CPA_OFF} <= held.keys():
        made["gain_without_risk"] = _told(gain(trials, CREDIT_OFF, CPA_OFF))
        made["gain_of_both"] = _told(gain(trials, CREDIT_ON, CPA_OFF))
        made["profit_per_media_gained_by_both"] = _told(
            difference(trials, CREDIT_ON, CPA_OFF, lambda of: of.profit_per_media)
        )
    return made


def _cell(changed: Mapping[str, Any], trials: Sequence[Trial]) -> dict[str, Any]:
    return {
        "changed": dict(changed),
        "seeds": len(trials),
        **_compared(trials),
        "blocked_genuine": _mean([trial.blocked_genuine for trial in trials]),
        "profit_per_media": {
            arm.name: _mean([trial.limited[arm].profit_per_media for trial in trials]) for arm in trials[0].limited
        },
    }


def _arm(figures: Sequence[Figures]) -> dict[str, float]:
    names = (
        "spend",
        "contribution",
        "profit",
        "profit_per_media",
        "fraud_share",
        "applications",
        "impressions",
        "pace",
    )
    return {name: _mean([float(getattr(one, name)) for one in figures]) for name in names}


def _mean(values: Sequence[float]) -> float:
    return float(f"{fmean(values):.6g}")


def _told(found: Paired | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "mean": round(found.mean, 4),
        "interval": [round(found.low, 4), round(found.high, 4)],
        "each": [round(value, 4) for value in found.each],
    }


def _shortfalls(found: Mapping[str, Any]) -> Iterator[str]:
    """Where a goal is missed, a gain may be chance, or money is lost."""
    places = [(f"{market} prices", told) for market, told in found["markets"].items()]
    places += [(f"{words(cell['changed'])}", cell) for cell in found["grid"]]
    for where, told in places:
        more, profit = told["gain"], told["profit_gained"]
        if more is None:
            yield f"{where}: target CPA earns nothing to speak of, and no ratio can be told; profit {_money(profit)}"
        elif more["mean"] < found["goals"]["gain"]:
            low, high = more["interval"]
            how = "earns less: " if high < 0 else "earns no more than chance may: " if low <= 0 else "earns only "
            yield f"{where}: credit_value {how}{_percent(more)} per media money; profit {_money(profit)}"
        elif more["interval"][0] <= 0:
            yield f"{where}: credit_value's gain of {_percent(more)} may be chance"
        free = told.get("without_budget")
        if free and free["gain"] and free["gain"]["mean"] < found["goals"]["gain"]:
            yield (
                f"{where}, without a budget: credit_value earns only {_percent(free['gain'])} per media money; profit "
                f"{_money(free['profit_gained'])}"
            )
        for strategy, by_risk in told["profit_gained_by_risk"].items():
            if by_risk["mean"] < 0:
                what = "costs more than it saves" if by_risk["interval"][1] < 0 else "does not pay for itself"
                yield f"{where}: with {strategy} the risk module {what}; profit {_money(by_risk)}"
        for strategy, fall in told["fraud_fall"].items():
            if fall is not None and fall["mean"] < found["goals"]["fraud_fall"]:
                yield f"{where}: with the risk module farms' share of {strategy}'s spend falls by {_share(fall)} only"


def words(changed: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in changed.items()) or "base"


def as_text(found: Mapping[str, Any]) -> Iterator[str]:
    of = found["scores"]
    yield f"{found['seeds']} worlds. Scores on the worlds' people, of whom nothing was learnt:"
    for name, what in (
        ("auc_default", "AUC of the probability of default"),
        ("auc_approval", "AUC of the probability of approval"),
        ("auc_fraud", "AUC of the fraud score, farms' clicks against others"),
    ):
        yield f"  {what}: {', '.join(f'{one[name]:.3f}' for one in of)}"
    yield f"  cut-off of the fraud score: {', '.join(str(one['max_fraud']) for one in of)}"
    for market, told in found["markets"].items():
        yield from _market_text(market, told)
    if found["grid"]:
        yield ""
        yield "One thing changed at a time (second prices): profit per media money of target CPA and credit_value, both"
        yield "with the risk module; the gain; credit_value's fall of farms' share of spend, and what the module adds."
        yield f"{'':28}{'CPA':>8}{'credit':>8}{'gain':>28}{'fall':>8}{'earned':>10}"
        for cell in found["grid"]:
            fall = cell["fraud_fall"].get("credit_value")
            yield (
                f"  {words(cell['changed']):26}{cell['profit_per_media'][CPA_ON.name]:8.3f}"
                f"{cell['profit_per_media'][CREDIT_ON.name]:8.3f}{_percent(cell['gain']):>28}"
                f"{'-' if fall is None else format(fall['mean'], '.0%'):>8}"
                f"{cell['profit_gained_by_risk']['credit_value']['mean']:10.0f}"
            )
    yield ""
    yield "Where it does not help, or not as much as was to be shown:" if found["does_not_help"] else "Goals are met."
    yield from (f"  {line}" for line in found["does_not_help"])


def _market_text(market: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{market.capitalize()} prices; a budget of {told['budget']:.0f} for each"
    yield from _arms_text(told["arms"])
    yield f"  credit_value's profit per media money above target CPA's, both with risk: {_percent(told['gain'])}"
    if "gain_without_risk" in told:
        yield (
            f"  both without it: {_percent(told['gain_without_risk'])}; "
            f"credit_value with it above target CPA without: {_percent(told['gain_of_both'])}"
        )
    for strategy, fall in told["fraud_fall"].items():
        by_risk = _money(told["profit_gained_by_risk"][strategy])
        yield f"  with the risk module, farms' share of {strategy}'s spend falls by {_share(fall)}; profit {by_risk}"
    yield (
        f"  the fraud score keeps {told['blocked_fraud']:.1%} of farms' requests from bidding, and "
        f"{told['blocked_genuine']:.1%} of the others"
    )
    if "without_budget" in told:
        free = told["without_budget"]
        yield "  without a budget, each bidding what it thinks is right:"
        yield from _arms_text(free["arms"])
        yield f"  gain {_percent(free['gain'])}; profit {_money(free['profit_gained'])}"


def _arms_text(arms: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield f"  {'':24}{'spend':>9}{'earned':>9}{'profit':>9}{'a unit':>9}{'to farms':>10}{'pace':>7}"
    for name, of in arms.items():
        yield (
            f"  {name:24}{of['spend']:9.1f}{of['contribution']:9.1f}{of['profit']:9.1f}{of['profit_per_media']:9.3f}"
            f"{of['fraud_share']:10.1%}{of['pace']:7.3f}"
        )


def _percent(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return "-"
    low, high = told["interval"]
    return f"{told['mean']:+.1%} ({low:+.1%} to {high:+.1%})"


def _share(told: Mapping[str, Any] | None) -> str:
    return "-" if told is None else f"{told['mean']:.1%} ({told['interval'][0]:.1%} to {told['interval'][1]:.1%})"


def _money(told: Mapping[str, Any]) -> str:
    low, high = told["interval"]
    return f"{told['mean']:+.1f} ({low:+.1f} to {high:+.1f})"
