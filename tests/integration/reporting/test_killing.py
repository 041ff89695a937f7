"""Whatever is killed with SIGKILL while events are shipped, and whenever: every row is in the store once, and every sum
of the rollups is that of plain counting over the log.

Ten kills of each store by ``make test``, two hundred by ``make soak``.
"""

import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.events import NoBid, encode
from eventlog.remote import origin
from eventlog.writer import LogWriter
from reporting.rollups import GRAINS
from reporting.shipper import Shipper
from reporting.sources import SettlementSource, logs
from reporting.store import StoreError, migrate, open_store
from tests.clickhouse_server import ClickHouseServer
from tests.integration.reporting.conftest import Control
from tests.integration.reporting.shipping import BATCH_ROWS, fatal
from tests.integration.reporting.test_rollups import counted, rolled_up
from tests.integration.reporting.test_shipping import shipped_exactly
from tests.soak import SOAK
from tests.trade import Trade

ROOT = Path(__file__).parents[3]
KILLS = 200 if SOAK else 10
PATIENCE_S = 30 * KILLS
"""What the last run has to ship grows with them."""
AUCTIONS_A_KILL = 100

pytestmark = pytest.mark.timeout(60 * KILLS)


def trade_of(data: Path, control: Control, seed: int) -> Trade:
    """Logged: two days of it, in as many batches as kills need."""
    trade = Trade(seed, auctions=AUCTIONS_A_KILL * KILLS, days=1.2)
    control.settlements = trade.settlements
    write_logs(data, trade)
    return trade


def write_logs(data: Path, trade: Trade) -> None:
    for name, events in (("bids/0", trade.bids), ("money/0", trade.money)):
        writer = LogWriter(data / "log" / name, segment_bytes=40_000)
        for event in events:
            writer.append(encode(event))
        writer.close()


def ship_in_process(address: str, data: Path, control: Control, instant: str, number: int = 0, us: int = 0) -> int:
    """Runs a shipper in a process of its own; returns its exit status."""
    command = [sys.executable, "-m", "tests.integration.reporting.shipping", address, str(data), control.base]
    arguments = [*command, instant, str(number), str(us)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, timeout=PATIENCE_S)
    assert done.returncode in (0, -9), done.stderr.decode()
    return done.returncode


def an_instant(draw: random.Random) -> tuple[str, int, int]:
    """Before, after, or so many microseconds into one of the next inserts, announcements among them."""
    when = draw.choice(("before", "during", "during", "during", "after"))
    return when, draw.randint(1, 9), int(10 ** draw.uniform(1, 5))


def all_is_there(address: str, data: Path, trade: Trade) -> None:
    store = open_store(address, data)
    try:
        shipped_exactly(store, trade)
        for grain in GRAINS:
            assert rolled_up(store, grain) == counted(trade, [], grain), grain
    finally:
        store.close()


def test_a_reporter_with_the_engine_within_is_killed(folder: Path, control: Control) -> None:
    draw = random.Random(seed := random.randrange(1 << 32))
    print(f"seed {seed}")
    trade = trade_of(folder, control, seed=2)
    for kill in range(KILLS):
        instant = an_instant(draw)
        assert ship_in_process("chdb", folder, control, *instant) == -9, f"kill {kill}: shipped before {instant}"
    assert ship_in_process("chdb", folder, control, "never") == 0
    all_is_there("chdb", folder, trade)


class SecondHost(threading.Thread):
    """Ships a log of its own into the same server, a batch now and then, until it is told to `finish`."""

    def __init__(self, address: str, data: Path, trade: Trade) -> None:
        super().__init__(daemon=True)
        self._address, self._data, self._hurry = address, data, threading.Event()
        self.trade, self.failures, self.done = trade, 0, False
        trade.bids = [_of_another_host(event) for event in trade.bids]
        trade.money = [_of_another_host(event) for event in trade.money]
        write_logs(data, trade)

    def run(self) -> None:
        name = origin(self._data)
        while not self.done:
            try:
                store = open_store(self._address, self._data, owner=name)
                shipper = Shipper(store, lambda: logs(self._data, name), BATCH_ROWS)
                while shipper.round() or not self._hurry.is_set():
                    self._hurry.wait(0.7)
                self.done = True
                store.close()
            except StoreError:
                self.failures += 1
                time.sleep(0.2)

    def finish(self) -> None:
        self._hurry.set()
        self.join(120)
        assert self.done


def _of_another_host(event: Any) -> Any:
    changed = {"bid": event.bid + (1 << 40)} if getattr(event, "bid", 0) else {}
    return replace(event, **changed, **({"auction": f"two {event.auction}"} if isinstance(event, NoBid) else {}))


def test_a_server_and_reporters_that_ship_into_it_are_killed(folder: Path, control: Control) -> None:
    """By turns, while another host ships into the same server."""
    draw = random.Random(seed := random.randrange(1 << 32))
    print(f"seed {seed}")
    server = ClickHouseServer(folder / "server")
    server.start()
    try:
        address = server.address("shared")
        trade = trade_of(folder / "one", control, seed=3)
        store = open_store(address, folder, owner=(name := origin(folder / "one")))
        migrate(store)
        store.close()
        second = SecondHost(address, folder / "two", Trade(4, auctions=AUCTIONS_A_KILL * KILLS, days=1.1))
        second.start()
        ledger = SettlementSource(f"{name}/settlements", control.base)
        for kill in range(KILLS):
            instant = an_instant(draw)
            if kill % 2:
                assert ship_in_process(address, folder / "one", control, *instant) == -9, f"kill {kill}: {instant}"
                continue
            store = open_store(address, folder, owner=name)
            fatal(store, *instant, strike=server.kill)
            shipper = Shipper(store, lambda: [*logs(folder / "one", name), ledger], BATCH_ROWS)
            with pytest.raises(StoreError):
                while shipper.round():
                    pass
                pytest.fail(f"kill {kill}: shipped before {instant}")
            store.close()
            server.start()
        assert ship_in_process(address, folder / "one", control, "never") == 0
        second.finish()
        assert second.failures > 0
        trade.bids += second.trade.bids
        trade.money += second.trade.money
        all_is_there(address, folder, trade)
    finally:
        server.kill()
