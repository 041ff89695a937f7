"""Grafana's own user of a ClickHouse server can run every panel's query, and change nothing."""

import hashlib
import time
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from reporting.store import migrate, open_store
from tests.clickhouse_server import ClickHouseServer
from tests.grafana_oracle import SINCE, UNTIL
from tests.grafana_queries import expanded
from tests.integration.reporting.test_grafana_queries import PANELS, VALUES

ROOT = Path(__file__).parents[3]


def test_grafana_s_user_may_read_and_nothing_else(clickhouse: ClickHouseServer) -> None:
    for database in ("grafana_reads", "other"):
        store = open_store(clickhouse.address(database), ROOT)
        migrate(store)
        store.close()
    text = (ROOT / "deploy/clickhouse/users.d/grafana.xml").read_text()
    text = text.replace("PASSWORD_SHA256", hashlib.sha256(b"to read").hexdigest())
    text = text.replace("<database>outbid</database>", "<database>grafana_reads</database>")
    (clickhouse.root / "users.d" / "grafana.xml").write_text(text)
    client = Client("127.0.0.1", clickhouse.port, user="grafana", password="to read", database="grafana_reads")
    deadline = time.monotonic() + 30
    while True:  # the server looks at the files of its users every few seconds
        try:
            client.execute("SELECT 1")
            break
        except Error:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    client.execute("SET max_execution_time = 20")  # as the plugin does
    for parameter in PANELS:
        target = parameter.values[2]
        client.execute(expanded(target.raw_sql, SINCE, UNTIL, 3600, VALUES))
    for forbidden in (
        "INSERT INTO names (id) VALUES",
        "DROP TABLE names",
        "ALTER TABLE names DROP COLUMN key",
        "CREATE TABLE mine (a UInt8) ENGINE = Memory",
        "SET readonly = 0",
        "SELECT * FROM other.names",
    ):
        with pytest.raises(Error):
            client.execute(forbidden, *([[(1,)]] if forbidden.startswith("INSERT") else []))
    client.disconnect()
