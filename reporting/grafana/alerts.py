"""Alert rules for Grafana and for Prometheus: those of `monitoring.rules`, and some of the analytics store.

A query gives a row, or a series, for each thing that is wrong, and nothing while all is well. There is no dollar sign
in it, which provisioning files take for the beginning of a variable of the environment.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec

from monitoring.rules import Rule, Severity
from reporting.grafana.model import Part, PromTarget, SourceRef, SqlTarget
from reporting.grafana.panels import MONITORING, rows
from reporting.grafana.sql import labelled

_EXPRESSIONS = SourceRef(type="__expr__", uid="__expr__")
_HOUR, _DAY = 3600, 86_400


@dataclass(frozen=True)
class StoreRule:
    """``sql``: a row for each thing that is wrong, its name and a number above 0."""

    name: str
    sql: str
    summary: str
    for_s: float = 0
    severity: Severity = "warning"


def store_rules(least: int = 1000) -> tuple[StoreRule, ...]:
    """``least``: bids or impressions below which nothing is said."""
    hour = "toStartOfHour(now())"

    def within(since: int, until: int) -> str:
        return f"(time >= {hour} - {since} AND time < {hour} - {until})"

    recent, before = within(3 * _HOUR, 0), within(_DAY + 3 * _HOUR, _DAY)
    fell = (
        f"SELECT exchange AS k_exchange, sumIf(bids, {recent}) AS b1, sumIf(wins, {recent}) AS w1,"
        f" sumIf(bids, {before}) AS b2, sumIf(wins, {before}) AS w2 FROM delivery_hour"
        f" WHERE day >= toDate(now(), 'UTC') - 2 GROUP BY k_exchange"
        f" HAVING b1 >= {least} AND b2 >= {least} AND w2 > 0 AND w1 / b1 < w2 / b2 / 2"
    )
    unbilled = (
        f"SELECT exchange AS k_exchange, sum(bids) AS n_bids, sum(billed) AS n_billed FROM delivery_hour"
        f" WHERE day >= toDate(now(), 'UTC') - 1 AND {within(3 * _HOUR, _HOUR)} GROUP BY k_exchange"
        f" HAVING n_bids >= {least} AND n_billed = 0"
    )
    differs = (
        "SELECT exchange AS k_exchange, sum(billed) AS n_billed, sum(impressions) AS n_shown FROM delivery_day"
        f" WHERE day = toDate(now(), 'UTC') - 1 GROUP BY k_exchange"
        f" HAVING n_shown >= {least} AND (n_billed > n_shown * 1.1 OR n_billed < n_shown * 0.9)"
    )
    return (
        StoreRule(
            "win_rate_fell",
            f"SELECT exchange, 1 - w1 / b1 / (w2 / b2) AS fell FROM ({_named(fell)})",
            "Of an exchange, less than half of the share of bids is won that was won at these hours of the day before.",
        ),
        StoreRule(
            "nothing_billed",
            f"SELECT exchange, toFloat64(n_bids) AS bids FROM ({_named(unbilled)})",
            "An exchange was bid to for two hours, and nothing of it has been billed.",
            severity="critical",
        ),
        StoreRule(
            "billing_differs",
            f"SELECT exchange, abs(n_billed / n_shown - 1) AS share FROM ({_named(differs)})",
            "What an exchange billed for yesterday is more than 10 % off the impressions that were seen to load.",
        ),
    )


def _named(sql: str) -> str:
    return labelled(sql, "k_exchange", "exchange", "exchange")


class Evaluator(Part, frozen=True, omit_defaults=False):
    type: Literal["gt", "lt"] = "gt"
    params: tuple[float, ...] = (0,)


class Condition(Part, frozen=True, omit_defaults=False):
    evaluator: Evaluator = Evaluator()


class Threshold(Part, frozen=True, tag_field="type", tag="threshold"):
    """An expression over the query ``expression``: it is wrong for each of its rows that is above 0."""

    ref_id: str
    expression: str
    datasource: SourceRef
    conditions: tuple[Condition, ...]


class Seconds(Part, frozen=True, omit_defaults=False):
    """Before now."""

    from_: int = msgspec.field(name="from")
    to: int


class AlertQuery(Part, frozen=True):
    ref_id: str
    relative_time_range: Seconds
    datasource_uid: str
    model: SqlTarget | PromTarget | Threshold


class AlertRule(Part, frozen=True):
    """Of a file for provisioning, and with its folder and group of the HTTP API."""

    uid: str
    title: str
    condition: str
    data: tuple[AlertQuery, ...]
    no_data_state: Literal["OK"] = msgspec.field(name="noDataState")
    exec_err_state: Literal["Error"] = msgspec.field(name="execErrState")
    for_: str = msgspec.field(name="for")
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(frozen=True)
class Group:
    """Rules that are looked at together, every ``interval_s``."""

    name: str
    interval_s: int
    rules: tuple[AlertRule, ...]


def groups(metric_rules: Iterable[Rule], *, metrics: bool = True) -> tuple[Group, ...]:
    """``metrics``: there is a Prometheus."""
    store = Group("outbid reports", 300, tuple(map(_of_store, store_rules())))
    return (Group("outbid metrics", 30, tuple(map(_of_metric, metric_rules))), store) if metrics else (store,)


def condition(rule: Rule) -> str:
    """PromQL with a series for each thing that is wrong, which is 1 whatever the value was."""
    kept = f" by ({', '.join(rule.by)})" if rule.by else ""
    return f"group{kept} ({rule.promql()})"


def _of_metric(rule: Rule) -> AlertRule:
    target = PromTarget(ref_id="A", datasource=MONITORING, expr=condition(rule), instant=True, range=False)
    return _rule(rule.name, target, rule.for_s, rule.severity, rule.summary)


def _of_store(rule: StoreRule) -> AlertRule:
    return _rule(rule.name, rows(rule.sql), rule.for_s, rule.severity, rule.summary)


def _rule(name: str, target: SqlTarget | PromTarget, for_s: float, severity: str, summary: str) -> AlertRule:
    past = Seconds(600, 0)
    wrong = Threshold("B", "A", _EXPRESSIONS, (Condition(),))
    return AlertRule(
        f"outbid-{name.replace('_', '-')}",
        f"Outbid: {name.replace('_', ' ')}",
        "B",
        (
            AlertQuery("A", past, target.datasource.uid, target),
            AlertQuery("B", past, _EXPRESSIONS.uid, wrong),
        ),
        "OK",
        "Error",
        f"{for_s:g}s",
        {"severity": severity, "system": "outbid"},
        {"summary": summary},
    )


class PrometheusRule(Part, frozen=True):
    alert: str
    expr: str
    for_: str = msgspec.field(name="for")
    labels: dict[str, str]
    annotations: dict[str, str]


def prometheus(metric_rules: Iterable[Rule]) -> tuple[PrometheusRule, ...]:
    """The same for Prometheus' own rule files, with their values."""
    return tuple(
        PrometheusRule(
            "Outbid" + "".join(word.capitalize() for word in rule.name.split("_")),
            rule.promql(),
            f"{rule.for_s:g}s",
            {"severity": rule.severity},
            {"summary": rule.summary},
        )
        for rule in metric_rules
    )
