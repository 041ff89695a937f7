"""What the conductor knows of traffic, in the control store: a row an account."""

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from pacing.account_pacer import AccountPacer, Owner
from pacing.forecast import Forecast
from pacing.tables import supply


def load(conn: Connection, pacers: Mapping[Owner, AccountPacer]) -> None:
    """Restores what is known of the traffic of these accounts."""
    for row in conn.execute(select(supply)):
        pacer = pacers.get((row.kind, row.owner))
        if pacer is not None:
            forecast = Forecast.restored(*msgspec.msgpack.decode(row.learned))
            pacer.restore(forecast, msgspec.msgpack.decode(row.today))
            pacer.learned = False


def save(conn: Connection, pacers: Iterable[AccountPacer], now_ns: int) -> None:
    """Writes what is known of their day, and the forecast where it has learned."""
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(supply)
    encode = msgspec.msgpack.encode
    for pacer in pacers:
        kind, owner = pacer.owner
        key = {"kind": kind, "owner": owner}
        today = encode(pacer.today())
        if pacer.learned:
            values = {"learned": encode(pacer.traffic.forecast.learned_of), "today": today}
            conn.execute(insert.values(key | values).on_conflict_do_update(index_elements=list(key), set_=values))
        else:
            of = (supply.c.kind == kind) & (supply.c.owner == owner)
            conn.execute(supply.update().where(of).values(today=today))
        pacer.learned, pacer.saved_ns = False, now_ns
