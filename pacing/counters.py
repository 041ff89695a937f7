"""Ids that are given once and never again."""

from sqlalchemy import Connection, insert, select, update

from pacing.tables import counters


def take(conn: Connection, name: str, count: int = 1) -> int:
    """Reserves ``count`` ids of a kind in this transaction and returns the first; the first ever is 1."""
    last = conn.execute(select(counters.c.last).where(counters.c.name == name)).scalar()
    if last is None:
        conn.execute(insert(counters).values(name=name, last=count))
        return 1
    conn.execute(update(counters).where(counters.c.name == name).values(last=last + count))
    return int(last) + 1
