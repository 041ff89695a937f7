"""What the conductor knows of traffic, in the control store: a row an account."""

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from pacing.forecast import Forecast
from pacing.steering import Helm, Owner
from pacing.tables import supply


def load(conn: Connection, helms: Mapping[Owner, Helm]) -> None:
    """Restores what is known of the traffic of these accounts."""
    for row in conn.execute(select(supply)):
        helm = helms.get((row.kind, row.owner))
        if helm is not None:
            forecast = Forecast.restored(*msgspec.msgpack.decode(row.learned))
            helm.restore(forecast, msgspec.msgpack.decode(row.today))
            helm.learned = False


def save(conn: Connection, helms: Iterable[Helm], now_ns: int) -> None:
    """Writes what is known of their day, and the forecast where it has learned."""
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(supply)
    encode = msgspec.msgpack.encode
    for helm in helms:
        kind, owner = helm.owner
        key = {"kind": kind, "owner": owner}
        today = encode(helm.today())
        if helm.learned:
            values = {"learned": encode(helm.traffic.forecast.learned_of), "today": today}
            conn.execute(insert.values(key | values).on_conflict_do_update(index_elements=list(key), set_=values))
        else:
            of = (supply.c.kind == kind) & (supply.c.owner == owner)
            conn.execute(supply.update().where(of).values(today=today))
        helm.learned, helm.saved_ns = False, now_ns
