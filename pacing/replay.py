"""The ledger beside the money logs: bids whose billing events are in the logs, and that were never booked.

What is booked is never changed: a bid that the ledger has with another price than the logs tell is said to people,
who correct it (`outbid prices reconcile`, `outbid ledger`). Top-ups, refunds and corrections are in no event log. Of
each log only what the ledger says that it has read is looked at; the rest the settler books by itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, select

from domain.events import NOT_COUNTED, Kind, Notice, decode, tells_price
from eventlog.reader import LogReader
from pacing import bulk, lease_store
from pacing.accounts import Accounts
from pacing.corrections import Told, settle_estimates
from pacing.ledger import Bill, book
from pacing.notices import Terms
from pacing.tables import checkpoints, settlements

READ = 20_000
BOOKED = 2_000
MOST_SHOWN = 20
_NOT_COUNTED = int(NOT_COUNTED)

Say = Callable[[str], None]


@dataclass
class Comparison:
    events: int = 0
    billable: int = 0
    """Bids that billing events in the logs bill."""
    missing: dict[int, Notice] = field(default_factory=dict)
    """By bid, the event that should have booked it."""
    otherwise: list[tuple[int, int, int]] = field(default_factory=list)
    """(bid, price that its billing event told, price that was booked), of prices that were told when it was booked."""


def compare(conn: Connection, data: Path, say: Say) -> Comparison:
    """Reads the money logs of this host as far as the ledger has read them."""
    found, seen = Comparison(), set[int]()
    for notices in _read(conn, data, found, say):
        billing = {n.bid: n for n in reversed(notices) if n.kind == n.basis and not n.marks & _NOT_COUNTED}
        fresh = {bid: notice for bid, notice in billing.items() if bid not in seen}
        seen |= fresh.keys()
        found.billable += len(fresh)
        s, booked = settlements.c, dict[int, tuple[int, bool]]()
        for asked in bulk.among(conn, s.bid, list(fresh)):
            rows = conn.execute(select(s.bid, s.price, s.estimated).where(asked, s.number == 0))
            booked |= {bid: (price, estimated) for bid, price, estimated in rows}
        for bid, notice in fresh.items():
            if bid not in booked:
                found.missing[bid] = notice
            elif tells_price(notice) and booked[bid] != (notice.price, False):
                found.otherwise.append((bid, notice.price, booked[bid][0]))
    return found


def complete(
    conn: Connection, data: Path, terms: Terms, accounts: Accounts, found: Comparison, now_ns: int
) -> list[Bill]:
    """Books what is missing, as the settler would have: with the price that was told first, before or after."""
    before: dict[int, int] = {}
    after: dict[int, Told] = {}
    passed = set[int]()
    for notices in _read(conn, data, Comparison(), lambda line: None):
        for notice in notices:
            if notice.bid not in found.missing:
                continue
            if tells_price(notice):
                if notice.bid in passed:
                    after.setdefault(notice.bid, Told(notice.bid, notice.price, Kind(notice.kind).name.lower()))
                elif notice is not found.missing[notice.bid]:
                    before.setdefault(notice.bid, notice.price)
            if notice == found.missing[notice.bid]:
                passed.add(notice.bid)
    booked: list[Bill] = []
    bids = sorted(found.missing)
    for place in range(0, len(bids), BOOKED):
        some = bids[place : place + BOOKED]
        bills = [terms.bill(conn, found.missing[bid], before.get(bid)) for bid in some]
        new = book(conn, accounts, bills, now_ns)
        told = [after[bid] for bid in some if bid in after]
        new += settle_estimates(conn, accounts, told, terms.zone, now_ns)
        lease_store.spend(conn, new)
        booked += new
    return booked


def _read(conn: Connection, data: Path, found: Comparison, say: Say) -> Iterator[list[Notice]]:
    for log, until in sorted((log, position) for log, position in conn.execute(select(checkpoints))):
        directory = data / "log" / log
        if not directory.is_dir():  # a tracker on another host has it
            say(f"{log} is not on this host, and is not read")
            continue
        reader = LogReader(directory)
        while True:
            records, _ = reader.read(READ, until)
            if not records:
                break
            found.events += len(records)
            yield [event for event in map(decode, records) if isinstance(event, Notice)]
