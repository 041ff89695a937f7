"""Leases and spend in the control store: saved in the transaction in which they changed, read again after a restart."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, select

from pacing import bulk, counters, notices
from pacing.days import QUARTER
from pacing.lease import Lease, Part
from pacing.leases import Leases
from pacing.ledger import Bill
from pacing.tables import leases, spend_quarters, spend_totals

KEPT_NS = 3 * 24 * 4 * QUARTER
"""Quarters are kept for longer than any day lasts."""


def load(conn: Connection, into: Leases) -> None:
    """Restores what is spent and held. ``into`` has the plan already, so that it knows every line item."""
    for row in conn.execute(select(spend_totals)):
        into.purses.restore_spent(row.line_item, row.campaign, row.amount, row.impressions)
    for row in conn.execute(select(spend_quarters)):
        at_ns = row.quarter * QUARTER
        into.purses.restore_recent(row.line_item, row.campaign, at_ns, row.amount, row.impressions)
    for row in conn.execute(select(leases).order_by(leases.c.id)):
        into.restore(from_row(row._mapping))
    into.next_id = counters.last(conn, "leases") + 1


def save(conn: Connection, of: Leases) -> None:
    """Writes the leases that changed, and deletes those that are over with all that was remembered of their bids."""
    for gone in bulk.among(conn, leases.c.id, sorted(of.dirty | of.removed)):
        conn.execute(delete(leases).where(gone))
    if of.dirty:
        bulk.add(conn, leases, [to_row(of.leases[id_]) for id_ in sorted(of.dirty)])
        counters.raise_to(conn, "leases", of.next_id - 1)
    if of.removed:
        notices.forget(conn, sorted(of.removed))
    of.dirty.clear()
    of.removed.clear()


def to_row(lease: Lease) -> dict[str, Any]:
    """What of a lease must survive a restart."""
    return {
        "id": lease.id,
        "worker": lease.worker,
        "line_item": lease.line_item,
        "opened_ns": lease.opened_ns,
        "end_ns": lease.end_ns,
        "closed_ns": lease.closed_ns,
        "granted": lease.money.granted,
        "released": lease.money.released,
        "reserved": lease.money.reserved,
        "granted_bids": lease.bids.granted,
        "released_bids": lease.bids.released,
        "reserved_bids": lease.bids.reserved,
    }


def from_row(row: Any) -> Lease:
    """The lease that `to_row` made it of."""
    values = dict(row)
    money = Part(*(values.pop(name) for name in ("granted", "released", "reserved")))
    bids = Part(*(values.pop(f"{name}_bids") for name in ("granted", "released", "reserved")))
    return Lease(**values, money=money, bids=bids)


def spend(conn: Connection, booked: Iterable[Bill]) -> None:
    """Adds what was booked to the sums that `load` reads."""
    quarters: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    totals: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    campaigns = {}
    for bill in booked:
        s = bill.settlement
        campaigns[s.line_item] = s.campaign
        for sums in (quarters[s.line_item, s.received_ns // QUARTER], totals[s.line_item]):
            sums[0] += s.cost
            sums[1] += s.number == 0
    rows = [
        {"line_item": line_item, "campaign": campaigns[line_item], "amount": amount, "impressions": impressions}
        for line_item, (amount, impressions) in totals.items()
    ]
    bulk.add_up(conn, spend_totals, rows, ("amount", "impressions"))
    recent = [
        {"line_item": line_item, "quarter": quarter, "campaign": campaigns[line_item], "amount": sums[0]}
        | {"impressions": sums[1]}
        for (line_item, quarter), sums in quarters.items()
    ]
    bulk.add_up(conn, spend_quarters, recent, ("amount", "impressions"))


def forget_quarters(conn: Connection, now_ns: int) -> None:
    """Drops sums of days that are over everywhere."""
    conn.execute(delete(spend_quarters).where(spend_quarters.c.quarter < (now_ns - KEPT_NS) // QUARTER))
