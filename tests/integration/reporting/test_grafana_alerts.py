"""Alert rules over the analytics store name what plain counting names, and Grafana's user can read and nothing else."""

import hashlib
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from reporting.grafana.alerts import StoreRule, store_rules
from reporting.store import Store
from tests.clickhouse_server import ClickHouseServer
from tests.grafana_queries import expanded
from tests.integration.reporting.test_grafana_queries import CREDITS, PANELS, SINCE, TRADE, UNTIL, VALUES, store
from tests.integration.reporting.test_rollups import counted

__all__ = ["store"]  # the fixture
ROOT = Path(__file__).parents[3]
EXCHANGES = {1: "usx (USD)", 2: "cnx (CNY)"}
HOURS = counted(TRADE, CREDITS, "hour")
LEAST = 5


def of(exchange: int, since: datetime, until: datetime) -> Counter[str]:
    """Figures of an exchange from one hour to another."""
    found = Counter[str]()
    for (start, *ids, _), figures in HOURS.items():
        if ids[-1] == exchange and since.timestamp() <= start < until.timestamp():
            found.update(figures)
    return found


def wrong(rule: str, exchange: int, now: datetime) -> bool:
    hour, day = now.replace(minute=0, second=0), timedelta(days=1)
    if rule == "win_rate_fell":
        new = of(exchange, hour - timedelta(hours=3), hour)
        old = of(exchange, hour - timedelta(hours=3) - day, hour - day)
        if min(new["bids"], old["bids"]) < LEAST or not old["wins"]:
            return False
        return new["wins"] / new["bids"] < old["wins"] / old["bids"] / 2
    if rule == "nothing_billed":
        seen = of(exchange, hour - timedelta(hours=3), hour - timedelta(hours=1))
        return seen["bids"] >= LEAST and not seen["billed"]
    midnight = hour.replace(hour=0)
    seen = of(exchange, midnight - day, midnight)
    return seen["impressions"] >= LEAST and abs(seen["billed"] / seen["impressions"] - 1) > 0.1


def names(store: Store, rule: StoreRule, now: datetime) -> set[str]:
    rows = store.query(rule.sql.replace("now()", f"toDateTime({int(now.timestamp())})"))
    assert all(float(number) > 0 for _, number in rows)
    return {name for name, _ in rows}


@pytest.mark.parametrize("place", range(3), ids=lambda place: store_rules()[place].name)
def test_store_rules_name_what_is_wrong(store: Store, place: int) -> None:
    rule = store_rules(LEAST)[place]
    moments = [datetime(2026, 9, 21, 16, 20, tzinfo=UTC) + timedelta(hours=4 * n) for n in range(18)]
    expected = [{name for id_, name in EXCHANGES.items() if wrong(rule.name, id_, now)} for now in moments]
    assert any(expected) and not all(expected)
    assert [names(store, rule, now) for now in moments] == expected
    assert not any(names(store, store_rules()[place], now) for now in moments)  # too few to say anything


def test_grafana_s_user_may_read_and_nothing_else(store: Store, clickhouse: ClickHouseServer) -> None:
    if store.dialect.word != "String":
        pytest.skip("users are the server's")
    text = (ROOT / "deploy/clickhouse/users.d/grafana.xml").read_text()
    text = text.replace("PASSWORD_SHA256", hashlib.sha256(b"to read").hexdigest())
    text = text.replace("<database>outbid</database>", "<database>grafana</database>")
    (clickhouse.root / "users.d" / "grafana.xml").write_text(text)
    client = Client("127.0.0.1", clickhouse.port, user="grafana", password="to read", database="grafana")
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
        assert client.execute(expanded(target.raw_sql, SINCE, UNTIL, 3600, VALUES))
    for forbidden in (
        "INSERT INTO names (id) VALUES",
        "DROP TABLE names",
        "ALTER TABLE names DROP COLUMN key",
        "CREATE TABLE mine (a UInt8) ENGINE = Memory",
        "SET readonly = 0",
        "SELECT * FROM other.names",
        "KILL QUERY WHERE 1 ASYNC",
    ):
        with pytest.raises(Error):
            client.execute(forbidden, *([[(1,)]] if forbidden.startswith("INSERT") else []))
    client.disconnect()
