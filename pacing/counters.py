"""Ids that are given once and never again."""

from sqlalchemy import Connection, insert, select, update

from pacing.tables import counters


def last(conn: Connection, name: str) -> int:
    """The last id given of a kind; 0 if none was."""
    return conn.execute(select(counters.c.last).where(counters.c.name == name)).scalar() or 0


def raise_to(conn: Connection, name: str, id_: int) -> None:
    """``id_`` and all below it are given."""
    raised = update(counters).where(counters.c.name == name).values(last=id_)
    if conn.execute(raised).rowcount == 0:
        conn.execute(insert(counters).values(name=name, last=id_))


def take(conn: Connection, name: str, count: int = 1) -> int:
    """Reserves ``count`` ids of a kind in this transaction and returns the first; the first ever is 1."""
    first = last(conn, name) + 1
    raise_to(conn, name, first + count - 1)
    return first
