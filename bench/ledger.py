"""Settling: how many bids a second control books from a money log, in SQLite and in PostgreSQL.

The real road: `Treasury.settle` reads a log that a tracker's writer made, in batches of the setting `settle_limit`;
each batch is one transaction with bills, postings, sums, freed reservations, leases and the position in the log, synced
before the next. A bid has a win notice and a billing, one bid in five was lost; two exchanges, two currencies, 60 line
items, four workers with leases. PostgreSQL is a server of this script's own, with its defaults for what is durable.

The last line is the result as JSON.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from campaigns.config import ControlSettings
from campaigns.store import Store
from domain.campaign import Advertiser, Campaign, Limits, LineItem, Rate, Snapshot, Targeting
from domain.clock import SECOND, ManualClock
from domain.creative import every_format
from domain.events import Kind, Notice, encode
from domain.exchange import Exchange
from domain.money import NANOS
from eventlog.writer import LogWriter
from pacing.ledger import read_books
from pacing.protocol import Heartbeat, Register
from pacing.treasury import Treasury
from tests.postgres_server import PostgresServer

NOW = 1_790_000_000 * SECOND
LINE_ITEMS, WORKERS = 60, 4
BID = 2_000_000
USD_EUR = 917_431_193

EXCHANGES = (Exchange(1, "usx", "USD", every_format("burl")), Exchange(2, "eux", "EUR", every_format("burl")))
ADVERTISERS = (
    Advertiser(1, "bank", "Bank", "USD", "America/New_York", "bank.example", ()),
    Advertiser(2, "later", "Later", "EUR", "Europe/Berlin", "later.example", ()),
)
SNAPSHOT = Snapshot(
    version=1,
    published_ns=0,
    exchanges=EXCHANGES,
    rates=(Rate(1, "USD", "EUR", "2020-01-01", USD_EUR), Rate(2, "EUR", "USD", "2020-01-01", 1_090_000_000)),
    advertisers=ADVERTISERS,
    campaigns=tuple(Campaign(a.id, a.key, a.id, "", 0, 2**62) for a in ADVERTISERS),
    line_items=tuple(
        LineItem(
            n,
            f"l{n}",
            1 + n % 2,
            "",
            BID,
            Targeting(),
            (1,),
            limits=Limits(daily_budget=10**6 * NANOS),
            pacing="asap",
            activated_ns=1,
        )
        for n in range(1, LINE_ITEMS + 1)
    ),
    creatives=(),
    deals=(),
    audiences=(),
)


def write_log(data: Path, bids: int, leases: dict[tuple[int, int], int]) -> tuple[int, int]:
    """Notices of so many bids, as a tracker logs them; returns how many are billed, and how many records there are."""
    rng, billed, records = random.Random(7), 0, 0
    writer = LogWriter(data / "log" / "money" / "0")

    def note(kind: Kind, bid: int, price: int, line_item: int, lease: int) -> None:
        nonlocal records
        exchange, advertiser = 1 + bid % 2, 1 + line_item % 2
        notice = Notice(
            kind=kind, received_ns=NOW + bid * 1000, marks=0, bid=bid, imp=0, bid_ns=NOW, exchange=exchange,
            advertiser=advertiser, campaign=advertiser, line_item=line_item, creative=1, deal=0,
            site=rng.getrandbits(64), person=rng.getrandbits(64), lease=lease,
            rate=0 if exchange == advertiser else exchange, max_price=BID, basis=Kind.BILLING, price=price,
            loss_reason=0, min_to_win=0,
        )  # fmt: skip
        writer.append(encode(notice))
        records += 1

    for n in range(bids):
        (worker, line_item), lease = rng.choice(list(leases.items()))
        bid = worker << 32 | n
        if n % 5 == 4:
            note(Kind.LOSS, bid, 0, line_item, lease)
            continue
        price = rng.randrange(BID)
        note(Kind.WIN, bid, price, line_item, lease)
        note(Kind.BILLING, bid, price, line_item, lease)
        billed += 1
    writer.close()
    return billed, records


def measure(url: str, data: Path, bids: int, name: str) -> float:
    """Settlements a second, over the whole log."""
    store = Store(url)
    store.migrate()
    treasury = Treasury(store.write, data, ManualClock(NOW), SNAPSHOT)
    leases: dict[tuple[int, int], int] = {}
    for pid in range(WORKERS):
        worker = treasury.register(Register("bench", pid))
        leases |= {(worker, grant.line_item): grant.lease for grant in treasury.heartbeat(Heartbeat(worker)).grants}
    billed, records = write_log(data, bids, leases)
    limit = ControlSettings().settle_limit
    begun, processor = time.perf_counter(), time.process_time()
    while treasury.settle(limit):
        pass
    seconds, processor = time.perf_counter() - begun, time.process_time() - processor
    with store.read() as conn:
        booked = sum(books.billed for books in read_books(conn, EXCHANGES))
    store.close()
    if booked != billed:
        sys.exit(f"{name}: {booked} bids are booked, {billed} were billed")
    print(
        f"{name}: {billed} settlements from {records} records in {seconds:.2f} s ({processor:.2f} s of this process's "
        f"processor time), {limit} records a transaction"
    )
    return billed / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=int, default=50_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as folder:
        sqlite, postgresql = Path(folder) / "sqlite", Path(folder) / "postgresql"
        sqlite.mkdir()
        sqlite_rate = measure(f"sqlite:///{sqlite / 'control.sqlite'}", sqlite, asked.bids, "SQLite")
        server = PostgresServer(durable=True)
        try:
            server.start()
            postgresql_rate = measure(server.url(server.new_database()), postgresql, asked.bids, "PostgreSQL")
        finally:
            server.remove()
    result = {"bench": "ledger", "sqlite_per_s": round(sqlite_rate), "postgresql_per_s": round(postgresql_rate)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
