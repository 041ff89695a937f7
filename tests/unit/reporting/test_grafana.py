"""Dashboards and alert rules as files: up to date, of Grafana's own schema, asking only for metrics that there are."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard as SdkDashboard

from cli.main import main
from domain.settings import SettingsError
from monitoring.rules import BUILT_IN
from openrtb.nobid import NoBidReason
from reporting.grafana.alerts import groups, prometheus
from reporting.grafana.boards import BOARDS
from reporting.grafana.model import PromTarget, encoded
from reporting.grafana.provisioning import DEPLOY, files
from reporting.grafana.sources import of_prometheus, of_store
from tests.grafana_queries import ALL, expanded

METRICS_PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(outbid_\w+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)
DOCUMENTED = {
    name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(METRICS_PAGE.read_text())
}
OF_PROMETHEUS = {"instance", "job", "worker"}
"""Labels that a scrape, or the bidder's gathering of its workers, adds to any metric."""


def test_the_files_are_up_to_date() -> None:
    made = files()
    for name, content in made.items():
        assert (DEPLOY / name).read_bytes() == content, "run: python -m reporting.grafana.provisioning"
    there = {p.relative_to(DEPLOY).as_posix() for d in ("grafana", "prometheus") for p in (DEPLOY / d).rglob("*.*")}
    assert there == set(made)


def test_the_command_writes_them_elsewhere(tmp_path: Path) -> None:
    assert main(["grafana", "files", str(tmp_path)]) == 0
    assert {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.*")} == files()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_dashboards_are_of_grafana_s_schema(board: Any) -> None:
    """Nothing is missing after Grafana's own library, which drops what its schema does not know, has read them."""
    register_default_plugins()
    ours = json.loads(encoded(board.laid_out()))
    assert not list(lost(ours, again(ours)))
    ours["panels"][0]["fieldConfig"]["defaults"]["units"] = "s"
    ours["panels"][0]["options"]["colourMode"] = "value"
    assert list(lost(ours, again(ours))) == [
        "panels[0].fieldConfig.defaults.units",
        "panels[0].options.colourMode",
    ]


def again(dashboard: Any) -> Any:
    return json.loads(JSONEncoder().encode(SdkDashboard.from_json(dashboard)))


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    if isinstance(ours, dict):
        for name, value in ours.items():
            at = f"{path}.{name}".lstrip(".")
            if isinstance(theirs, dict) and name in theirs:
                yield from lost(value, theirs[name], at)
            else:
                yield at
    elif isinstance(ours, list):
        for place, (value, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(value, other, f"{path}[{place}]")
    elif ours != theirs:
        yield path


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
@pytest.mark.parametrize("metrics", [True, False])
def test_panels_fill_the_grid_and_do_not_overlap(board: Any, metrics: bool) -> None:
    dashboard = (board if metrics else board.without_metrics()).laid_out()
    if not metrics and board.needs_metrics():
        assert not dashboard.panels
        return
    taken = set[tuple[int, int]]()
    for panel in dashboard.panels:
        at = panel.grid_pos
        cells = {(x, y) for x in range(at.x, at.x + at.w) for y in range(at.y, at.y + at.h)}
        assert not cells & taken and at.x + at.w <= 24 and panel.targets
        taken |= cells
    assert len(taken) == 24 * (1 + max(y for _, y in taken))
    assert [panel.id for panel in dashboard.panels] == list(range(1, len(dashboard.panels) + 1))
    assert len({panel.title for panel in dashboard.panels}) == len(dashboard.panels)
    assert len(dashboard.uid) <= 40


def test_dashboards_and_rules_have_names_of_their_own() -> None:
    assert len({board.uid for board in BOARDS}) == len({board.title for board in BOARDS}) == len(BOARDS)
    rules = [rule for group in groups(BUILT_IN) for rule in group.rules]
    assert len({rule.uid for rule in rules}) == len({rule.title for rule in rules}) == len(rules)


EXPRESSIONS = [
    *(
        pytest.param(target.expr.replace("$__rate_interval", "1m"), id=f"{board.uid}-{panel.title}-{target.ref_id}")
        for board in BOARDS
        for _, panels in board.rows
        for panel in panels
        for target in panel.targets
        if isinstance(target, PromTarget)
    ),
    *(
        pytest.param(query.model.expr, id=rule.uid)
        for group in groups(BUILT_IN)
        for rule in group.rules
        for query in rule.data
        if isinstance(query.model, PromTarget)
    ),
    *(pytest.param(rule.expr, id=rule.alert) for rule in prometheus(BUILT_IN)),
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_ask_for_metrics_that_there_are(expression: str) -> None:
    assert check(promql.parse(expression)), "it names no metric"


def check(node: Any, rated: bool = False) -> set[str]:
    """Labels that what is below has. Counters must be read over a stretch of time, gauges must not."""
    match node:
        case promql.NumberLiteral() | promql.StringLiteral():
            return set()
        case promql.ParenExpr():
            return check(node.expr, rated)
        case promql.BinaryExpr():
            return check(node.lhs) | check(node.rhs)
        case promql.AggregateExpr():
            labels = check(node.expr)
            by = set(node.modifier.labels) if node.modifier else set()
            assert by <= labels, f"no label {by - labels}"
            return by or {"(all)"}
        case promql.Call():
            name = node.func.name
            inner = set[str]().union(*(check(argument, name in ("rate", "increase")) for argument in node.args))
            assert name != "histogram_quantile" or "le" in inner
            return inner
        case promql.MatrixSelector():
            return check(node.vector_selector, rated)
        case promql.VectorSelector():
            return selected(node, rated)
    raise AssertionError(type(node))


def selected(node: Any, rated: bool) -> set[str]:
    name, _, part = node.name.rpartition("_")
    if part in ("bucket", "sum", "count") and DOCUMENTED.get(name, ("",))[0] == "histogram":
        labels = DOCUMENTED[name][1] | ({"le"} if part == "bucket" else set())
        assert rated
    else:
        kind, labels = DOCUMENTED[node.name]
        assert rated == (kind == "counter") and kind != "histogram"
    for matcher in node.matchers.matchers:
        assert matcher.name in labels
        if matcher.name == "reason" and node.name.startswith("outbid_bidder"):
            assert set(matcher.value.split("|")) <= {reason.name.lower() for reason in NoBidReason}
    return labels | OF_PROMETHEUS


def test_what_provisioning_would_take_for_variables_is_meant_so() -> None:
    alerting = files()["grafana/provisioning/alerting/outbid.yaml"].decode()
    assert "$" not in alerting
    sources = yaml.safe_load(files()["grafana/provisioning/datasources/outbid.yaml"])
    named = set(re.findall(r"\$(\w+)", json.dumps(sources)))
    assert named == {"OUTBID_CLICKHOUSE_HOST", "OUTBID_CLICKHOUSE_PASSWORD", "OUTBID_PROMETHEUS_URL"}
    page = (METRICS_PAGE.parent / "grafana.md").read_text()
    assert all(f"`{name}`" in page for name in named)


def test_every_dashboard_is_documented() -> None:
    page = (METRICS_PAGE.parent / "grafana.md").read_text()
    assert re.findall(r"^\| `(outbid-\w+)` \|", page, re.MULTILINE) == [board.uid for board in BOARDS]


@pytest.mark.parametrize(
    "address",
    [
        "http://h/db",
        "clickhouse:///db",
        "clickhouse://h:no/db",
        "clickhouse://u:hush@h/a-b",
        "clickhouse://u:hush@h:x/a",
    ],
)
def test_a_store_that_grafana_cannot_reach_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="clickhouse://user:password@host:port/database") as refusal:
        of_store(address)
    assert "hush" not in str(refusal.value)
    with pytest.raises(SettingsError, match="http"):
        of_prometheus("prometheus:9090")


def test_a_store_of_a_cluster_is_reached_by_its_node() -> None:
    source = of_store("clickhouse://grafana:a%20b@ch.example/reports?cluster=fleet")
    assert (source.json_data.host, source.json_data.port, source.json_data.default_database) == (
        "ch.example",
        9000,
        "reports",
    )
    assert source.secure_json_data.password == "a b"


BEGIN, END = datetime.fromisoformat("2014-11-12T11:45:26.371Z"), datetime.fromisoformat("2015-11-12T11:45:26.371Z")


@pytest.mark.parametrize(
    ("sql", "sent"),
    [  # the plugin's own examples
        ("$__timeFilter(cast(sth as timestamp) )", "cast(sth as timestamp) >= toDateTime(1415792726) AND "
         "cast(sth as timestamp) <= toDateTime(1447328726)"),
        ("$__dateFilter(dateCol)", "dateCol >= toDate('2014-11-12') AND dateCol <= toDate('2015-11-12')"),
        ("$__dateTimeFilter(dateCol, timeCol)", "(dateCol >= toDate('2014-11-12') AND dateCol <= toDate('2015-11-12')) "
         "AND (timeCol >= toDateTime(1415792726) AND timeCol <= toDateTime(1447328726))"),
        ("( date >= $__fromTime ) and ( date <= $__toTime )",
         "( date >= toDateTime(1415792726) ) and ( date <= toDateTime(1447328726) )"),
        ("$__timeInterval(col)", "toStartOfInterval(toDateTime(col), INTERVAL 20 second)"),
        ("INTERVAL $__interval_s second", "INTERVAL 20 second"),
        ("$__conditionalAll(database IN (${database:singlequote}), $database)", "database IN ('db1','d\\'b2')"),
        ("$__conditionalAll(a IN (${a:csv}), $a) AND b", "1=1 AND b"),
    ],
)  # fmt: skip
def test_the_tests_expand_macros_as_the_plugin_does(sql: str, sent: str) -> None:
    assert expanded(sql, BEGIN, END, 20, {"database": ("db1", "d'b2"), "a": ALL}) == sent
