"""The SQL of panels: figures out of the rollups, and the parts that queries over raw facts share.

Text in ``$__…()`` is a macro of the ClickHouse plugin, ``${…}`` a variable of the dashboard; Grafana fills in both.
What people choose there are ids, a grain and a currency out of lists that the dashboard itself offers.

``GLOBAL IN`` lets the same text run on a cluster, whose tables span its shards.

Figures are summed first, under names with ``s_`` (ClickHouse takes an alias for a column of the same name), then
divided. Money is nanos until the outermost SELECT; there it becomes a float, for charts. Exact figures are
the report's.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reporting.grafana.model import Unit

WITHIN = "$__dateTimeFilter(day, time)"
"""The dashboard's range; the day finds the partitions."""
DIMENSIONS = ("advertiser", "campaign", "line_item", "creative", "exchange")
"""Of the rollups, each an id."""
CURRENCY = "${currency:singlequote}"
ACCOUNT = (
    "advertiser GLOBAL IN (SELECT toUInt32(id) FROM names WHERE dimension = 'advertiser' GROUP BY id"
    f" HAVING argMax(currency, version) = {CURRENCY})"
)
"""Whose account has the chosen currency: what is counted beside money must be of the same accounts."""
STEP = "toDateTime(intDiv(toUInt32(time), $__interval_s) * $__interval_s, 'UTC')"
"""The beginning of a fact's step on the chart (18.16 lacks what the plugin's ``$__timeInterval`` calls)."""
_MONEY = {"spend", "fees", "conversion_value", "click_value"}


@dataclass(frozen=True)
class Metric:
    """``formula`` is SQL over sums, which it names in braces."""

    formula: str
    unit: Unit = "short"
    title: str = ""

    @property
    def needs(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.formula)

    def sql(self) -> str:
        return re.sub(r"\{(\w+)\}", r"s_\1", self.formula)


def _count(name: str, title: str = "") -> Metric:
    return Metric(f"{{{name}}}", "locale", title or name.replace("_", " "))


def _rate(part: str, whole: str, title: str) -> Metric:
    return Metric(f"{{{part}}} / nullIf({{{whole}}}, 0)", "percentunit", title)


METRICS = {
    **{
        name: _count(name)
        for name in (
            *("bids", "wins", "impressions", "clicks", "conversions", "losses", "billed", "measured", "viewable"),
            *("starts", "first_quartiles", "midpoints", "third_quartiles", "completes"),
            *("click_conversions", "view_conversions"),
        )
    },
    "win_rate": _rate("wins", "bids", "win rate"),
    "loss_rate": _rate("losses", "bids", "losses told"),
    "ctr": _rate("clicks", "impressions", "CTR"),
    "cvr": _rate("click_conversions", "clicks", "CVR"),
    "viewability": _rate("viewable", "measured", "viewability"),
    "completion_rate": _rate("completes", "starts", "completion rate"),
    "billed_share": _rate("billed", "impressions", "billed / impressions"),
    "shown_share": _rate("impressions", "wins", "impressions / wins"),
    "spend": Metric("{spend} / 1e9", "none", "spend"),
    "fees": Metric("{fees} / 1e9", "none", "fees"),
    "ecpm": Metric("{spend} / 1e6 / nullIf({impressions}, 0)", "none", "eCPM"),
    "ecpc": Metric("{spend} / 1e9 / nullIf({clicks}, 0)", "none", "eCPC"),
    "cpa": Metric("{spend} / 1e9 / nullIf({click_conversions} + {view_conversions}, 0)", "none", "CPA"),
    "value": Metric("{conversion_value} / 1e9", "none", "conversion value"),
    "roas": Metric("{conversion_value} / nullIf({spend}, 0)", "none", "ROAS"),
    "bid_cpm": Metric("{bid_price} / 1e6 / nullIf({bids}, 0)", "none", "bid CPM"),
    "won_cpm": Metric("{win_max_price} / 1e6 / nullIf({wins_priced}, 0)", "none", "bid CPM of wins"),
    "clearing_cpm": Metric("{win_price} / 1e6 / nullIf({wins_priced}, 0)", "none", "clearing CPM"),
    "surplus": Metric("1 - {win_price} / nullIf({win_max_price}, 0)", "percentunit", "surplus"),
    "exchange_spend": Metric("{exchange_spend} / 1e9", "none", "cost"),
}
"""What panels show. Spend, fees and value are the chosen currency's; bid, clearing price and cost the exchange's."""


def chosen(dimension: str) -> str:
    """What the variable of that name lets through."""
    return f"$__conditionalAll({dimension} IN (${{{dimension}:csv}}), ${dimension})"


def names_of(dimension: str) -> str:
    """Ids and today's names: what a variable offers."""
    return (
        f"SELECT k, label FROM (SELECT id AS k, argMax(name, version) AS label FROM names"
        f" WHERE dimension = '{dimension}' GROUP BY id) ORDER BY label"
    )


def labelled(sql: str, key: str, dimension: str, label: str) -> str:
    """``sql`` with one more column ``label``: the name of the id in ``key``, of exchanges with their currency, since
    prices are in it; without a name, its number.
    """
    name = "argMax(name, version)"
    if dimension == "exchange":
        name = f"concat({name}, ' (', argMax(currency, version), ')')"
    names = f"SELECT toUInt64(id) AS j_id, {name} AS j_name FROM names WHERE dimension = '{dimension}' GROUP BY j_id"
    return (
        f"SELECT *, multiIf(j_name != '', toString(j_name), {key} = 0, '(none)', concat('#', toString({key})))"
        f" AS {label} FROM (SELECT *, toUInt64({key}) AS j_id FROM ({sql})) AS facts"
        f" ANY LEFT JOIN ({names}) AS named USING (j_id)"
    )


def facts(*conditions: str, by: Sequence[str] = ("advertiser", "campaign", "line_item", "exchange")) -> str:
    """The WHERE of a query over raw facts: within the range, and what the variables ``by`` choose."""
    return " AND ".join([WITHIN, *conditions, *map(chosen, by)])


@dataclass(frozen=True)
class Delivery:
    """Figures of the rollup ``table`` within the dashboard's range and what its variables choose."""

    table: str = "delivery_${grain:raw}"
    chosen: tuple[str, ...] = ("advertiser", "campaign", "line_item", "exchange")
    account: bool = True
    """Only accounts in the chosen currency (where money is shown)."""
    within: str = WITHIN

    def where(self) -> str:
        parts = [self.within, *map(chosen, self.chosen), *([ACCOUNT] if self.account else [])]
        return " AND ".join(parts)

    def totals(self, *metrics: str) -> str:
        """One row."""
        return f"SELECT {_outer(metrics)} FROM ({self._summed((), metrics)})"

    def over_time(self, *metrics: str) -> str:
        """A row for each minute, hour or day."""
        return f"SELECT k_time AS time, {_outer(metrics)} FROM ({self._summed(('time',), metrics)}) ORDER BY time"

    def split(self, metric: str, by: str, top: int = 10) -> str:
        """A line for each of the ``top`` ids that have most of the metric, or of what it is a share of."""
        most = self._most(METRICS[metric].needs[-1], by, top)
        inner = labelled(self._summed(("time", by), (metric,), most), f"k_{by}", by, "series")
        return f"SELECT k_time AS time, series, {_outer((metric,))} FROM ({inner}) ORDER BY time, series"

    def ranked(self, by: str, *metrics: str, top: int = 50) -> str:
        """A row an id, those with most of the first metric first."""
        inner = labelled(self._summed((by,), metrics), f"k_{by}", by, "l_name")
        return f"SELECT l_name AS {by}, {_outer(metrics)} FROM ({inner}) ORDER BY {metrics[0]} DESC, {by} LIMIT {top}"

    def _summed(self, keys: Sequence[str], metrics: Iterable[str], more: str = "") -> str:
        needed = dict.fromkeys(need for metric in metrics for need in METRICS[metric].needs)
        columns = [f"{key} AS k_{key}" for key in keys] + [f"{_sum(name)} AS s_{name}" for name in needed]
        grouped = f" GROUP BY {', '.join(f'k_{key}' for key in keys)}" if keys else ""
        return f"SELECT {', '.join(columns)} FROM {self.table} WHERE {self.where()}{more}{grouped}"

    def _most(self, need: str, by: str, top: int) -> str:
        ranked = (
            f"SELECT {by} AS m_id, {_sum(need)} AS m_sum FROM {self.table} WHERE {self.where()} GROUP BY m_id"
            f" HAVING m_sum != 0 ORDER BY m_sum DESC, m_id LIMIT {top}"
        )
        return f" AND {by} GLOBAL IN (SELECT m_id FROM ({ranked}))"


def _sum(name: str) -> str:
    return f"sumIf({name}, currency = {CURRENCY})" if name in _MONEY else f"sum({name})"


def _outer(metrics: Iterable[str]) -> str:
    return ", ".join(f"{METRICS[name].sql()} AS {name}" for name in metrics)
