"""A copy of the control store in one file, and a store made of such a copy.

The file is gzip of JSON, a line each: what it is, then every table (its name and columns) with its rows, in an order in
which rows refer to earlier ones, and in the end how many rows there were and a checksum of all before: what was cut
off or damaged is refused, and so is never half restored. Rows are as the tables were at a revision of their schema,
whichever database they come from: they go into that revision's tables, of SQLite or PostgreSQL, which are then brought
up to date.

A copy is taken while control works. Once restored, control goes on at the copy's positions in the money logs, so that
whatever was booked since is booked again.
"""

import gzip
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, LargeBinary, MetaData, Table, func, insert, inspect, select, update

from campaigns.store import Store, migrations
from domain import clock
from domain.errors import Problem, Refused

FORM = 1
CHUNK = 1_000
AHEAD = 1_000_000
"""Numbers that were given after the copy are in logs and at bidders, so they must not be given again: a restored store
begins that much above the copy's."""
BOOKED = ("settlements", "transactions")
"""Counters that go on from the copy: what was booked since is booked again."""
OF_ALEMBIC = "alembic_version"
WHOLE = "it must be a whole copy that outbid backup made; this one is cut off or damaged"


def back_up(store: Store, path: Path) -> int:
    """Writes a copy of the store; returns its rows. There is a file when this returns, whole, or there is none.

    Raises Refused where there is no store yet, `campaigns.databases.Unreachable`, and OSError for a file that cannot be
    written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(draft, "xb", opener=_for_us_only) as raw:
            with store.read() as conn, gzip.GzipFile(fileobj=raw, mode="wb") as file:
                rows = _copy(conn, _Lines(file))
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return rows


def restore(store: Store, path: Path) -> int:
    """Fills an empty store with a copy's rows; returns how many there are.

    Raises Refused for a file that is no copy, is damaged, or is of a later release, and for a store that is not empty.
    """
    head = _check(path)
    revision = head["revision"]
    if revision not in {each.revision for each in ScriptDirectory.from_config(migrations()).walk_revisions()}:
        allowed = "it must be of this release or an earlier one"
        raise Refused([Problem(str(path), f"tables of revision {revision!r}", allowed)])
    if not _is_new(store):
        allowed = "a copy is restored into an empty database: name another one, or remove this one first"
        raise Refused([Problem("[control] database_url", "a store with something in it", allowed)])
    store.migrate("base")
    store.migrate(revision)
    with store.write() as conn:
        rows = _fill(conn, path)
        tables = _tables(conn).tables
        given, version = tables["counters"], tables["revision"]
        ahead = update(given).where(given.c.name.not_in(BOOKED)).values(last=given.c.last + AHEAD)
        conn.execute(ahead)
        conn.execute(update(version).values(version=version.c.version + AHEAD))
    store.migrate()
    return rows


def _for_us_only(path: str, flags: int) -> int:
    """Exchanges' secrets and price keys are in a copy."""
    return os.open(path, flags, 0o600)


def _copy(conn: Connection, lines: "_Lines") -> int:
    if _revision(conn) == "base":
        allowed = "it must be a store that control has made"
        raise Refused([Problem("[control] database_url", "a database without our tables", allowed)])
    lines.put({"outbid_backup": FORM, "revision": _revision(conn), "made_ns": clock.from_env().now_ns()})
    rows = 0
    for table in _tables(conn).sorted_tables:
        lines.put({"table": table.name, "columns": [column.name for column in table.columns]})
        for row in conn.execution_options(yield_per=CHUNK).execute(select(table).order_by(*table.primary_key)):
            lines.put([b64encode(value).decode() if isinstance(value, bytes) else value for value in row])
            rows += 1
    lines.put({"rows": rows, "sha256": lines.digest()})
    return rows


class _Lines:
    """Writes lines, and keeps the checksum of all so far."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file, self._sum = file, sha256()

    def put(self, value: Any) -> None:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._sum.update(line)
        self._file.write(line)

    def digest(self) -> str:
        return self._sum.hexdigest()


def _check(path: Path) -> dict[str, Any]:
    """What the file says it is, once it has been read to its end. Raises Refused."""

    def wrong(found: object, allowed: str) -> Refused:
        return Refused([Problem(str(path), found, allowed)])

    total, last, rows = sha256(), b"", 0
    head: dict[str, Any] | None = None
    try:
        with gzip.open(path) as file:
            for line in file:
                if head is None:
                    said = json.loads(line)
                    if not isinstance(said, dict) or said.get("outbid_backup") != FORM:
                        raise wrong(line[:60], f"it must be a copy that outbid backup made, of form {FORM}")
                    head = said
                total.update(last)
                rows += last.startswith(b"[")
                last = line
        end = json.loads(last) if last else {}
    except OSError as error:
        raise wrong(error.strerror or str(error), "it must be a readable copy that outbid backup made") from None
    except (EOFError, ValueError) as error:
        raise wrong(
            str(error), "it must be a whole copy that outbid backup made; this one is cut off or damaged"
        ) from None
    if head is None or not isinstance(end, dict) or (end.get("rows"), end.get("sha256")) != (rows, total.hexdigest()):
        raise wrong(f"{rows} rows", WHOLE)
    return head


def _fill(conn: Connection, path: Path) -> int:
    tables = _tables(conn).tables
    for table in tables.values():
        if _count(conn, table):
            conn.execute(table.delete())  # what the migrations put in; the copy has it, too
    rows = 0
    for table, columns, chunk in _chunks(path, tables):
        conn.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in chunk])
        rows += len(chunk)
    return rows


def _chunks(path: Path, tables: Any) -> Iterator[tuple[Table, list[str], list[list[Any]]]]:
    table: Table | None = None
    columns: list[str] = []
    bytes_: list[bool] = []
    chunk: list[list[Any]] = []
    with gzip.open(path) as file:
        next(file)
        for line in file:
            value = json.loads(line)
            if isinstance(value, list):
                chunk.append(
                    [one if one is None or not raw else b64decode(one) for one, raw in zip(value, bytes_, strict=True)]
                )
            if chunk and table is not None and (len(chunk) == CHUNK or isinstance(value, dict)):
                yield table, columns, chunk
                chunk = []
            if isinstance(value, dict) and "table" in value:
                table, columns = tables[value["table"]], value["columns"]
                bytes_ = [isinstance(table.c[name].type, LargeBinary) for name in columns]


def _is_new(store: Store) -> bool:
    """Nothing is in it, but for what the migrations put in."""
    with store.read() as conn:
        if not inspect(conn).get_table_names():
            return True
        tables = _tables(conn).tables
        return OF_ALEMBIC in inspect(conn).get_table_names() and not any(
            _count(conn, tables[name]) for name in ("workers", "exchanges", "advertisers", "agencies", "transactions")
        )


def _tables(conn: Connection) -> MetaData:
    """The store's tables as they are."""
    found = MetaData()
    found.reflect(conn, only=lambda name, _: name != OF_ALEMBIC)
    return found


def _revision(conn: Connection) -> str:
    return MigrationContext.configure(conn).get_current_revision() or "base"


def _count(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())
