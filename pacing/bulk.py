"""Many rows in one go, in the way that each database takes them quickest: it decides how fast bids can be settled."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ARRAY, Column, ColumnElement, Connection, Table, any_, bindparam
from sqlalchemy.dialects import postgresql, sqlite

CHUNK = 500
"""Values in one IN list of SQLite, which allows no more than a thousand of them everywhere."""


def add(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows, which all have the same columns in the same order."""
    if not rows:
        return
    quote = conn.dialect.identifier_preparer.quote
    into = f"{quote(table.name)} ({', '.join(map(quote, rows[0]))})"
    if conn.dialect.name == "postgresql":
        connection: Any = conn.connection.driver_connection
        with connection.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for values in _bound(conn, table, rows):
                copy.write_row(values)
    else:
        places = ", ".join("?" * len(rows[0]))
        conn.exec_driver_sql(f"INSERT INTO {into} VALUES ({places})", list(_bound(conn, table, rows)))


def add_up(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], sums: Collection[str]) -> None:
    """Inserts rows; where one with the same primary key is there already, its columns ``sums`` are raised instead."""
    if not rows:
        return
    more = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(table)
    raised = {name: table.c[name] + more.excluded[name] for name in sums}
    conn.execute(more.on_conflict_do_update(index_elements=list(table.primary_key), set_=raised), rows)


def among(conn: Connection, column: Column[Any], values: Iterable[Any]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together hold for the rows whose column has one of the values: for a statement each."""
    if conn.dialect.name == "postgresql":
        if asked := list(values):
            yield column == any_(bindparam(None, asked, ARRAY(column.type)))
        return
    left = iter(values)
    while part := list(islice(left, CHUNK)):
        yield column.in_(part)


def _bound(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Values of each row as the driver takes them."""
    binds = [table.c[name].type.bind_processor(conn.dialect) for name in rows[0]]
    bound = [(i, bind) for i, bind in enumerate(binds) if bind is not None]
    for row in rows:
        values = list(row.values())
        for i, bind in bound:
            values[i] = bind(values[i])
        yield tuple(values)
