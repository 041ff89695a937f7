"""Reports out of both kinds of store say what plain counting says, in every way of asking."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from domain.campaign import Agency, Rate, Snapshot
from domain.context_word import Context, Place, System, pack
from domain.errors import Refused
from domain.events import Bid, Conversion, Notice, encode
from domain.naming import name_id
from pacing.protocol import Settlement
from reporting import losses, report, rows
from reporting.facts import known, sums_of
from reporting.names import Dictionary, of_sites, of_snapshot
from reporting.report import Asker, Line, Request
from reporting.schema import ATTRIBUTIONS
from reporting.scope import Claims, Scope
from reporting.store import Store, migrate, open_store
from tests.clickhouse_server import ClickHouseServer
from tests.report_twin import Credit, Twin
from tests.trade import SITES, Trade, snapshot

RATES = (
    Rate(1, "USD", "EUR", "2026-09-01", 910_000_001),
    Rate(2, "CNY", "EUR", "2026-09-01", 128_123_457),
    Rate(3, "USD", "EUR", "2026-09-22", 899_999_999),
    Rate(4, "CNY", "EUR", "2026-09-23", 131_000_003),
)
ASKER = Asker(rates=lambda: RATES)


def world() -> tuple[Snapshot, Twin]:
    """Trade with persons, deals and contexts, an agency, and conversions that are credited."""
    trade, draw = Trade(seed=6, auctions=1200), random.Random(7)
    known = snapshot()
    agency = Agency(9, "meridian", "Meridian", "USD", "UTC")
    advertisers = (replace(known.advertisers[0], agency=9), known.advertisers[1])
    known = replace(known, agencies=(agency,), advertisers=advertisers)
    of: dict[int, dict[str, int]] = {}

    def told(event: Any) -> Any:
        if not isinstance(event, (Bid, Notice, Conversion, Settlement)):
            return event
        context = Context(
            draw.choice(("USA", "DEU", "")),
            draw.randint(0, 5),
            draw.choice((*System,)),
            draw.choice((*Place,)),
            "banner",
        )
        mine = of.setdefault(
            event.bid, {"person": draw.randint(0, 30), "deal": draw.randint(0, 2), "context": pack(context)}
        )
        return replace(event, **{name: value for name, value in mine.items() if name in event.__struct_fields__})

    bids, money, settlements = (
        [told(event) for event in events] for events in (trade.bids, trade.money, trade.settlements)
    )
    credits = []
    for event in money:
        if isinstance(event, Conversion) and event.bid and not event.marks:
            place = {
                name: getattr(event, name) for name in ("exchange", "campaign", "line_item", "creative", "deal", "site")
            }
            kind, context = draw.choice((0, 1, 1, 2)), of[event.bid]["context"]
            value, currency = draw.choice(((0, "USD"), (7_000_000_000, "USD"), (9_000_000_000, "CNY")))
            word = draw.choice(("lead", "approved"))
            made = Credit(event.received_ns, event.advertiser, word, value, currency, kind, 1, **place, context=context)
            credits.append(made)
            if draw.random() < 0.2:  # taken back
                credits.append(Credit(**{**vars(made), "sign": -1}))
    return known, Twin(known, bids, money, settlements, credits, RATES)


KNOWN, TWIN = world()


@pytest.fixture(scope="module", params=["chdb", "server"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    address = "chdb"
    if request.param == "server":
        server: ClickHouseServer = request.getfixturevalue("clickhouse")
        address = server.address("reports")
    opened = open_store(address, tmp_path_factory.mktemp("reports"))
    migrate(opened)
    feed(opened)
    yield opened
    opened.close()


def feed(store: Store) -> None:
    logs = [*map(encode, TWIN.bids)], [*map(encode, TWIN.money)], [*map(rows.of_settlement, TWIN.settlements)]
    for number, records in enumerate(logs):
        for block in rows.blocks(records, store.dialect).blocks:
            store.send(block, f"{number}/{block.table.name}/{block.day}")
    told = [
        vars(credit) | {"order": "", "person": 0, "touch_ns": 0, "bid": 0, "made_ns": 0, "batch": 1}
        for credit in TWIN.credits
    ]
    for day in sorted({row["received_ns"] // rows.DAY_NS for row in told}):
        of_day = [row for row in told if row["received_ns"] // rows.DAY_NS == day]
        store.insert(ATTRIBUTIONS, {name: [row[name] for row in of_day] for name in ATTRIBUTIONS.columns})
    Dictionary().write(store, of_snapshot(KNOWN), 5)
    Dictionary().write(store, of_sites((name_id(site), site) for site in SITES), 5)


def found(lines: list[Line], by: tuple[str, ...], before: bool = False) -> dict[tuple[Any, ...], dict[str, int]]:
    told = {}
    for line in lines:
        sums = line.before if before else line.sums
        key = (*(_key(line, name) for name in by), line.currency, line.market)
        assert key not in told
        told[key] = {name: value for name, value in (sums or {}).items() if value}
    return {key: sums for key, sums in told.items() if sums}


def _key(line: Line, name: str) -> Any:
    if name in ("loss_reason", "no_bid_reason"):
        return int(line.labels[name].split()[0])
    return line.ids.get(name, line.labels[name])


ALL_SUMS = ",".join((
    *("bids", "wins", "impressions", "clicks", "conversions", "billed", "starts", "first_quartiles", "midpoints"),
    *("third_quartiles", "completes", "measured", "viewable", "losses", "play_events", "click_conversions"),
    *("view_conversions", "reach", "spend", "fees", "conversion_value"),
))  # fmt: skip
MONEY = "spend,fees,exchange_spend,surplus,clearing_price,bid_price,conversion_value"


@pytest.mark.parametrize(
    ("by", "metrics", "told"),
    [
        ("day,line_item", ALL_SUMS, {}),
        ("week,month,day_of_week,hour_of_day", ALL_SUMS, {}),
        ("agency,format,size", ALL_SUMS, {}),
        ("minute,exchange", "bids,clicks,spend", {}),
        ("hour,site,creative", "impressions,clicks,spend,conversions", {}),
        ("site,agency,format", "impressions,clicks,spend,bids,wins", {}),
        ("country,device_type", "bids,wins,impressions,clicks,spend,fees,reach,viewable", {}),
        ("os,place,deal", "impressions,click_conversions,conversion_value,spend", {}),
        ("advertiser,campaign", MONEY, {}),
        ("exchange", MONEY, {}),
        ("conversion_event,conversion_source", "conversions,conversions:lead", {}),
        ("attribution_kind,conversion_event,country", "click_conversions,view_conversions,conversion_value", {}),
        ("stage,no_bid_reason,country,site", "no_bids", {}),
        ("exchange,country", "no_bids,bids", {}),
        ("loss_reason,line_item", "losses", {}),
        ("play_event,campaign", "play_events,viewable", {}),
        ("day,hour", ALL_SUMS, {"tz": "Europe/Berlin", "from": "2026-09-22", "to": "2026-09-23"}),
        ("day,exchange", "bids,clicks,spend,reach", {"tz": "Asia/Kolkata"}),
        ("hour_of_day,day_of_week", "impressions,spend", {"tz": "America/New_York", "to": "2026-09-22"}),
        ("day", MONEY, {"currency": "EUR"}),
        ("line_item,country", "spend,fees,reach,exchange_spend", {"currency": "EUR", "tz": "Asia/Kolkata"}),
        ("agency,hour", "impressions,spend", {"currency": "EUR", "from": "2026-09-22", "to": "2026-09-22"}),
    ],
)
def test_sums_are_those_of_plain_counting(store: Store, by: str, metrics: str, told: dict[str, str]) -> None:
    request = Request.read({"by": by, "metrics": metrics, **told})
    days = None
    if told.keys() & {"from", "to"}:
        days = date.fromisoformat(told.get("from", "2000-01-01")), date.fromisoformat(told.get("to", "2099-01-01"))
    lines = report.run(store, request, ASKER)
    sums = lines[0].sums.keys()
    expected = TWIN.rows(request.by, sums, told.get("tz", "UTC"), days, currency=told.get("currency", ""))
    assert expected and found(lines, request.by) == expected
    assert [line.labels for piece in report.stream(store, request, ASKER) for line in piece] == [
        x.labels for x in lines
    ]


FILTERS: list[tuple[list[str], Any]] = [
    (["line_item:l1|Line 2"], lambda value: value("line_item") in (1, 2)),
    (["line_item!:#1", "exchange:usx"], lambda value: value("line_item") != 1 and value("exchange") == 1),
    (["format:video|native", "agency:Meridian"],
     lambda value: value("format") in ("video", "native") and value("agency") == 9),
    (["format!:banner", "agency:"], lambda value: value("format") != "banner" and value("agency") == 0),
    ([f"site:{SITES[1]}|news.example"], lambda value: value("site") in (name_id(SITES[1]), name_id("news.example"))),
    (["country:USA", "os!:ios|android"],
     lambda value: value("country") == "USA" and value("os") not in ("ios", "android")),
    (["country:", "deal:"], lambda value: value("country") == "" and value("deal") == 0),
    (["hour_of_day:14|15|3", "day_of_week!:Tuesday"],
     lambda value: value("hour_of_day") in ("14", "15", "3") and value("day_of_week") != "Tuesday"),
]  # fmt: skip


@pytest.mark.parametrize(("filters", "wanted"), FILTERS, ids=[" ".join(filters)[:40] for filters, _ in FILTERS])
def test_filters_leave_what_they_name(store: Store, filters: list[str], wanted: Any) -> None:
    from multidict import MultiDict

    asked = MultiDict([("by", "campaign,hour_of_day"), ("metrics", "bids,impressions,clicks,spend"),
                       *(("filter", text) for text in filters)])  # fmt: skip
    request = Request.read(asked)
    expected = TWIN.rows(request.by, request.metrics, wanted=wanted)
    assert expected and found(report.run(store, request), request.by) == expected


def test_what_there_is_not_is_refused(store: Store) -> None:
    with pytest.raises(Refused, match="campaign:spring"):
        report.run(store, Request.read({"filter": "campaign:c1|spring"}))
    with pytest.raises(Refused, match=r"currency: 'EUR' .* a rate with CNY of 2026-09-2.* or before"):
        report.run(store, Request.read({"currency": "EUR", "metrics": "spend"}), Asker(rates=lambda: RATES[:1]))


def test_the_first_others_totals_pages_and_the_period_before(store: Store) -> None:
    asked = {"by": "site,line_item", "metrics": "impressions,clicks,spend,reach,ctr", "sort": "-clicks"}
    everything = report.run(store, Request.read(asked))
    clicks = [line.sums["clicks"] for line in everything]
    assert clicks == sorted(clicks, reverse=True) and len(everything) > 8
    top = report.page(store, Request.read(asked | {"top": "3", "totals": "1"}))
    assert [line.labels for line in top.lines[:3]] == [line.labels for line in everything[:3]]
    for total in top.totals:
        mine = [line for line in everything if line.currency == total.currency]
        others = [line for line in top.lines if line.kind == "others" and line.currency == total.currency]
        shown = [line for line in top.lines[:3] if line.currency == total.currency]
        for name in ("impressions", "clicks", "spend"):
            assert total.sums[name] == sum(line.sums[name] or 0 for line in mine)
            assert total.sums[name] == sum(line.sums[name] or 0 for line in [*shown, *others])
        assert all(line.sums["reach"] is None for line in others) and total.sums["reach"] == 30
    pages, token = [], ""
    while True:
        page = report.page(store, Request.read(asked | {"page_size": "5", "page_token": token}))
        pages.append([line.labels for line in page.lines])
        if not (token := page.next_page_token):
            break
    assert [labels for page in pages for labels in page] == [line.labels for line in everything]
    assert {len(page) for page in pages[:-1]} == {5}

    told = {"by": "day,exchange", "metrics": "impressions,spend,reach", "tz": "Europe/Berlin", "compare": "previous",
            "from": "2026-09-23", "to": "2026-09-23", "totals": "1"}  # fmt: skip
    both = report.page(store, Request.read(told))
    days = [(date(2026, 9, day), date(2026, 9, day)) for day in (22, 23)]
    before, now = (TWIN.rows(("exchange",), ("impressions", "spend", "reach"), "Europe/Berlin", each) for each in days)
    assert found(both.lines, ("exchange",)) == now and found(both.lines, ("exchange",), before=True) == before
    assert {line.labels["day"] for line in both.lines} == {"2026-09-23"}
    assert sum((line.before or {})["spend"] or 0 for line in both.totals) == sum(
        sums.get("spend", 0) for sums in before.values()
    )


def test_a_line_item_and_day_is_that_of_the_ledger(store: Store) -> None:
    """The core figures of `outbid report --by day,line_item`, whichever engine, are the bookings'."""
    for line in report.run(store, Request(("day", "line_item"))):
        booked = [
            row
            for row in TWIN.settlements
            if row.line_item == line.ids["line_item"] and day_of(row.received_ns) == line.labels["day"]
            and row.account_currency == line.currency
        ]  # fmt: skip
        assert line.sums["spend"] == sum(row.account_price for row in booked)
        assert line.sums["fees"] == sum(row.fees for row in booked)
        assert line.sums["billed"] == sum(row.number == 0 for row in booked)
    assert sum(row.account_price for row in TWIN.settlements) > 0


def day_of(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).date().isoformat()


SCOPES = (
    (frozenset((1,)), Scope(Claims("a", 0, (1,)))),
    (frozenset((2,)), Scope(Claims("b", 0, (2,)))),
    (frozenset((1,)), Scope(Claims("c", 0, (), (9,)))),  # by its agency
    (frozenset((1, 2)), Scope(Claims("d", 0, (2, 77), (9,)))),
    (frozenset[int](), Scope(Claims("e", 0, (77,)))),
)
DIMENSIONS_OF = {
    "campaign:c1|c2": ("campaign",),
    "advertiser!:adv1": ("advertiser",),
    "exchange:usx": ("exchange",),
    "campaign:nobody": ("campaign",),
}
SCOPED: dict[str, Any] = {
    "": lambda value: True,
    "campaign:c1|c2": lambda value: value("campaign") in (1, 2),
    "advertiser!:adv1": lambda value: value("advertiser") != 1,
    "exchange:usx": lambda value: value("exchange") == 1,
    "campaign:nobody": lambda value: False,
}


def test_a_token_shows_the_rows_of_its_advertisers_and_no_others(store: Store) -> None:
    """Whatever is asked for: the answer is that of plain counting over their events alone."""
    draw, answered = random.Random(11), 0
    dimensions = [name for name in report.DIMENSIONS if name not in ("minute", "stage", "no_bid_reason")]
    for _ in range(25):
        theirs, scope = draw.choice(SCOPES)
        filtered = draw.choice(("", "", *SCOPED))
        by = tuple(draw.sample(dimensions, draw.randint(1, 3)))
        all_ = (*by, *DIMENSIONS_OF.get(filtered, ()))
        some = ("bids", "impressions", "clicks", "spend", "conversions", "click_conversions", "reach", "losses")
        metrics = tuple(name for name in some if known(name, all_))
        if not metrics:
            continue
        told = {"by": ",".join(by), "metrics": ",".join(metrics), "totals": "1", "filter": filtered,
                "tz": draw.choice(("UTC", "Europe/Berlin")), "currency": draw.choice(("", "", "EUR"))}  # fmt: skip
        request = Request.read({name: text for name, text in told.items() if text})
        answer = report.page(store, request, Asker(scope, rates=lambda: RATES))

        def wanted(value: Any, theirs: frozenset[int] = theirs, filtered: str = filtered) -> bool:
            return value("advertiser") in theirs and SCOPED[filtered](value)

        sums = sums_of(metrics)
        for lines, keys in ((answer.lines, by), (answer.totals, ())):
            expected = TWIN.rows(keys, sums, told["tz"], wanted=wanted, currency=told["currency"])
            assert found(lines, keys) == expected, (told, scope)
        answered += bool(answer.lines)
    assert answered > 8
    for theirs, scope in SCOPES:
        with pytest.raises(Refused, match="belongs to no advertiser"):
            report.run(store, Request(("day",), metrics=("no_bids",)), Asker(scope))
        lost = losses.run(store, losses.read({"by": "advertiser"}), scope)
        assert {line.labels["advertiser"] for line in lost} == {f"Advertiser {id_}" for id_ in theirs}


def test_an_unscoped_filter_by_name_refuses_but_a_scoped_one_finds_nothing(store: Store) -> None:
    """Who may not see a campaign learns nothing of its name."""
    theirs = Asker(Scope(Claims("a", 0, (1,))))
    for name in ("c1", "nobody"):  # c1 is of the other advertiser
        assert report.run(store, Request.read({"filter": f"campaign:{name}"}), theirs) == []
