"""The schema goes up and down step by step with data in it, says what it holds, and the files of it are true."""

import re
from collections.abc import Iterator
from pathlib import Path

import chdb
import pytest

from cli.main import main
from domain.clock import utc
from reporting import report
from reporting.copying import copy
from reporting.ddl import ddl
from reporting.migrations import MIGRATIONS
from reporting.names import Dictionary, of_snapshot
from reporting.rollups import GRAINS, differences, fact_days
from reporting.schema import BATCHES
from reporting.status import status
from reporting.store import Store, StoreError, applied, migrate, open_store, revert
from tests.clickhouse_server import ClickHouseServer
from tests.stored import send
from tests.trade import START_NS, Trade, snapshot

START = utc(START_NS).date()
ROOT = Path(__file__).parents[3]
FILES = {"schema.sql": ddl(), "cluster.sql": ddl("fleet")}


@pytest.fixture
def opened(store_address: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(store_address, tmp_path)
    yield store
    store.close()


def test_each_step_goes_down_and_up_again_with_data_and_without(opened: Store) -> None:
    assert not any(step["applied"] for step in status(opened)["migrations"])
    migrate(opened)
    shape, rows = columns(opened), 0
    for full in (False, True):
        if full:
            trade = Trade(seed=31, auctions=60, days=0.2)
            send(opened, [*trade.bids, *trade.money, *trade.settlements], "trade")
            [day] = {day for _, day in fact_days(opened)}
            rows = sum(hasattr(event, "imp") for event in trade.bids)
        before = shape
        for last in range(MIGRATIONS[-1].number - 1, 0, -1):
            revert(opened, last)
            assert applied(opened) == set(range(1, last + 1))
            assert columns(opened) < before, last
            before = columns(opened)
        migrate(opened, START)
        assert columns(opened) == shape
        assert int(opened.query("SELECT count() FROM bids")[0][0]) == rows
    assert not any(differences(opened, day, grain) for grain in GRAINS)
    told = {row["table"]: row for row in status(opened)["tables"]}
    assert told["bids"]["rows"] == rows and told["bids"]["bytes"] > 0 and told["visits"]["rows"] == 0
    assert told["bids"]["first"] == told["bids"]["last"] == str(day)
    assert told["delivery_day"]["rows"] > 0
    revert(opened, 0)
    assert {table for table, _, _ in columns(opened)} == {"migrations"}


def columns(store: Store) -> set[tuple[str, str, str]]:
    """(table, column, type) of all there is, views too."""
    found = store.query("SELECT table, name, type FROM system.columns WHERE database = currentDatabase()")
    return {(str(table), str(name), str(kind)) for table, name, kind in found}


@pytest.mark.parametrize("name", FILES)
def test_files_of_the_schema_are_up_to_date(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "deploy" / "clickhouse" / name).read_text()
    command = re.match(r"-- Written by `outbid (.*?)`", text)
    assert command and main(command[1].split()) == 0
    assert capsys.readouterr().out == text == FILES[name], f"outbid {command[1]} > deploy/clickhouse/{name}"


CONFIG = """<clickhouse>
<remote_servers><fleet><shard><internal_replication>true</internal_replication>
<replica><host>127.0.0.1</host><port>9000</port></replica></shard></fleet></remote_servers>
<tcp_port>9000</tcp_port>
</clickhouse>
"""


def test_the_current_engine_takes_the_cluster_form(tmp_path: Path) -> None:
    """It parses every statement, and runs them as the one node of a cluster, but for replication and ON CLUSTER, which
    want ZooKeeper or Keeper (`test_cluster` runs these on 18.16).
    """
    (tmp_path / "config.xml").write_text(CONFIG)
    session = chdb.connect(f"{tmp_path / 'data'}?config-file={tmp_path / 'config.xml'}")  # type: ignore[no-untyped-call]
    statements = [part.strip() for part in re.sub(r"--.*\n", "", FILES["cluster.sql"]).split(";") if part.strip()]
    assert len(statements) > 40 and sum("Replicated" in statement for statement in statements) == 19
    for statement in statements:
        quoted = statement.replace("\\", "\\\\").replace("'", "\\'")
        assert str(session.query(f"SELECT formatQuery('{quoted}')"))
        alone = re.sub(r"Replicated(\w*)\('[^']*', '[^']*'(?:, )?", r"\1(", statement.replace(" ON CLUSTER fleet", ""))
        session.query(re.sub(r", replicated_\w+ = \d+", "", alone))
    session.query(
        "INSERT INTO clicks_local (received_ns, advertiser, marks) VALUES (1790000000000000000, 1, 0),"
        " (1790000000000000000, 2, 0), (1790090000000000000, 1, 0), (1790000000000000000, 1, 1)"
    )
    for grain in GRAINS:
        answer = session.query(f"SELECT day, advertiser, sum(clicks) FROM delivery_{grain} GROUP BY ALL ORDER BY ALL")
        assert str(answer).split() == ['"2026-09-21",1,1', '"2026-09-21",2,1', '"2026-09-22",1,1'], grain
    session.close()


def test_a_store_is_copied_into_a_server_that_takes_its_place(clickhouse: ClickHouseServer, tmp_path: Path) -> None:
    """A copy that is broken off goes on where it was; then views fill the rollups on from where they were."""
    source, target = open_store("chdb", tmp_path), open_store(clickhouse.address("copied"), tmp_path, owner="me")
    migrate(source)
    trade = Trade(seed=41, auctions=80, days=0.2)
    send(source, [*trade.bids, *trade.money, *trade.settlements], "trade")
    Dictionary().write(source, of_snapshot(snapshot()), 3)
    source.insert(BATCHES, {"log": ["x/bids/0"], "start": [5], "end": [9]})
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(source, target, say)
    copy(source, target, said.append)
    assert sum("there already" in line for line in said) == 4
    for by in (("day", "line_item", "site"), ("hour", "creative")):
        lines = report.run(source, report.Request(by))
        assert lines and report.run(target, report.Request(by)) == lines
    assert target.query("SELECT log, start, end FROM batches") == [("x/bids/0", 5, 9)]
    [day] = {day for _, day in fact_days(target)}
    assert not any(differences(target, day, grain) for grain in GRAINS)
    more = Trade(seed=42, auctions=30, days=0.2)
    send(target, [*more.bids, *more.money, *more.settlements], "more")
    assert not any(differences(target, day, grain) for grain in GRAINS)
    with pytest.raises(StoreError, match="in use"):
        copy(source, target, said.append)
    for store in (source, target):
        store.close()
