"""Shipping: how many records a second go from logs on disk into the analytics store, with all rollup views on.

The real road: a bid log and a money log that the writer of the event log made, `reporting.shipper.Shipper` with the
setting ``batch_rows`` as it is by default, the schema as `migrate` makes it; into chDB, and into a ClickHouse server of
this script's own (Debian's 18.16.1, started as the tests start it). Of 100 records 52 are bids, 5 no-bids, 43 notices
(wins, billings, impressions, losses, events of viewing, few clicks), over ten minutes, of 2,000 line items. The sums in
the rollups are compared with what was logged.

The last line is the result as JSON; CPU seconds are of this process and of the server, a million records. On a machine
with other work they say more than the rate.
"""

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from domain.events import Bid, Kind, Mark, Name, NoBid, Notice, PlayEvent, encode
from domain.naming import name_id
from eventlog.writer import LogWriter
from reporting.config import Reporting
from reporting.rows import blocks
from reporting.schema import CURRENT
from reporting.shipper import Shipper
from reporting.sources import logs
from reporting.store import Store, migrate, open_store
from tests.clickhouse_server import ClickHouseServer

START_NS = 1_790_035_200 * 10**9  # 2026-09-22 00:00:00 UTC
SPAN_NS = 600 * 10**9
COUNTRIES = ("USA", "GBR", "DEU", "FRA", "ESP", "BRA", "MEX", "JPN", "IND", "")
LINE_ITEMS, SITES = 2_000, 20_000


def write_logs(data: Path, records: int) -> dict[str, int]:
    """Returns what is to be in the store."""
    draw = random.Random(1)
    bids = LogWriter(data / "log/bids/0", sync_s=1.0)
    money = LogWriter(data / "log/money/0", sync_s=1.0)  # lazily: what is measured is how it is read
    sites = [name_id(f"site{n}.example") for n in range(SITES)]
    for n, site in enumerate(sites):
        bids.append(encode(Name("site", site, f"site{n}.example")))
    counts = dict.fromkeys(("records", "bids", "impressions", "clicks", "wins", "bid_price"), 0) | {"records": SITES}
    bid = 1 << 40
    while counts["records"] < records:
        bid += 1
        at = START_NS + SPAN_NS * counts["records"] // records
        line, site = draw.randrange(LINE_ITEMS), sites[int(draw.random() ** 3 * SITES)]
        exchange = 1 + line % 8
        auction = f"{draw.getrandbits(128):032x}"
        if draw.random() < 0.09:
            bids.append(encode(NoBid(at, auction, exchange, 512, "targeting", 10, site, draw.choice(COUNTRIES))))
            counts["records"] += 1
        place = (exchange, 1 + line % 50, 1 + line // 5, 1 + line, 1 + line * 2 + bid % 2, 0, site)
        person, price = draw.getrandbits(63), draw.randrange(100_000, 9_000_000)
        bids.append(
            encode(
                Bid(at, bid, 0, auction, *place, person, price, price // 2, "USD", 300, 250,
                    draw.choice(COUNTRIES), 1 + bid % 5, False)
            )
        )  # fmt: skip
        counts["records"] += 1
        counts["bids"] += 1
        counts["bid_price"] += price
        told: list[tuple[Kind, Mark, dict[str, Any]]] = []
        if draw.random() < 0.22:
            told += [(Kind.WIN, Mark.FIRST, {}), (Kind.BILLING, Mark(0), {}), (Kind.IMPRESSION, Mark(0), {})]
            counts["wins"] += 1
            counts["impressions"] += 1
            if draw.random() < 0.3:
                told.append((Kind.EVENT, Mark(0), {"event": int(PlayEvent.VIEWABLE)}))
            if draw.random() < 0.02:
                told.append((Kind.CLICK, Mark(0), {}))
                counts["clicks"] += 1
        elif draw.random() < 0.14:
            told.append((Kind.LOSS, Mark(0), {}))
        for later, (kind, marks, more) in enumerate(told, start=1):
            reason = 102 if kind is Kind.LOSS else 0
            money.append(
                encode(
                    Notice(int(kind), at + later * 10**9, int(marks), bid, 0, at, *place, person, 77, 3, price, 2,
                           price * 9 // 10, reason, 0, terms=4, device=bid & 0xFFFFFFFF, household=7, **more)
                )
            )  # fmt: skip
            counts["records"] += 1
    bids.close()
    money.close()
    return counts


def cpu_of(pid: int) -> float:
    """Seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ship(store: Store, data: Path, counts: dict[str, int], pids: list[int]) -> tuple[float, float]:
    """(records a second, CPU seconds a million records)."""
    migrate(store)
    shipper = Shipper(store, lambda: logs(data, "bench"), Reporting().batch_rows)
    begun, cpu = time.perf_counter(), sum(map(cpu_of, pids))
    shipped = 0
    while moved := shipper.round():
        shipped += moved
    taken, cpu = time.perf_counter() - begun, sum(map(cpu_of, pids)) - cpu
    assert shipped == counts["records"] and not shipper.refused
    for grain in ("minute", "hour", "day"):
        names = ("bids", "impressions", "clicks", "wins", "bid_price")
        (row,) = store.query(f"SELECT {', '.join(f'sum({name})' for name in names)} FROM delivery_{grain}")
        assert [int(value) for value in row] == [counts[name] for name in names], grain
    return shipped / taken, cpu / shipped * 1e6


def build(data: Path) -> float:
    """Records a second that are read and made blocks of, with no store."""
    begun, records = time.perf_counter(), 0
    for source in logs(data, "bench"):
        start = 0
        while (piece := source.read(start, Reporting().batch_rows))[0]:
            blocks(piece[0], CURRENT)
            records, start = records + len(piece[0]), piece[1]
    return records / (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_400_000)
    parser.add_argument("--stores", default="chdb,server")
    parser.add_argument("--directory", type=Path, help="where the logs and stores are made (default: a temporary one)")
    options = parser.parse_args()
    result: dict[str, object] = {"bench": "ingest"}
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        data = Path(folder)
        begun = time.perf_counter()
        counts = write_logs(data, options.records)
        print(f"{counts['records']:,} records logged in {time.perf_counter() - begun:.0f} s", flush=True)
        result |= {"records": counts["records"], "built_rows_per_s": round(build(data))}
        for name in options.stores.split(","):
            server = ClickHouseServer(data / "server") if name == "server" else None
            if server is not None:
                server.start()
            try:
                store = open_store(
                    server.address("bench") if server else "chdb", data, owner="bench", query_seconds=600
                )
                pids = [os.getpid(), *([server.pid] if server else [])]
                rate, cpu = ship(store, data, counts, pids)
                store.close()
            finally:
                if server is not None:
                    server.kill()
            print(f"{name}: {rate:,.0f} rows/s, {cpu:.2f} s CPU a million", flush=True)
            result |= {f"{name}_rows_per_s": round(rate), f"{name}_cpu_s_per_million": round(cpu, 2)}
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps(result))


if __name__ == "__main__":
    main()
