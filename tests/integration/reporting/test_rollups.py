"""Rollups hold what plain counting over the events finds, however they came about."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.events import Bid, Conversion, Kind, Mark, Notice, PlayEvent
from reporting.counting import FIGURES
from reporting.rollups import GRAINS, ROLLUPS, days, differences, rebuild
from reporting.rows import blocks
from reporting.schema import ATTRIBUTIONS
from reporting.store import Store, migrate, open_store, revert
from tests.trade import Trade

SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
PLAYED = {
    PlayEvent.START: ("starts",), PlayEvent.FIRST_QUARTILE: ("first_quartiles",), PlayEvent.MIDPOINT: ("midpoints",),
    PlayEvent.THIRD_QUARTILE: ("third_quartiles",), PlayEvent.COMPLETE: ("completes",),
    PlayEvent.VIEWABLE: ("measured", "viewable"), PlayEvent.NOT_VIEWABLE: ("measured",),
}  # fmt: skip
Sums = dict[tuple[Any, ...], dict[str, int]]


@pytest.fixture
def opened(store_address: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(store_address, tmp_path)
    yield store
    store.close()


def made_up() -> tuple[Trade, list[dict[str, int | str]]]:
    """Trade whose notices do not all tell a price, and credits of conversions of which some are taken back."""
    trade = Trade(seed=11, auctions=900)
    untold = Mark.NO_PRICE
    trade.money = [
        replace(e, marks=int(e.marks | untold), price=0) if isinstance(e, Notice) and e.bid % 5 == 0 else e
        for e in trade.money
    ]
    credits: list[dict[str, int | str]] = []
    for event in trade.money:
        if isinstance(event, Conversion) and event.bid:
            row = {name: getattr(event, name) for name in ATTRIBUTIONS.columns if hasattr(event, name)}
            kind = event.bid % 3  # nothing, a click, a view
            row |= {"value": event.bid % 7 * 100, "currency": "USD" if event.bid % 2 else "EUR", "context": 0}
            first = {**row, "kind": kind, "touch_ns": 1, "sign": 1, "made_ns": 5}
            credits.append(first)
            if event.bid % 4 == 0:
                credits += [{**first, "sign": -1}, {**first, "sign": 1, "kind": 2, "line_item": 9}]
    return trade, credits


def store_all(store: Store, trade: Trade, credits: list[dict[str, int | str]]) -> None:
    made, _, unfit = blocks([*trade.bids, *trade.money, *trade.settlements])
    assert not unfit
    for number, block in enumerate(made):
        half = block.rows // 2  # two blocks of each
        for part, end in ((slice(0, half), half), (slice(half, block.rows), block.rows - half)):
            columns = {name: values[part] for name, values in block.columns.items()}
            if end:
                store.insert(block.table, {**columns, "batch": [number] * end}, f"{number}/{part}")
    columns = {name: [row[name] for row in credits] for name in ATTRIBUTIONS.columns if name != "batch"}
    by_day: dict[int, list[int]] = {}
    for place, ns in enumerate(columns["received_ns"]):
        by_day.setdefault(int(ns) // (86_400 * 10**9), []).append(place)
    for day, places in by_day.items():
        chosen = {name: [values[place] for place in places] for name, values in columns.items()}
        store.insert(ATTRIBUTIONS, {**chosen, "batch": [day] * len(places)}, f"credits/{day}")


def counted(trade: Trade, credits: list[dict[str, int | str]], grain: str) -> Sums:
    """(start of the time, ids, currency) -> figures that are not 0, with no SQL."""
    sums: dict[tuple[Any, ...], Counter[str]] = {}

    def add(event: Any, ns: int, currency: str = "", **figures: int) -> None:
        start = ns // 10**9 // SECONDS[grain] * SECONDS[grain]
        ids = (event.advertiser, event.campaign, event.line_item, event.creative, event.exchange)
        sums.setdefault((start, *ids, currency), Counter()).update(figures)

    for event in trade.bids:
        if isinstance(event, Bid) and not event.test:
            add(event, event.time_ns, bids=1, bid_price=event.price)
    for event in trade.money:
        if event.marks & (Mark.DUPLICATE | Mark.AUDIT | Mark.TEST):
            continue
        if isinstance(event, Conversion):
            add(event, event.received_ns, conversions=1)
        elif event.kind == Kind.EVENT:
            add(event, event.received_ns, **dict.fromkeys(PLAYED.get(PlayEvent(event.event), ()), 1))
        else:
            name = {Kind.IMPRESSION: "impressions", Kind.CLICK: "clicks", Kind.LOSS: "losses"}.get(Kind(event.kind))
            add(event, event.received_ns, **({name: 1} if name else {}))
            if event.marks & Mark.FIRST:
                told = not event.marks & Mark.NO_PRICE
                prices = {"wins_priced": 1, "win_price": event.price, "win_max_price": event.max_price} if told else {}
                add(event, event.received_ns, wins=1, **prices)
    for row in trade.settlements:
        money = {"spend": row.account_price, "fees": row.fees, "exchange_spend": row.price}
        add(row, row.received_ns, row.account_currency, billed=int(row.number == 0), **money)

    class Credit:
        def __init__(self, row: dict[str, Any]) -> None:
            self.__dict__.update(row)

    for credit in map(Credit, credits):
        if credit.kind:  # type: ignore[attr-defined]
            one: Any = credit
            clicked = one.kind == 1
            add(one, one.received_ns, **{"click_conversions" if clicked else "view_conversions": one.sign})
            value = one.sign * one.value
            add(one, one.received_ns, one.currency, conversion_value=value, click_value=value if clicked else 0)
    return {key: figures for key, found in sums.items() if (figures := {name: n for name, n in found.items() if n})}


def rolled_up(store: Store, grain: str) -> Sums:
    keys = "toUInt32(time), advertiser, campaign, line_item, creative, exchange, toString(currency)"
    sums = ", ".join(f"sum({name})" for name in FIGURES)
    wrong = f"SELECT count() FROM {ROLLUPS[grain].name} WHERE day != toDate(time, 'UTC')"
    assert int(store.query(wrong)[0][0]) == 0
    rows = store.query(f"SELECT {keys}, {sums} FROM {ROLLUPS[grain].name} GROUP BY {keys}")
    found = {}
    for row in rows:
        figures = {name: int(n) for name, n in zip(FIGURES, row[7:], strict=True) if int(n)}
        if figures:
            found[(*map(int, row[:6]), row[6])] = figures
    return found


def test_views_roll_up_what_plain_counting_finds(opened: Store) -> None:
    trade, credits = made_up()
    migrate(opened)
    store_all(opened, trade, credits)
    expected = {grain: counted(trade, credits, grain) for grain in GRAINS}
    told = {name for sums in expected["day"].values() for name in sums}
    assert told == set(FIGURES)  # nothing is left untried
    for grain in GRAINS:
        assert rolled_up(opened, grain) == expected[grain], grain
        opened.command(f"OPTIMIZE TABLE {ROLLUPS[grain].name}")
        assert rolled_up(opened, grain) == expected[grain], grain
        assert not any(differences(opened, day, grain) for day in days(opened))


def test_a_store_from_before_there_were_rollups_gets_them_of_the_past(opened: Store) -> None:
    """And a migration that was cut short is done again: it does not count twice."""
    trade, credits = made_up()
    migrate(opened)
    revert(opened, 9)
    tables = {row[0] for row in opened.query("SELECT name FROM system.tables WHERE database = currentDatabase()")}
    assert not [name for name in tables if name.startswith("delivery")]
    store_all(opened, trade, credits)
    today = max(days(opened))

    command, left = opened.command, 60

    def failing(sql: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise RuntimeError("killed")
        command(sql)

    opened.command = failing  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        migrate(opened, today)
    migrate(opened, today)
    for grain in GRAINS:
        expected = counted(trade, credits, grain)
        if grain == "minute":  # of the newest day and the one before
            first = sorted({key[0] // 86_400 for key in expected})[-2]
            expected = {key: sums for key, sums in expected.items() if key[0] // 86_400 >= first}
        assert rolled_up(opened, grain) == expected, grain


def test_a_day_that_was_damaged_is_rebuilt_and_the_others_stay(opened: Store) -> None:
    trade, credits = made_up()
    migrate(opened)
    store_all(opened, trade, credits)
    first, second, *_ = days(opened)
    hour = ROLLUPS["hour"]
    columns: dict[str, list[Any]] = {name: [0] for name in hour.columns}
    seconds = (second - date(1970, 1, 1)).days * 86_400
    opened.command(
        f"INSERT INTO {hour.name} (day, time, advertiser, clicks, spend)"
        f" SELECT toDate('{second}'), toDateTime({seconds}, 'UTC'), 1, toInt64(3), toInt64(-7)"
    )
    opened.command(f"ALTER TABLE {ROLLUPS['day'].name} DROP PARTITION '{first}'")
    assert columns and differences(opened, second, "hour").keys() == {"clicks", "spend"}
    assert differences(opened, first, "day").keys() and not differences(opened, first, "hour")
    rebuild(opened, first)
    rebuild(opened, second)
    rebuild(opened, date(2026, 1, 1))  # of which there is nothing
    for grain in GRAINS:
        assert rolled_up(opened, grain) == counted(trade, credits, grain), grain
    names = [row[0] for row in opened.query("SELECT name FROM system.tables WHERE database = currentDatabase()")]
    assert not [name for name in names if "rebuilt" in name]
