"""Leases in the control store: saved in the transaction in which they changed, read again after a restart."""

from sqlalchemy import Connection, delete, select

from pacing import bulk, counters, notices
from pacing.leases import Lease, Leases
from pacing.tables import leases, spend_days

COLUMNS = ("id", "worker", "line_item", "opened_ns", "end_ns", "granted", "released", "closed_ns", "reserved")


def load(conn: Connection, into: Leases) -> None:
    """Restores what is spent and held. ``into`` has the plan already, so that it knows every line item."""
    for line_item, day, campaign, amount in conn.execute(select(spend_days)):
        into.spend(line_item, campaign, day, amount)
    for row in conn.execute(select(*(leases.c[name] for name in COLUMNS)).order_by(leases.c.id)):
        into.restore(Lease(*row))
    into.next_id = counters.last(conn, "leases") + 1


def save(conn: Connection, of: Leases) -> None:
    """Writes the leases that changed, and deletes those that are over with all that was remembered of their bids."""
    for gone in bulk.among(conn, leases.c.id, sorted(of.dirty | of.removed)):
        conn.execute(delete(leases).where(gone))
    if of.dirty:
        rows = [{name: getattr(of.leases[id_], name) for name in COLUMNS} for id_ in sorted(of.dirty)]
        bulk.add(conn, leases, rows)
        counters.raise_to(conn, "leases", of.next_id - 1)
    if of.removed:
        notices.forget(conn, sorted(of.removed))
    of.dirty.clear()
    of.removed.clear()
