"""How long reports take on 50 million impressions in chDB.

The engine makes them itself, into the real tables, so that the real views fill the rollups: 30 days of 5 exchanges
that bill by the impression, 20 advertisers with 5 campaigns, 20 line items and 60 creatives each, 10,000 sites, 60
countries and 8 million persons, all skewed. An impression has its booking; a fifth has its bid, 0.2 % clicks, 0.01 %
conversions with their credits. Minutes are kept of the last day, as the reporter keeps them. Each report goes
through `reporting.report`, as the reporter asks it, and gives its first hundred rows; it is measured several times
and the best is told, the worst pair with its name.

    python bench/reports.py [--impressions 50000000] [--repeat 3] [--directory DIR] [--keep]

The last line is JSON: milliseconds of a month by day and campaign (all rows, all metrics of delivery), of the slowest
pair of dimensions by impressions, clicks and CTR (and with spend, which is in another table of as many rows), with
reach, and of site by creative.
"""

import argparse
import itertools
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from domain.naming import name_id
from reporting import report
from reporting.catalogue import DIMENSIONS
from reporting.facts import known
from reporting.names import Dictionary, of_sites
from reporting.report import Request
from reporting.store import Store, migrate, open_store

FIRST, DAYS = date(2026, 10, 1), 30
ADVERTISERS, CAMPAIGNS, LINE_ITEMS, CREATIVES = 20, 100, 400, 1_200
EXCHANGES, DEALS, SITES, COUNTRIES, PERSONS = 5, 50, 10_000, 60, 8_000_000
BIDS = 5
"""Impressions for each that is in the store: the reports here read bids from rollups, whose rows stay as many."""
CLICKS, CONVERSIONS = 500, 10_000
"""Impressions for each."""
METRICS, WITH_SPEND = ("impressions", "clicks", "ctr"), ("impressions", "clicks", "spend")
DAY_NS = 86_400_000_000_000
ROWS = 100
MINUTES_DAYS = 3


def drawn(salt: int, size: int, power: float = 1.0) -> str:
    """SQL: a number below ``size``, drawn for each row; with a higher power the low ones come more often."""
    share = f"(cityHash64(number, {salt}) / 18446744073709551616.0)"
    return f"toUInt64(floor({size} * pow({share}, {power})))"


def places() -> dict[str, str]:
    """Where an ad was shown, and whose it was."""
    return {
        "line_item": f"1 + {drawn(1, LINE_ITEMS, 1.7)}",
        "campaign": f"1 + intDiv(line_item - 1, {LINE_ITEMS // CAMPAIGNS})",
        "advertiser": f"1 + intDiv(campaign - 1, {CAMPAIGNS // ADVERTISERS})",
        "creative": f"1 + (line_item - 1) * {CREATIVES // LINE_ITEMS} + {drawn(2, CREATIVES // LINE_ITEMS, 1.5)}",
        "exchange": f"1 + {drawn(3, EXCHANGES, 1.5)}",
        "deal": f"if({drawn(4, 5)} = 0, 1 + {drawn(5, DEALS, 2)}, 0)",
        "site": f"arrayElement(sites, 1 + {drawn(6, SITES, 3)})",
        "context": f"toUInt32({drawn(7, COUNTRIES, 3)} * 311 + 800 + bitShiftLeft(1 + {drawn(8, 5, 1.5)}, 15)"
        f" + bitShiftLeft(1 + {drawn(9, 6, 1.5)}, 19) + bitShiftLeft(1 + {drawn(10, 2)}, 23))",
    }


def make(store: Store, impressions: int) -> None:
    """A day at a time; of the day's rows each is half as likely in the small hours as in the evening."""
    a_day = impressions // DAYS
    for table in ("impressions", "settlements", "bids", "delivery_minute", "delivery_hour", "delivery_day"):
        store.command(f"ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = 1")  # merged parts are not wanted twice
    sites = ", ".join(str(name_id(f"site{n}.example")) for n in range(SITES))
    for day in range(DAYS):
        begin = (FIRST - date(1970, 1, 1) + timedelta(days=day)).days * DAY_NS
        at = f"toUInt64({begin} + {drawn(11, DAY_NS, 0.8)})"
        price = f"toInt64(300000 + {drawn(12, 4_000_000, 2)})"
        shared = {**places(), "person": f"if({drawn(13, 20)} = 0, 0, cityHash64({drawn(14, PERSONS, 1.3)}))"}
        first = day * a_day
        fill(store, "impressions", sites, first, a_day, "1", {
            "received_ns": at, "bid_ns": f"{at} - 2000000000", "marks": "64", "bid": "number", "basis": "4",
            "lease": "7", "rate": "1", "max_price": f"{price} + 200000", "price": price, **shared,
        })  # fmt: skip
        fill(store, "settlements", sites, first, a_day, "1", {
            "id": "number", "received_ns": at, "bid": "number", "price": price, "account_price": price, "marks": "64",
            "currency": "'USD'", "account_currency": "'USD'", "fees": f"intDiv({price}, 10)",
            **{name: sql for name, sql in shared.items() if name != "person"},
        })  # fmt: skip
        fill(store, "bids", sites, first, a_day, f"number % {BIDS} = 0", {
            "time_ns": at, "bid": "number", "price": f"{price} + 200000", "floor": "100000", "currency": "'USD'",
            "width": "300", "height": "250", "country": "'USA'", "device_type": "2", **shared,
        })  # fmt: skip
        fill(store, "clicks", sites, first, a_day, f"number % {CLICKS} = 0", {
            "received_ns": f"{at} + 5000000000", "bid_ns": at, "bid": "number", "basis": "4", **shared,
        })  # fmt: skip
        credited = {"received_ns": f"{at} + 60000000000", "event": "'lead'", "order": "toString(number)",
                    "value": "9000000000",
                    "currency": "'USD'", "bid": "number", **shared}  # fmt: skip
        fill(store, "conversions", sites, first, a_day, f"number % {CONVERSIONS} = 0", {
            name: sql for name, sql in credited.items() if name != "context"
        })  # fmt: skip
        fill(store, "attributions", sites, first, a_day, f"number % {CONVERSIONS} = 0", {
            "kind": "1", "sign": "1", "touch_ns": at, **credited,
        })  # fmt: skip
        if day < DAYS - 1:
            store.command(f"ALTER TABLE delivery_minute DROP PARTITION '{FIRST + timedelta(days=day)}'")


def fill(store: Store, table: str, sites: str, first: int, count: int, where: str, columns: dict[str, str]) -> None:
    """The place's parts refer to each other, so they are columns of a query of their own."""
    names = ", ".join(f"`{name}`" for name in columns)
    selected = ", ".join(f"{sql} AS `{name}`" for name, sql in columns.items())
    store.command(
        f"INSERT INTO {table} ({names}) WITH [{sites}] AS sites SELECT {selected}"
        f" FROM numbers({first}, {count}) WHERE {where} SETTINGS max_execution_time = 0"
    )


def names(store: Store) -> None:
    rows = [("exchange", n, f"ex{n}", f"ex{n}", "USD", "", 0, "") for n in range(1, EXCHANGES + 1)]
    rows += [("agency", n, f"ag{n}", f"Agency {n}", "USD", "", 0, "") for n in range(1, 4)]
    for kind, count, parents in (
        ("advertiser", ADVERTISERS, 3),
        ("campaign", CAMPAIGNS, ADVERTISERS),
        ("line_item", LINE_ITEMS, CAMPAIGNS),
        ("deal", DEALS, ADVERTISERS),
    ):
        currency = "USD" if kind == "advertiser" else ""
        rows += [
            (kind, n, f"{kind}{n}", f"{kind} {n}", currency, "", 1 + (n - 1) * parents // count, "")
            for n in range(1, count + 1)
        ]
    sizes = ("300x250", "728x90", "320x50", "160x600", "")
    rows += [
        ("creative", n, f"cr{n}", f"cr{n}", "", ("banner", "video", "native")[n % 3], 1, sizes[n % 5])
        for n in range(1, CREATIVES + 1)
    ]
    dictionary = Dictionary()
    dictionary.write(store, rows, 1)
    dictionary.write(store, of_sites((name_id(f"site{n}.example"), f"site{n}.example") for n in range(SITES)), 1)


def timed(store: Store, request: Request, repeat: int) -> float:
    """Milliseconds, the best of several."""
    best = float("inf")
    for _ in range(repeat):
        begun = time.perf_counter()
        lines = report.run(store, request)
        best = min(best, time.perf_counter() - begun)
        assert lines, request
    return best * 1000


def pairs() -> list[tuple[str, str]]:
    told = [name for name in DIMENSIONS if all(known(metric, (name,)) for metric in WITH_SPEND)]
    return [pair for pair in itertools.combinations(told, 2) if set(pair) != {"site", "creative"}]


def asked(by: tuple[str, ...], metrics: tuple[str, ...]) -> Request:
    """The first hundred by the first metric; minutes are for few days."""
    days = MINUTES_DAYS if "minute" in by else DAYS
    return Request(by, FIRST, FIRST + timedelta(days=days - 1), metrics, sort=((metrics[0], True),), page_size=ROWS)


def measure(store: Store, impressions: int, repeat: int, tell: Callable[[str], None]) -> dict[str, object]:
    last = FIRST + timedelta(days=DAYS - 1)
    month = timed(store, Request(("day", "campaign"), FIRST, last), max(repeat, 5))
    tell(f"month by day and campaign {month:.0f} ms")
    found, spent = {}, {}
    for pair in pairs():
        found[pair] = timed(store, asked(pair, METRICS), repeat)
        spent[pair] = timed(store, asked(pair, WITH_SPEND), repeat)
        tell(f"{' × '.join(pair)} {found[pair]:.0f} ms, with spend {spent[pair]:.0f} ms")
    worst = max(found, key=lambda pair: found[pair])
    reach = {
        pair: timed(store, asked(pair, ("impressions", "reach")), repeat)
        for pair in (
            ("day", "campaign"),
            ("campaign", "country"),
            ("line_item", "exchange"),
            ("creative", "device_type"),
        )
    }
    widest = max(reach, key=lambda pair: reach[pair])
    tell(f"with reach, {' × '.join(widest)} {reach[widest]:.0f} ms")
    both = [timed(store, asked(("site", "creative"), metrics), repeat) for metrics in (METRICS, WITH_SPEND)]
    ordered = sorted(found.values())
    return {
        "bench": "reports",
        "impressions": impressions,
        "month_by_day_campaign_ms": round(month, 1),
        "two_dimensions_ms": round(found[worst], 1),
        "worst_pair": " × ".join(worst),
        "two_dimensions_spend_ms": round(max(spent.values()), 1),
        "median_pair_ms": round(ordered[len(ordered) // 2], 1),
        "pairs": len(ordered),
        "pairs_over_1_s": sum(value > 1000 for value in ordered),
        "reach_ms": round(reach[widest], 1),
        "site_creative_ms": round(both[0], 1),
        "site_creative_spend_ms": round(both[1], 1),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--impressions", type=int, default=50_000_000)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--directory", type=Path, help="default: a temporary one; it needs 7 GB")
    options.add_argument("--keep", action="store_true", help="leave the data, and use what is there")
    options.add_argument("--quiet", action="store_true")
    chosen = options.parse_args()
    where = chosen.directory or Path(tempfile.mkdtemp(prefix="outbid-reports-"))

    def tell(text: str) -> None:
        if not chosen.quiet:
            print(text, file=sys.stderr, flush=True)

    store = open_store("chdb", where, query_seconds=600)
    try:
        migrate(store)
        if not int(store.query("SELECT count() FROM impressions")[0][0]):
            begun = time.monotonic()
            names(store)
            make(store, chosen.impressions)
            tell(f"made in {time.monotonic() - begun:.0f} s")
            for grain in ("minute", "hour", "day"):  # as the engine does in its own time with days that are over
                store.command(f"OPTIMIZE TABLE delivery_{grain} FINAL")
        size = store.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active")[0][0]
        tell(f"{int(size) / 1e9:.2f} GB on disk")
        print(json.dumps(measure(store, chosen.impressions, chosen.repeat, tell)))
    finally:
        store.close()
        if not chosen.keep:
            shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
    main()
