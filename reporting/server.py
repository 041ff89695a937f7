"""A ClickHouse server, over its native protocol. Written for the oldest one in use, Debian 12's 18.16.1."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from domain.settings import SettingsError
from reporting.escape import fill
from reporting.schema import CURRENT, V18, Dialect, Table
from reporting.store import Parameter, Row, StoreError

_CURRENT_SINCE = (21, 11)
"""The first version that knows everything in the current dialect."""
_IN_FLIGHT_S = 2.0
"""A block whose sender is gone can appear this long after its query has left system.processes (measured on 18.16)."""
_MARK = "outbid/"
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
        if not url.hostname or not port or not database.isidentifier():
            raise SettingsError(
                f"[reporting] store is {address!r}; it must read clickhouse://user:password@host:port/database"
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
        self.command(f"CREATE DATABASE IF NOT EXISTS {database}")
        self._client.disconnect()  # it began in the server's default database, because ours may not have existed
        self._client.connection.database = database
        version = tuple(int(part) for part in self.query("SELECT version()")[0][0].split(".")[:2])
        self.dialect = CURRENT if version >= _CURRENT_SINCE else V18

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
        options: dict[str, Any] = {"columnar": True}
        if batch:
            options["query_id"] = f"{_MARK}{self._owner}/{batch}"
        if self.dialect is CURRENT:
            options["settings"] = {"async_insert": 0}  # one insert is to be one part, acknowledged when it is there
        self._execute(f"INSERT INTO {table.name} ({names}) VALUES", list(columns.values()), **options)

    def settle(self) -> None:
        """Ends what a broken connection or a killed sender left running, and waits until it can no longer arrive."""
        self._client.disconnect()
        ours = {"mark": f"{_MARK}{self._owner}/%"}
        deadline = time.monotonic() + 60
        self._execute(fill("KILL QUERY WHERE query_id LIKE %(mark)s ASYNC", ours))
        while self.query("SELECT query_id FROM system.processes WHERE query_id LIKE %(mark)s", ours):
            if time.monotonic() > deadline:
                raise StoreError("an insert of this deployment hangs on the ClickHouse server and cannot be ended")
            time.sleep(0.1)
        time.sleep(_IN_FLIGHT_S)

    def drop_replaced(self, tables: Sequence[str]) -> None:
        """The server does so by itself, after a table's ``old_parts_lifetime``."""

    def close(self) -> None:
        self._client.disconnect()

    def _execute(self, *arguments: Any, **options: Any) -> Any:
        try:
            return self._client.execute(*arguments, **options)
        except (Error, OSError, EOFError) as error:
            self._client.disconnect()
            raise StoreError(f"ClickHouse server: {error}") from error
