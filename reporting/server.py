"""A ClickHouse server, over its native protocol. Written for the oldest one in use, Debian 12's 18.16.1."""

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import unquote, urlsplit

from clickhouse_driver import Client, defines
from clickhouse_driver.block import BlockInfo, ColumnOrientedBlock
from clickhouse_driver.errors import Error, ServerException
from clickhouse_driver.protocol import ClientPacketTypes
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import write_binary_str

from domain.settings import SettingsError
from reporting import native
from reporting.cluster import Cluster
from reporting.escape import fill
from reporting.rows import Block
from reporting.schema import CURRENT, V18, Dialect, Table
from reporting.store import Parameter, Row, StoreError, exactly_once, shown
from reporting.turns import Turns

_drivers_log = logging.getLogger("clickhouse_driver")
_drivers_log.addHandler(logging.NullHandler())
_drivers_log.propagate = False  # it prints a traceback of each failure, which is raised as well, and said by who asked

_CURRENT_SINCE = (21, 11)
"""The first version that knows everything in the current dialect."""
_IN_FLIGHT_S = 2.0
"""A block whose sender is gone can appear this long after its query has left system.processes (measured on 18.16)."""
_UNKILLABLE = 380
"""18.16 says so of an insert that is being completed: it comes to an end by itself."""
_MARK = "outbid/"
_OURS = "SELECT count() FROM system.processes WHERE query_id LIKE %(mark)s"
_STREAMED_ROWS = 5_000


class ServerStore:
    """``address`` is ``clickhouse://user:password@host:port/database``; the database is made if it is missing."""

    dialect: Dialect

    def __init__(self, address: str, owner: str, query_seconds: float) -> None:
        url = urlsplit(address)
        try:
            port = url.port or 9000
        except ValueError:
            port = 0
        database = url.path.strip("/") or "outbid"
        asked = re.fullmatch(r"(?:cluster=(\w+))?", url.query, re.ASCII)
        cluster = asked[1] or "" if asked else ""
        if not url.hostname or not port or not database.isidentifier() or asked is None:
            raise SettingsError(
                f"[reporting] store is {shown(address)!r}; it must read "
                "clickhouse://user:password@host:port/database, or that with ?cluster=name"
            )
        self._owner = owner
        self._client = Client(
            url.hostname,
            port,
            user=unquote(url.username or "default"),
            password=unquote(url.password or ""),
            connect_timeout=5,
            send_receive_timeout=query_seconds + 30,
            settings={"max_execution_time": int(query_seconds)},
        )
        on_cluster = f" ON CLUSTER {cluster}" if cluster else ""
        self.command(f"CREATE DATABASE IF NOT EXISTS {database}{on_cluster}")
        self._client.disconnect()  # it began in the server's default database, because ours may not have existed
        self._client.connection.database = database
        version = tuple(int(part) for part in self.query("SELECT version()")[0][0].split(".")[:2])
        dialect = CURRENT if version >= _CURRENT_SINCE else V18
        self.dialect = Cluster.of(dialect, cluster, database) if cluster else dialect
        if cluster and dialect is CURRENT:
            # tables that a query makes for itself are on this node alone; a mutation may ask one that is on all
            self._client.settings |= {"prefer_global_in_and_join": 1, "allow_nondeterministic_mutations": 1}
        self._turns = Turns(self.command, self.query, owner)

    def command(self, sql: str) -> None:
        self._execute(sql)

    def query(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> list[Row]:
        rows: list[Row] = self._execute(fill(sql, parameters))
        return rows

    def stream(self, sql: str, parameters: Mapping[str, Parameter] | None = None) -> Iterator[list[Row]]:
        done = False
        try:
            rows = self._client.execute_iter(fill(sql, parameters), chunk_size=_STREAMED_ROWS)
            for some in rows:
                yield list(some)
            done = True
        except (Error, OSError, EOFError) as error:
            raise StoreError(f"ClickHouse server: {error}") from error
        finally:
            if not done:  # what is left of the answer would be taken for the next one's; the server ends the query
                self._client.disconnect()

    def limit(self, settings: Mapping[str, int]) -> None:
        self._client.settings |= settings  # at the end of a query 18.16 takes no notice of them

    def insert(self, table: Table, columns: Mapping[str, Sequence[Any]], batch: str = "") -> None:
        names = ", ".join(f"`{name}`" for name in columns)
        if batch:
            self._turns.wait()
        self._execute(
            f"INSERT INTO {self.dialect.local(table.name)} ({names}) VALUES",
            list(columns.values()),
            columnar=True,
            query_id=self._query_id(batch),
            settings=self._settings(batch),
        )

    def send(self, block: Block, batch: str, token: str = "") -> None:
        """What the driver does for an insert, but for the block, which is sent as the bytes that it is."""
        columns = native.columns(block, batch, self.dialect)
        names = ", ".join(f"`{name}`" for name, _, _ in columns)
        self._turns.wait()
        client, statement = self._client, f"INSERT INTO {self.dialect.local(block.table.name)} ({names}) VALUES"

        def insert() -> None:
            with client.disconnect_on_error(statement, self._settings(token or batch)):
                client.connection.send_query(statement, query_id=self._query_id(batch))
                client.connection.send_external_tables(None)
                wanted = [(name, kind) for name, kind, _ in columns]
                if (found := client.receive_sample_block().columns_with_types) != wanted:
                    raise StoreError(f"{block.table.name} has columns {found}; they must be {wanted}: is it migrated?")
                self._send_block(native.pieces(block.rows, columns, client.connection.server_info.used_revision))
                client.receive_profile_events()
                client.connection.send_data(ColumnOrientedBlock())  # an empty block ends it
                client.receive_profile_events()
                client.receive_end_of_insert_query()

        self._tell(insert)

    def settle(self) -> None:
        """Ends what a broken connection or a killed sender left running, and waits until it can no longer arrive."""
        self._client.disconnect()
        try:
            self._execute(fill("KILL QUERY WHERE query_id LIKE %(mark)s ASYNC", {"mark": f"{_MARK}{self._owner}/%"}))
        except StoreError as error:
            if error.code != _UNKILLABLE:
                raise
        self._quiet(f"{_MARK}{self._owner}/%", "an insert of this deployment hangs and cannot be ended", 60.0)
        time.sleep(_IN_FLIGHT_S)
        if isinstance(self.dialect, Cluster):
            self.command(self.dialect.catch_up())

    def alone(self) -> AbstractContextManager[None]:
        return self._turns.alone(self._await_others)

    def _await_others(self) -> None:
        """Whoever began to send before it was said that nobody should comes to an end."""
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < _IN_FLIGHT_S:
            if int(self.query(_OURS, {"mark": f"{_MARK}%"})[0][0]):
                self._quiet(f"{_MARK}%", "another deployment's insert does not end", 600.0)
                quiet_since = time.monotonic()
            time.sleep(0.1)

    def _quiet(self, mark: str, else_told: str, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while int(self.query(_OURS, {"mark": mark})[0][0]):
            if time.monotonic() > deadline:
                raise StoreError(f"ClickHouse server: {else_told}")
            time.sleep(0.1)

    def drop_replaced(self, tables: Sequence[str]) -> None:
        """The server does so by itself, after a table's ``old_parts_lifetime``."""

    def close(self) -> None:
        self._client.disconnect()

    def _query_id(self, batch: str) -> str | None:
        return f"{_MARK}{self._owner}/{batch}" if batch else None

    def _settings(self, batch: str) -> dict[str, int | str] | None:
        return exactly_once(batch) if self.dialect.chains else None

    def _send_block(self, pieces: Sequence[bytes]) -> None:
        """A data packet: its type, the name of no table, and the block (src/Core/Protocol.h)."""
        connection = self._client.connection
        out, revision = connection.fout, connection.server_info.used_revision
        write_varint(ClientPacketTypes.DATA, out)
        if revision >= defines.DBMS_MIN_REVISION_WITH_TEMPORARY_TABLES:
            write_binary_str("", out)
        if revision >= defines.DBMS_MIN_REVISION_WITH_BLOCK_INFO:
            BlockInfo().write(out)
        out.flush()
        for piece in pieces:
            connection.socket.sendall(piece)

    def _execute(self, *arguments: Any, **options: Any) -> Any:
        return self._tell(lambda: self._client.execute(*arguments, **options))

    def _tell(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except (Error, OSError, EOFError) as error:
            self._client.disconnect()
            code = error.code if isinstance(error, ServerException) else 0
            raise StoreError(f"ClickHouse server: {error}", code) from error
