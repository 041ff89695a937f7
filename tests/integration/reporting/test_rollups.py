"""Rollups hold what plain counting over the events finds, however they came about."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from domain.events import Bid, Conversion, Kind, Mark, Notice, PlayEvent
from reporting.config import KeepDays
from reporting.counting import FIGURES
from reporting.migrations import MIGRATIONS
from reporting.retention import sweep
from reporting.rollups import GRAINS, ROLLUPS, differences, drop_spares, fact_days, mend, rebuild
from reporting.rows import DAY_NS
from reporting.schema import ATTRIBUTIONS
from reporting.store import Store, migrate, open_store, revert
from tests.clickhouse_server import ClickHouseServer
from tests.stored import send
from tests.trade import Trade

SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
PLAYED = {
    PlayEvent.START: ("starts",), PlayEvent.FIRST_QUARTILE: ("first_quartiles",), PlayEvent.MIDPOINT: ("midpoints",),
    PlayEvent.THIRD_QUARTILE: ("third_quartiles",), PlayEvent.COMPLETE: ("completes",),
    PlayEvent.VIEWABLE: ("measured", "viewable"), PlayEvent.NOT_VIEWABLE: ("measured",),
}  # fmt: skip
Sums = dict[tuple[Any, ...], dict[str, int]]


class Credit(Struct, frozen=True):
    """A row of ``attributions``, with the columns that count."""

    received_ns: int
    exchange: int
    advertiser: int
    campaign: int
    line_item: int
    creative: int
    value: int
    currency: str
    kind: int
    sign: int


@pytest.fixture
def opened(store_address: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(store_address, tmp_path)
    yield store
    store.close()


def made_up(seed: int) -> tuple[Trade, list[Credit]]:
    """Trade whose notices do not all tell a price, and credits of conversions of which some are taken back."""
    trade = Trade(seed, auctions=500, days=0.9)
    trade.money = [
        replace(event, marks=int(event.marks | Mark.NO_PRICE), price=0)
        if isinstance(event, Notice) and event.bid % 5 == 0
        else event
        for event in trade.money
    ]
    credits: list[Credit] = []
    for event in trade.money:
        if isinstance(event, Conversion) and event.bid:
            place = (event.exchange, event.advertiser, event.campaign, event.line_item, event.creative)
            money = (event.bid % 7 * 100, "USD" if event.bid % 2 else "EUR")
            credits.append(Credit(event.received_ns, *place, *money, event.bid % 3, 1))
            if event.bid % 4 == 0:
                credits += [replace(credits[-1], sign=-1), replace(credits[-1], kind=2, line_item=9)]
    return trade, credits


def store_all(store: Store, trade: Trade, credits: list[Credit]) -> None:
    send(store, [*trade.bids, *trade.money, *trade.settlements], str(id(trade)))
    for day in {credit.received_ns // DAY_NS for credit in credits}:
        chosen = [credit for credit in credits if credit.received_ns // DAY_NS == day]
        columns = {name: [getattr(credit, name) for credit in chosen] for name in Credit.__struct_fields__}
        store.insert(ATTRIBUTIONS, columns, f"{id(trade)}/credits/{day}")


def counted(trade: Trade, credits: list[Credit], grain: str) -> Sums:
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
    for credit in credits:
        if credit.kind:
            clicked = credit.kind == 1
            add(credit, credit.received_ns, **{"click_conversions" if clicked else "view_conversions": credit.sign})
            value = credit.sign * credit.value
            told = {"conversion_value": value, "click_value": value if clicked else 0}
            add(credit, credit.received_ns, credit.currency, **told)
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


@contextmanager
def cut_short(store: Store, statements: int) -> Iterator[None]:
    """Of what is sent to the store only so much arrives."""
    command = store.command

    def failing(sql: str) -> None:
        nonlocal statements
        statements -= 1
        if statements < 0:
            raise RuntimeError("killed")
        command(sql)

    store.command = failing  # type: ignore[method-assign]
    yield
    store.command = command  # type: ignore[method-assign]


def seconds(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86_400


def added(one: Sums, other: Sums) -> Sums:
    both = {key: Counter(one.get(key, {})) for key in one.keys() | other.keys()}
    for key, figures in other.items():
        both[key].update(figures)
    return {key: {name: n for name, n in sums.items() if n} for key, sums in both.items() if any(sums.values())}


def test_rollups_hold_what_plain_counting_finds(opened: Store) -> None:
    """Of a store from before there were rollups, by a migration that is cut short and done again; of what comes in
    later, by views; and of days that were damaged, made anew.
    """
    past, now = made_up(11), made_up(12)
    migrate(opened)
    revert(opened, 9)
    assert not [name for name in tables(opened) if name.startswith("delivery")]
    for statement in [each for step in MIGRATIONS[9:] for of in step.adds for each in opened.dialect.adds(*of)]:
        opened.command(statement)  # facts come as they are today
    store_all(opened, *past)
    first, second = sorted({day for _, day in fact_days(opened)})
    tomorrow = second + timedelta(days=1)
    with cut_short(opened, 100), pytest.raises(RuntimeError):
        migrate(opened, tomorrow)
    migrate(opened, tomorrow)
    for grain in GRAINS:
        expected = counted(*past, grain)
        if grain == "minute":  # is kept of tomorrow and the day before
            expected = {key: sums for key, sums in expected.items() if key[0] >= seconds(second)}
        assert rolled_up(opened, grain) == expected, grain

    rebuild(opened, first)
    store_all(opened, *now)
    together = {grain: added(counted(*past, grain), counted(*now, grain)) for grain in GRAINS}
    assert {name for sums in together["day"].values() for name in sums} == set(FIGURES)  # nothing is left untried
    for grain in GRAINS:
        assert rolled_up(opened, grain) == together[grain], grain
        opened.command(f"OPTIMIZE TABLE {ROLLUPS[grain].name} PARTITION '{first}' FINAL")
        assert rolled_up(opened, grain) == together[grain], grain
        assert not differences(opened, first, grain) and not differences(opened, second, grain)

    opened.command(
        "INSERT INTO delivery_hour (day, time, advertiser, clicks, spend)"
        f" SELECT toDate('{second}'), toDateTime({seconds(second)}, 'UTC'), toUInt32(1), toInt64(3), toInt64(-7)"
    )
    opened.command(f"ALTER TABLE delivery_day DROP PARTITION '{first}'")
    assert differences(opened, second, "hour").keys() == {"clicks", "spend"}
    assert differences(opened, first, "day").keys() and not differences(opened, first, "hour")
    for day in (first, second, date(2026, 1, 1)):  # of the last there is nothing
        rebuild(opened, day)
    for grain in GRAINS:
        assert rolled_up(opened, grain) == together[grain], grain
    assert len([name for name in tables(opened) if "rebuilt" in name]) <= 1  # of the migration that was cut short
    drop_spares(opened)
    drop_spares(opened, age_s=0)
    assert not [name for name in tables(opened) if "rebuilt" in name]


def test_what_a_killed_server_has_again_is_made_good(folder: Path) -> None:
    """18.16 does not remember which parts were replaced: killed soon after, it has them beside the new ones."""
    server = ClickHouseServer(folder)
    server.start()
    try:
        made = made_up(14)
        store = open_store(server.address("mended"), folder)
        migrate(store)
        store_all(store, *made)
        first, second = sorted({day for _, day in fact_days(store)})
        assert mend(store) == []
        rebuild(store, second)
        server.kill()
        store.close()
        server.start()
        store = open_store(server.address("mended"), folder)
        assert set(mend(store)) <= {second} and mend(store) == []
        for grain in GRAINS:
            assert rolled_up(store, grain) == counted(*made, grain), grain
        store.command(f"ALTER TABLE delivery_hour DROP PARTITION '{first}'")  # what there is none of any more stays so
        store.command(
            f"INSERT INTO delivery_day (day, time, clicks) SELECT toDate('{first}'), toDateTime({seconds(first)}), 5"
        )
        assert mend(store) == [first] and not differences(store, first, "day")
        assert not store.query(f"SELECT 1 FROM delivery_hour WHERE day = toDate('{first}')")
        store.close()
    finally:
        server.kill()


def tables(store: Store) -> list[str]:
    return [row[0] for row in store.query("SELECT name FROM system.tables WHERE database = currentDatabase()")]


def test_days_are_dropped_when_they_are_old_and_rollups_outlive_them(opened: Store) -> None:
    made = made_up(13)
    migrate(opened)
    store_all(opened, *made)
    first, second = sorted({day for _, day in fact_days(opened)})
    keep = KeepDays(bids=2, events=0, money=3)
    assert sweep(opened, second, keep) == []
    for today in (date(2099, 1, 1), date(2099, 1, 1)):  # a clock that is so far ahead of the facts is not believed
        dropped = sweep(opened, today, keep)
        assert dropped == [] or {table for table, day in dropped if day == first} == {
            *("bids", "no_bids", "losses", "delivery_minute")
        }
    assert not rolled_up(opened, "minute") and int(opened.query("SELECT count() FROM bids")[0][0])
    rebuild(opened, first, ["hour", "day"])
    for grain in ("hour", "day"):
        assert rolled_up(opened, grain) == counted(*made, grain), grain
        assert not differences(opened, first, grain)
    send(opened, [replace(bid, time_ns=bid.time_ns + 40 * DAY_NS) for bid in made[0].bids if isinstance(bid, Bid)], "x")
    assert len(sweep(opened, second + timedelta(days=40), keep)) > 8
    assert not int(opened.query("SELECT count() FROM settlements")[0][0])
    assert counted(*made, "day").items() <= rolled_up(opened, "day").items()
