"""Which tables a report reads: the facts that a metric is counted in, or the rollup that knows the same already."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from reporting.catalogue import DIMENSIONS, METRICS, REACH, metric
from reporting.counting import COUNTED, FIGURES, SOURCES, Facts
from reporting.local_time import GRAINS, Period
from reporting.rollups import KEPT_DAYS
from reporting.schema import FACTS
from reporting.store import Parameter

EXTRA = (
    Facts("impressions", COUNTED, {REACH: "", "known_impressions": "countIf(person != 0)"}),
    Facts("events", COUNTED, {"play_events": "count()"}),
    Facts("no_bids", "1", {"no_bids": "sum(weight)"}),
)
"""Figures that no rollup has. How persons are counted is up to the query."""
_CLICK, _VIEW = 1, 2
_OF_EVENT = {
    "conversions": ("conversions", COUNTED, "countIf(event = {})"),
    "click_conversions": ("attributions", f"kind = {_CLICK}", "sumIf(sign, event = {})"),
    "view_conversions": ("attributions", f"kind = {_VIEW}", "sumIf(sign, event = {})"),
}
_FINENESS = ("minute", "hour", "day")
HAS_ADVERTISER = frozenset(table.name for table in FACTS if "advertiser" in table.columns)


def sums_of(metrics: Iterable[str]) -> tuple[str, ...]:
    """Names of the sums that metrics are made of, each once."""
    found = [metric(name) for name in metrics]
    return tuple(dict.fromkeys(sum_ for each in found if each is not None for sum_ in each.sums))


def facts_of(sum_: str) -> list[Facts]:
    """The raw facts that a sum is counted in; one of an event has ``{}`` for the event in its SQL."""
    base, colon, _ = sum_.partition(":")
    if colon:
        table, where, sql = _OF_EVENT[base]
        return [Facts(table, where, {sum_: sql})]
    return [replace(facts, sums={sum_: facts.sums[sum_]}) for facts in (*SOURCES, *EXTRA) if sum_ in facts.sums]


def known(name: str, dimensions: Iterable[str]) -> bool:
    """Whether a metric can be told by all these dimensions together."""
    tables = {facts.table for sum_ in sums_of((name,)) for facts in facts_of(sum_)}
    return all(DIMENSIONS[dimension].known_by(table) for dimension in dimensions for table in tables)


def tellable(dimensions: Sequence[str], metrics: Iterable[str]) -> tuple[str, ...]:
    """Those of the metrics that can be told by the dimensions."""
    return tuple(name for name in metrics if known(name, dimensions))


def refusal(name: str, dimensions: Sequence[str]) -> str:
    """Why a metric cannot be told by these dimensions, and what can; empty if it can."""
    wrong = [dimension for dimension in dimensions if not known(name, (dimension,))]
    if not wrong:
        return ""
    go = ", ".join(each for each in DIMENSIONS if known(name, (each,)))
    tell = ", ".join(tellable(dimensions, METRICS)) or "no metric"
    return (
        f"what {name} is counted from does not know {' and '.join(wrong)}; {name} goes with {go}; "
        f"by {', '.join(dimensions)} there are {tell}"
    )


def chosen(
    sums: Sequence[str], dimensions: Sequence[str], period: Period, today: date
) -> tuple[list[Facts], dict[str, Parameter]]:
    """The parts of a query: each table once for each condition, with the sums it brings, and their parameters.

    What the narrowest rollup knows comes from it, the rest from the facts.
    """
    rollup = _rollup(dimensions, period, today)
    parts: dict[tuple[str, str, str], Facts] = {}
    parameters: dict[str, Parameter] = {}
    for sum_ in sums:
        if rollup and sum_ in FIGURES:
            found = [Facts(rollup, "1", {sum_: f"sum({sum_})"}, "currency")]
        else:
            found = facts_of(sum_)
        for facts in found:
            sql = facts.sums[sum_]
            if ":" in sum_:
                name = f"event_{len(parameters)}"
                parameters[name] = sum_.partition(":")[2]
                sql = sql.format(f"%({name})s")
            key = (facts.table, facts.where, facts.currency)
            before = parts.get(key)
            parts[key] = replace(facts, sums={**(before.sums if before else {}), sum_: sql})
    return list(parts.values()), parameters


def _rollup(dimensions: Sequence[str], period: Period, today: date) -> str:
    """Name of the coarsest rollup that can tell the dimensions in the period, whole; empty: none can."""
    if not all(DIMENSIONS[name].rolled_up for name in dimensions):
        return ""
    grains = [GRAINS[name] for name in dimensions if name in GRAINS]
    if not period.utc:
        grains.append("hour" if period.whole_hours else "minute")
    grain = min(grains, key=_FINENESS.index, default="day")
    kept = KEPT_DAYS.get(grain)
    if kept is None:
        return f"delivery_{grain}"
    begin = period.begin
    # a zone's day begins up to a day before that of UTC; one day more, because the oldest may be on its way out
    return f"delivery_{grain}" if begin and begin - timedelta(days=1) > today - timedelta(days=kept) else ""
