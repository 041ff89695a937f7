"""The cluster form runs: two shards, of which one has two replicas, each fed by a reporter of its own."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from domain.events import Bid, Mark, Notice
from reporting import report
from reporting.names import Dictionary, of_snapshot
from reporting.people import blank, find
from reporting.quality_checks import Hours, breaches, nameless
from reporting.rollups import GRAINS, ROLLUPS, differences, fact_days, rebuild, views
from reporting.schema import SETTLEMENTS
from reporting.store import Store, StoreError, migrate, open_store
from reporting.tallies import HOUR_NS
from tests.clickhouse_server import PASSWORD, ClickHouseServer
from tests.grafana_oracle import SINCE, TRADE, UNTIL, sums
from tests.grafana_queries import expanded
from tests.integration.reporting.test_grafana_queries import PANELS, VALUES
from tests.keeper import Keeper
from tests.stored import send
from tests.trade import Trade, snapshot

CONFIG = """
<interserver_http_host>127.0.0.1</interserver_http_host>
<interserver_http_port>{port}</interserver_http_port>
<macros><shard>{shard}</shard><replica>{replica}</replica></macros>
<zookeeper><node><host>127.0.0.1</host><port>{keeper}</port></node></zookeeper>
<distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>
<remote_servers incl="none"><fleet>{{shards}}</fleet></remote_servers>
"""
SHARDS = ((1, 1), (1, 2), (2, 1))
"""(shard, replica) of each node."""


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClickHouseServer]]:
    root = tmp_path_factory.mktemp("cluster")
    keeper = Keeper(root / "keeper")
    with ExitStack() as stack:
        stack.callback(keeper.stop)
        servers = []
        for number, (shard, replica) in enumerate(SHARDS):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            more = CONFIG.format(port=port, shard=shard, replica=replica, keeper=keeper.port)
            servers.append(ClickHouseServer(root / str(number), more))
        for server in servers:
            config = server.root / "config.xml"
            config.write_text(config.read_text().replace("{shards}", _shards(servers)))
            server.start()
            stack.callback(server.kill)
        yield servers


def _shards(servers: list[ClickHouseServer]) -> str:
    text = ""
    for shard in sorted({shard for shard, _ in SHARDS}):
        text += "<shard><internal_replication>true</internal_replication>"
        for (of, _), server in zip(SHARDS, servers, strict=True):
            if of == shard:
                text += (
                    f"<replica><host>127.0.0.1</host><port>{server.port}</port>"
                    f"<user>outbid</user><password>{PASSWORD}</password></replica>"
                )
        text += "</shard>"
    return text


def reported(store: Store, by: tuple[str, ...]) -> dict[tuple[object, ...], dict[str, int]]:
    found = {}
    for line in report.run(store, report.Request(by)):
        key = (*(line.ids.get(name, line.labels[name]) for name in by), line.currency)
        found[key] = {name: value for name, value in line.sums.items() if value}
    return found


def wait_for_replicas(stores: list[Store], table: str) -> None:
    """Until both of the first shard work again, one of them as its leader: a server alters a table through the leader,
    on all replicas, and fails where they are away for longer than it waits."""
    whole = "not is_readonly AND active_replicas = total_replicas"
    asked = f"SELECT is_leader, {whole} FROM system.replicas WHERE table = '{table}'"
    end = time.monotonic() + 60
    while True:
        found = [tuple(map(int, store.query(asked)[0])) for store in stores]
        (one, _), (other, _), (alone, _) = found
        if (one or other) and alone and all(there for _, there in found):
            return
        assert time.monotonic() < end, found
        time.sleep(0.2)


def test_two_shards_report_as_one_store(nodes: list[ClickHouseServer], tmp_path: Path) -> None:
    stores = [
        open_store(f"{server.address('outbid')}?cluster=fleet", tmp_path, owner=f"host{number}")
        for number, server in enumerate(nodes)
    ]
    migrate(stores[0])
    first, second = Trade(seed=21, auctions=300, days=0.3), Trade(seed=22, auctions=300, days=0.3)
    send(stores[0], [*first.bids, *first.money, *first.settlements], "first")
    migrate(stores[2])  # there is nothing left to do
    send(stores[2], [*second.bids, *second.money, *second.settlements], "second")
    Dictionary().write(stores[2], of_snapshot(snapshot()), 1)
    for store in (stores[1], stores[0]):
        store.settle()
        store.command("SYSTEM SYNC REPLICA outbid.names")
    for table in ("bids", "impressions", "settlements", *(table.name for table in ROLLUPS.values())):
        stores[1].command(f"SYSTEM SYNC REPLICA outbid.{table}_local")

    one, other = first.sums(("day", "line_item")), second.sums(("day", "line_item"))
    together = {
        key: {
            name: total
            for name in {*one.get(key, {}), *other.get(key, {})}
            if (total := one.get(key, {}).get(name, 0) + other.get(key, {}).get(name, 0))
        }
        for key in one.keys() | other.keys()
    }
    for store in stores:
        assert reported(store, ("day", "line_item")) == together
    for number, trade in ((0, first), (1, first), (2, second)):  # each shard has what its reporter sent, and no more
        [(there,)] = stores[number].query("SELECT count() FROM bids_local")
        assert int(there) == sum(isinstance(event, Bid) for event in trade.bids)
    with pytest.raises(StoreError):
        open_store(f"{nodes[0].address('outbid')}?cluster=nowhere", tmp_path)

    bids = [event for trade in (first, second) for event in trade.bids if isinstance(event, Bid)]
    assert len(find(stores[1], [7])["bids"]) == len(bids)
    done, left = blank(stores[2], tmp_path, [7, 9])
    assert left == 0 and done["bids"] and done["conversions"]
    assert find(stores[0], [7]) == find(stores[2], [7]) == {}

    nodes[0].kill()  # its replica has everything
    assert reported(stores[1], ("day", "line_item")) == together == reported(stores[2], ("day", "line_item"))
    nodes[0].start()

    day = min(day for _, day in fact_days(stores[2]))
    assert day > date(2026, 9, 1)
    stores[2].command(stores[2].dialect.drop_partition("delivery_day", day))
    assert differences(stores[2], day)
    rebuild(stores[2], day)
    for grain in GRAINS:
        assert not differences(stores[2], day, grain)

    told = [event for event in first.money if isinstance(event, Notice) and event.marks & Mark.FIRST]
    orphan = replace(told[0], bid=1 << 40)
    send(stores[0], [orphan], "orphan")
    hours = Hours(min(bid.time_ns for bid in bids) // HOUR_NS, max(event.received_ns for event in told) // HOUR_NS)
    broken = [breach for breach in breaches(stores[2], hours, 0.0) if breach.check == "wins_without_bid"]
    (lost,) = broken
    assert (lost.hour, lost.account, lost.bad) == (orphan.received_ns // HOUR_NS, orphan.advertiser, 1)
    assert {one.what.split()[0] for one in nameless(stores[2], hours)} == {"sites"}  # a shipper writes their names

    wait_for_replicas(stores, "settlements_local")
    dialect = stores[2].dialect
    for statement in [*dialect.drops_column(SETTLEMENTS, "context"), *dialect.adds(SETTLEMENTS, "context")]:
        stores[2].command(statement)
    assert int(stores[0].query("SELECT sum(context) FROM settlements")[0][0]) == 0
    for view in views(dialect):
        for statement in dialect.drops(view.name):
            stores[0].command(statement)
    for statement in [*dialect.drops("delivery_hour"), *dialect.drops("names")]:
        stores[0].command(statement)
    left = {str(row[0]) for store in stores for row in store.query("SHOW TABLES")}
    assert not [name for name in left if "delivery_hour" in name or name == "names"]
    for store in stores:
        store.close()


def test_grafana_s_queries_run_on_a_cluster(nodes: list[ClickHouseServer], tmp_path: Path) -> None:
    stores = [open_store(f"{server.address('grafana')}?cluster=fleet", tmp_path) for server in nodes]
    migrate(stores[0])
    half = len(TRADE.bids) // 2
    send(stores[0], [*TRADE.bids[:half], *TRADE.settlements], "first")
    send(stores[2], [*TRADE.bids[half:], *TRADE.money], "second")
    Dictionary().write(stores[2], of_snapshot(snapshot()), 1)
    for panel in PANELS:
        board, shown, target = panel.values
        rows = stores[2].query(expanded(target.raw_sql, SINCE, UNTIL, 3600, VALUES))
        assert rows or shown.title == "Credited conversions by event"
        if (board.uid, shown.title) == ("outbid-delivery", "In this range"):
            assert [int(rows[0][n]) for n in (0, 1, 3, 4)] == [
                sums("", account=1)[0][name] for name in ("bids", "wins", "impressions", "clicks")
            ]
    for store in stores:
        store.close()
