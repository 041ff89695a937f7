"""Every query of every dashboard, run on both kinds of store over the same trade, and held against plain counting."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.context_word import Context, unpack
from domain.events import NOT_COUNTED, PROOFS, Bid, Kind, Mark, Notice
from domain.naming import name_id
from reporting import report
from reporting.embedded import EmbeddedStore
from reporting.grafana.alerts import StoreRule, store_rules
from reporting.grafana.boards import BOARDS
from reporting.grafana.model import Panel, QueryVariable, SqlTarget
from reporting.grafana.panels import Board
from reporting.names import Dictionary, of_sites, of_snapshot
from reporting.rows import DAY_NS
from reporting.schema import ATTRIBUTIONS
from reporting.server import ServerStore
from reporting.store import Store, migrate, open_store
from tests import grafana_oracle as oracle
from tests.clickhouse_server import ClickHouseServer
from tests.grafana_oracle import CREDITS, FORMULAS, SINCE, TRADE, UNTIL, sums, within
from tests.grafana_queries import ALL, Values, expanded
from tests.stored import send
from tests.trade import SITES, snapshot

FIRST, LAST = date(2026, 9, 22), date(2026, 9, 23)
VALUES: Values = {
    "grain": ("hour",),
    "currency": ("USD",),
    "market": ("1",),
    "sample": ("1",),
    **dict.fromkeys(("advertiser", "campaign", "line_item", "exchange"), ALL),
}
ROOT = Path(__file__).parents[3]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module", params=["chdb", "server"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    address = "chdb"
    if request.param == "server":
        server: ClickHouseServer = request.getfixturevalue("clickhouse")
        address = server.address("grafana")
    opened = open_store(address, tmp_path_factory.mktemp("grafana"))
    migrate(opened)
    send(opened, [*TRADE.bids, *TRADE.money, *TRADE.settlements], "trade")
    for day in sorted({credit.received_ns // DAY_NS for credit in CREDITS}):
        credited = [credit for credit in CREDITS if credit.received_ns // DAY_NS == day]
        columns: dict[str, list[Any]] = {n: [getattr(c, n) for c in credited] for n in credited[0].__struct_fields__}
        opened.insert(ATTRIBUTIONS, {**columns, "event": ["lead"] * len(credited)}, f"credits/{day}")
    names = of_snapshot(snapshot())
    Dictionary().write(opened, names, 2)
    Dictionary().write(opened, of_sites((name_id(site), site) for site in SITES), 2)
    yield opened
    opened.close()


def run(store: Store, sql: str, values: Values = VALUES) -> tuple[dict[str, str], Rows]:
    """(column -> type, rows) of a panel's SQL."""
    text = expanded(sql, SINCE, UNTIL, 3600, values)
    if isinstance(store, EmbeddedStore):
        answer = orjson.loads(store._connection.query(text, "JSONCompact").bytes())
        kinds, rows = {column["name"]: column["type"] for column in answer["meta"]}, answer["data"]
    else:
        assert isinstance(store, ServerStore)
        rows, told = store._client.execute(text, with_column_types=True)
        kinds = dict(told)
    return kinds, [dict(zip(kinds, row, strict=True)) for row in rows]


PANELS = [
    pytest.param(board, panel, target, id=f"{board.uid}-{panel.title}")
    for board in BOARDS
    for _, panels in board.rows
    for panel in panels
    for target in panel.targets
    if isinstance(target, SqlTarget)
]


@pytest.mark.parametrize(("board", "panel", "target"), PANELS)
def test_every_query_gives_what_its_panel_shows(store: Store, board: Board, panel: Panel, target: SqlTarget) -> None:
    kinds, rows = run(store, target.raw_sql)
    assert rows, "nothing to show"
    columns = list(kinds)
    numbers = [name for name, kind in kinds.items() if any(word in kind for word in ("Int", "Float"))]
    if panel.type == "timeseries":
        assert columns[0] == "time" and kinds["time"].startswith("DateTime")
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
        series = [row.get("series") for row in rows]
        keys = list(zip([row["time"] for row in rows], series, strict=True))
        assert len(set(keys)) == len(keys)
        assert ("series" in kinds) == bool(panel.field_config and panel.field_config.defaults.display_name)
        assert "" not in series and set(columns) - {"time", "series"} == set(numbers)
    if panel.type == "stat":
        assert len(rows) == 1 and set(columns) == set(numbers)
    if panel.type == "barchart":
        assert panel.options.x_field == columns[0]
        assert len({row[columns[0]] for row in rows}) == len(rows) > 1
    assert numbers and all(any(row[name] is not None for row in rows) for name in numbers), "an empty column"
    named = {override.matcher.options for override in (panel.field_config.overrides if panel.field_config else ())}
    assert named <= set(columns)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_variables_offer_what_panels_ask_for(store: Store, board: Board) -> None:
    offered = {variable.name for variable in board.variables}
    for _, panels in board.rows:
        for panel in panels:
            for target in panel.targets:
                if isinstance(target, SqlTarget):
                    expanded(target.raw_sql, SINCE, UNTIL, 60, {name: VALUES[name] for name in offered})
    for variable in board.variables:
        if isinstance(variable, QueryVariable):
            kinds, rows = run(store, variable.query, {})
            assert rows and len(kinds) == (1 if variable.name == "currency" else 2)
            if len(kinds) == 2:  # value, text
                value, text = kinds
                assert {row[value] for row in rows} >= {"1", "2"} or {row[value] for row in rows} >= {1, 2}
                assert all(row[text] for row in rows)


def panel_of(uid: str, title: str) -> str:
    [board] = [board for board in BOARDS if board.uid == uid]
    [target] = [t for _, panels in board.rows for panel in panels if panel.title == title for t in panel.targets]
    assert isinstance(target, SqlTarget)
    return target.raw_sql


def agrees(row: dict[str, Any], expected: Counter[str]) -> None:
    for name, value in row.items():
        wanted = FORMULAS[name](expected) if name in FORMULAS else expected[name]
        if wanted is None:
            assert value is None, name
        else:
            assert float(value) == pytest.approx(float(wanted), rel=1e-12), name


@pytest.mark.parametrize("grain", ["minute", "hour", "day"])
@pytest.mark.parametrize("chosen", [(), ("2",), ("2", "4")], ids=["all", "one", "two"])
def test_totals_are_those_of_plain_counting(store: Store, grain: str, chosen: tuple[str, ...]) -> None:
    values = {**VALUES, "grain": (grain,), "campaign": chosen or ALL}
    for uid in ("outbid-delivery", "outbid-pacing", "outbid-finance"):
        [row] = run(store, panel_of(uid, "In this range"), values)[1]
        agrees(row, sums("", account=1, chosen=chosen)[0])
    [row] = run(store, panel_of("outbid-exchanges", "In this range"), values)[1]
    agrees(row, sums("")[0])
    [row] = run(store, panel_of("outbid-models", "In this range"), values)[1]
    agrees(row, sums("", exchange=1, chosen=chosen)[0])


@pytest.mark.parametrize(
    ("uid", "title", "by", "name", "of"),
    [
        ("outbid-delivery", "Campaigns", "campaign", "Campaign {}", {"account": 1}),
        ("outbid-delivery", "Line items", "line_item", "Line {}", {"account": 1}),
        ("outbid-delivery", "Creatives", "creative", "cr{}", {"account": 1}),
        ("outbid-finance", "Advertisers", "advertiser", "Advertiser {}", {"account": 1}),
        ("outbid-finance", "Campaigns", "campaign", "Campaign {}", {"account": 1}),
        ("outbid-finance", "Exchanges", "exchange", {1: "usx (USD)", 2: "cnx (CNY)"}, {}),
        ("outbid-exchanges", "Exchanges", "exchange", {1: "usx (USD)", 2: "cnx (CNY)"}, {}),
        ("outbid-models", "Campaigns", "campaign", "Campaign {}", {"exchange": 1}),
    ],
)
def test_tables_are_those_of_plain_counting(
    store: Store, uid: str, title: str, by: str, name: Any, of: dict[str, int]
) -> None:
    expected = {
        (name[id_] if isinstance(name, dict) else name.format(id_)) if id_ else "(none)": figures
        for id_, figures in sums(by, **of).items()
    }
    kinds, rows = run(store, panel_of(uid, title))
    first = list(kinds)[1]
    assert [row[first] for row in rows] == sorted((row[first] for row in rows), key=lambda n: -float(n))
    for row in rows:
        label = row.pop(by)
        agrees(row, expected.pop(label.replace("#", "Line ")))
    assert not expected


def test_dashboards_say_what_the_reports_say(store: Store) -> None:
    lines = report.run(store, report.Request(("campaign",), FIRST, LAST))
    reported = {line.labels["campaign"]: line.sums for line in lines if line.currency == "USD"}
    for uid in ("outbid-delivery", "outbid-finance"):
        for row in run(store, panel_of(uid, "Campaigns"))[1]:
            same = reported[row["campaign"].replace("(none)", "")]
            assert row["spend"] == same["spend"] / 1e9
            if uid == "outbid-delivery":
                assert [int(row[name]) for name in ("bids", "impressions", "clicks")] == [
                    same[name] for name in ("bids", "impressions", "clicks")
                ]
    by_hour = Counter[str]()
    for row in run(store, panel_of("outbid-pacing", "Spend an hour by line item"))[1]:
        by_hour[row["series"]] += round(float(row["spend"]) * 1e9)
    lines = report.run(store, report.Request(("line_item",), FIRST, LAST))
    spent = {line.labels["line_item"]: line.sums["spend"] for line in lines if line.currency == "USD"}
    assert by_hour == {label: nanos for label, nanos in spent.items() if nanos}
    lines = report.run(store, report.Request(("exchange",), FIRST, LAST))
    for row in run(store, panel_of("outbid-exchanges", "Exchanges"))[1]:
        same_exchange = [line.sums for line in lines if line.labels["exchange"] == row["exchange"].partition(" (")[0]]
        assert int(row["bids"]) == sum(of["bids"] for of in same_exchange)
    [row] = run(store, panel_of("outbid-models", "In this range"))[1]
    assert int(row["bids"]) == sum(line.sums["bids"] for line in lines if line.labels["exchange"] == "usx")


def test_credited_conversions(store: Store) -> None:
    [row] = run(store, panel_of("outbid-delivery", "Credited conversions by event"))[1]
    assert row.pop("event") == "lead"
    agrees(row, sums("", account=1)[0])


def test_spend_since_midnight_ends_at_the_day_s(store: Store) -> None:
    last: dict[str, float] = {}
    for row in run(store, panel_of("outbid-pacing", "Spend since midnight"))[1]:
        assert float(row["spend"]) >= last.get(row["series"], -1e18) or any(r.number for r in TRADE.settlements)
        last[row["series"]] = float(row["spend"])
    spent = {day: 0 for day in (22, 23)}
    for settled in TRADE.settlements:
        day = datetime.fromtimestamp(settled.received_ns // 10**9, UTC).day
        if settled.advertiser == 1 and day in spent:
            spent[day] += settled.account_price
    assert last == {"today": spent[23] / 1e9, "the day before": spent[22] / 1e9}


def test_line_items_that_stopped(store: Store) -> None:
    [row] = run(store, panel_of("outbid-pacing", "Line items that stopped"))[1]
    mine = [r for r in TRADE.settlements if r.line_item == 4 and SINCE.timestamp() <= r.received_ns / 1e9]
    assert row["line_item"] == "Line 4"
    assert row["spend"] == sum(r.account_price for r in mine) / 1e9


def test_what_notices_are_worth(store: Store) -> None:
    told: dict[str, list[Notice]] = {"usx (USD)": [], "cnx (CNY)": []}
    for event in TRADE.money:
        if (
            isinstance(event, Notice)
            and event.kind in PROOFS
            and SINCE.timestamp() <= event.received_ns / 1e9 < UNTIL.timestamp() + 1
        ):
            told["usx (USD)" if event.exchange == 1 else "cnx (CNY)"].append(event)
    marks = {"repeated": Mark.DUPLICATE, "late": Mark.LATE, "capped": Mark.CAPPED, "unpriced": Mark.NO_PRICE,
             "contradicting": Mark.CONTRADICTION}  # fmt: skip
    for row in run(store, panel_of("outbid-exchanges", "What is wrong with notices"))[1]:
        notices = told.pop(row["exchange"])
        assert int(row["notices"]) == len(notices)
        for name, mark in marks.items():
            assert row[name] == pytest.approx(sum(bool(n.marks & mark) for n in notices) / len(notices)), name
    assert not told


def test_win_rates_by_price(store: Store) -> None:
    won = {n.bid for n in TRADE.money if isinstance(n, Notice) and n.marks & Mark.FIRST and not n.marks & NOT_COUNTED}
    bands: dict[float, list[bool]] = {}
    for event in TRADE.bids:
        if isinstance(event, Bid) and event.exchange == 1 and not event.test and within(event.time_ns):
            step = next(n for n in range(60) if event.price / 1e6 < 2.0 ** ((n - 39) / 2))
            bands.setdefault(2.0 ** ((step - 40) / 2), []).append(event.bid in won)
    rows = run(store, panel_of("outbid-models", "Win rate by bid price"))[1]
    assert len(rows) == len(bands) > 5
    for row, (edge, those) in zip(rows, sorted(bands.items()), strict=True):
        assert float(row["cpm"].removeprefix("from ")) == pytest.approx(edge, abs=6e-4)
        assert row["win_rate"] == pytest.approx(sum(those) / len(those))


def names(store: Store, rule: StoreRule, now: datetime) -> set[str]:
    rows = store.query(rule.sql.replace("now()", f"toDateTime({int(now.timestamp())})"))
    assert all(float(number) > 0 for _, number in rows)
    return {name for name, _ in rows}


@pytest.mark.parametrize("place", range(3), ids=lambda place: store_rules()[place].name)
def test_store_rules_name_what_is_wrong(store: Store, place: int) -> None:
    rule = store_rules(oracle.LEAST)[place]
    moments = [datetime(2026, 9, 21, 16, 20, tzinfo=UTC) + timedelta(hours=4 * n) for n in range(18)]
    expected = [
        {name for id_, name in oracle.EXCHANGES.items() if oracle.wrong(rule.name, id_, now)} for now in moments
    ]
    assert any(expected) and not all(expected)
    assert [names(store, rule, now) for now in moments] == expected
    assert not any(names(store, store_rules()[place], now) for now in moments)  # too few to say anything


@pytest.mark.parametrize(
    ("title", "column", "part"),
    [
        ("Countries", "country", lambda context: context.country or "unknown"),
        ("Devices", "device", lambda context: {0: "unknown", 2: "PC", 4: "phone"}[context.device_type]),
        ("Systems", "os", lambda context: context.os.name.lower()),
        ("Sites, apps and screens", "place", lambda context: context.place.name.lower()),
    ],
)
def test_parts_of_the_context(store: Store, title: str, column: str, part: Callable[[Context], str]) -> None:
    expected: dict[str, Counter[str]] = {}
    for event in TRADE.money:
        if isinstance(event, Notice) and event.advertiser == 1 and within(event.received_ns):
            name = {Kind.IMPRESSION: "impressions", Kind.CLICK: "clicks"}.get(Kind(event.kind))
            if name and not event.marks & NOT_COUNTED:
                expected.setdefault(part(unpack(event.context)), Counter())[name] += 1
    for row in run(store, panel_of("outbid-delivery", title))[1]:
        agrees(row, expected.pop(row.pop(column)))
    assert not expected
