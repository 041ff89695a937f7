"""What the controllers of goals know, in the control store: a row a line item."""

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from pacing.goals import GoalPacer, Kept
from pacing.tables import goals


def load(conn: Connection) -> dict[int, GoalPacer]:
    """All that are stored, by line item."""
    return {
        row.line_item: GoalPacer.restored(msgspec.msgpack.decode(row.state, type=Kept))
        for row in conn.execute(select(goals))
    }


def save(conn: Connection, pacers: Mapping[int, GoalPacer], unsaved: Iterable[int], now_ns: int) -> None:
    """Writes those of some line items."""
    insert = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(goals)
    for line_item in unsaved:
        state = msgspec.msgpack.encode(pacers[line_item].kept())
        row = insert.values(line_item=line_item, state=state)
        conn.execute(row.on_conflict_do_update(index_elements=["line_item"], set_={"state": state}))
        pacers[line_item].saved_ns = now_ns
