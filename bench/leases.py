"""Leases at scale: eight workers spend budgets to the end, and not beyond, whatever dies and however late notices come.

Real are `outbid control` on a store of its own, the worker processes with the bidder's lease kernel and its line to
control, and the money log. The workers parse nothing: they bid by reserving (`rig/lease_worker.py`). The exchanges
(`rig/lease_exchange.py`) sell one bid in five, below its price, in two currencies; bill by ``burl`` and by impression;
tell most losses, and some never. Notices come up to 60 s late, some of them after the exchange's ``bid_expiry_s``.
Workers are killed all the time and come back under new numbers; once control is killed and away for 60 s.

Time is real: the speed of a compressed day would change no delay that leases know of, because all of these are real
seconds. The clock only starts at noon, so that no day ends within the run. That leaves a question of proportion. What a
silent loss has reserved comes back when its lease was replaced (after up to 60 s) and the expiry has passed. Of a
budget that lasts a day this is little, of one that is spent in three minutes it is most of what is left. So the expiry
is 30 s here (half of the longest delay), and one lost bid in fifty is silent. Once a budget is nearly spent, what is
left of it halves every 35 s, as bids in the dark are found out about. ``--untold`` and ``--expiry`` show other worlds.

``overspend``: of the budget that was exceeded most, by what was billed in time. ``delivery``: what was billed, late or
not, of all budgets together, none counted above 1. ``late``: what was billed after the bid's expiry, of all budgets; it
is the exchange's doing, and booked all the same. The figures are from the exchanges' books, kept with exact fractions;
the bench fails if the ledger differs from them by a nano. The last line is the result as JSON.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # before our own folder, where `eventlog` is another bench

import msgspec
import yaml
from bid_path import free_port, wait_for
from rig.lease_campaigns import WORLD, world
from rig.lease_exchange import Account, Exchanges, Manners

from cli.process import SUPERVISOR
from domain.campaign import Snapshot
from domain.clock import SECOND, ScaledClock
from domain.money import NANOS
from eventlog.writer import LogWriter

HERE = Path(__file__).parent
WORKERS = 8
RATE = 60.0
"""Chances to bid, a second and worker."""
NOON = datetime(2027, 3, 16, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Plan:
    """Of a run, real seconds."""

    bidding_s: float = 300.0
    away_after_s: float = 30.0
    away_s: float = 60.0
    kill_every_s: float = 8.0
    size: Decimal = Decimal(1)
    """Of all budgets."""


QUICK = Plan(bidding_s=36.0, away_after_s=6.0, away_s=8.0, kill_every_s=8.0, size=Decimal("0.15"))
QUICK_MANNERS = Manners(billing_s=1.0, loss_s=0.3, slow_s=2.0, latest_s=8.0)
QUICK_EXPIRY_S = 4


class Run:
    """The processes of one run, and what was seen of them."""

    def __init__(self, folder: Path, plan: Plan, manners: Manners, expiry_s: int, seed: int) -> None:
        self.folder, self.plan, self.manners, self.expiry_s = folder, plan, manners, expiry_s
        self.draw = random.Random(seed)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.clock = ScaledClock(int(NOON.timestamp()) * SECOND, time.time_ns(), 1.0)
        self.environment = {
            **os.environ, "PYTHONPATH": str(HERE.parent), "OUTBID_OUTBID_DATA_DIR": str(folder / "data"),
            "OUTBID_OUTBID_CONTROL_PORT": str(self.port), "OUTBID_OUTBID_API_PORT": "0",
            "OUTBID_CLOCK": self.clock.to_env(),
            SUPERVISOR: str(os.getpid()),  # control ends with us; workers do, for want of an exchange
        }  # fmt: skip
        self.log = (folder / "processes.log").open("ab")
        self.workers: dict[int, asyncio.subprocess.Process] = {}
        self.kills = 0
        self.away: tuple[float, float] = (0.0, 0.0)
        self.keeping: set[asyncio.Task[None]] = set()

    def outbid(self, *command: str) -> subprocess.Popen[bytes]:
        line = [sys.executable, "-P", "-m", "cli.main", *command]
        return subprocess.Popen(line, env=self.environment, stdout=self.log, stderr=self.log)

    async def start_control(self) -> None:
        self.control = self.outbid("control")
        await asyncio.to_thread(wait_for, f"{self.base}/health", self.control)

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.base + path, timeout=30) as answer:
            told: bytes = answer.read()
        return told

    async def keep_worker(self, slot: int, exchanges: Exchanges) -> None:
        """A worker, and after it was killed another one."""
        shares = json.dumps({key: bids for _, _, lines in WORLD for key, _, _, bids in lines})
        while True:
            script = HERE / "rig" / "lease_worker.py"
            told = (self.base, str(self.folder / "data"), str(RATE), str(self.draw.random()), shares)
            process = await asyncio.create_subprocess_exec(
                sys.executable, str(script), *told,
                env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=self.log,
            )  # fmt: skip
            self.workers[slot] = process
            assert process.stdout is not None
            async for line in process.stdout:
                if line.endswith(b"\n"):
                    exchanges.hear(line)
            if await process.wait() != -signal.SIGKILL:
                sys.exit(f"a worker ended by itself; the log is\n{(self.folder / 'processes.log').read_text()[-4000:]}")
            await asyncio.sleep(self.draw.uniform(0.2, 2.0))

    async def kill_workers(self) -> None:
        while True:
            await asyncio.sleep(self.draw.uniform(0, 2 * self.plan.kill_every_s))
            process = self.workers[self.draw.randrange(WORKERS)]
            if process.returncode is None:
                process.kill()
                self.kills += 1

    async def leave_control_away(self) -> None:
        await asyncio.sleep(self.plan.away_after_s)
        gone = time.monotonic()
        self.control.kill()
        await asyncio.to_thread(self.control.wait)
        await asyncio.sleep(self.plan.away_s)
        self.away = (gone, time.monotonic())
        await self.start_control()

    async def show(self, exchanges: Exchanges, budget: int) -> None:
        started = time.monotonic()
        while True:
            await asyncio.sleep(10)
            billed = sum(account.all for account in exchanges.books.campaigns.values())
            passed, bids = time.monotonic() - started, exchanges.books.counts["bids"]
            print(
                f"{passed:4.0f} s: {bids:6d} bids, {billed / budget:6.2%} of all budgets billed, "
                f"{exchanges.pending} notices under way, {self.kills} workers killed",
                flush=True,
            )

    def follow(self, work: Awaitable[None]) -> "asyncio.Task[None]":
        """Runs beside; a failure ends the bench."""
        task = asyncio.ensure_future(work)
        self.keeping.add(task)
        return task

    async def bid(self, exchanges: Exchanges, budget: int) -> None:
        """All bidding; afterwards no worker lives, and every notice is in the log and booked."""
        telling = self.follow(exchanges.send_for_ever())
        keeping = [self.follow(self.keep_worker(slot, exchanges)) for slot in range(WORKERS)]
        await exchanges.heard(WORKERS)
        self.follow(self.show(exchanges, budget))
        away = self.follow(self.leave_control_away())
        killing = self.follow(self.kill_workers())
        done, _ = await asyncio.wait(
            self.keeping - {away}, timeout=self.plan.bidding_s, return_when=asyncio.FIRST_COMPLETED
        )
        for task in done:
            task.result()
        await away
        for task in (killing, *keeping):
            task.cancel()
        for process in self.workers.values():
            with suppress(ProcessLookupError):
                process.kill()
        while exchanges.pending:
            await asyncio.sleep(0.1)
            if telling.done():
                telling.result()
        await self.booked()

    async def booked(self) -> None:
        """Returns when the ledger has read the whole log."""
        while True:
            await asyncio.sleep(0.5)
            if not json.loads(await asyncio.to_thread(self.get, "/v1/books"))["behind"]:
                return

    def ledger(self) -> tuple[dict[int, int], dict[str, tuple[int, int]]]:
        """What control booked: nanos by line item, from the settlements and from the accounts; and of each exchange."""
        with closing(sqlite3.connect(self.folder / "data" / "control.sqlite")) as store:
            settled = dict(store.execute("SELECT line_item, sum(account_price) FROM settlements GROUP BY line_item"))
            balances = dict(store.execute("SELECT owner, balance FROM accounts WHERE kind = 'line_item'"))
        if settled != balances:
            sys.exit(f"the ledger's accounts are not the sum of its settlements: {balances} and {settled}")
        books = json.loads(self.get("/v1/books"))["exchanges"]
        return settled, {line["exchange"]: (line["billed"], line["spend"]) for line in books}

    async def stop(self) -> None:
        for task in self.keeping:
            task.cancel()
        await asyncio.gather(*self.keeping, return_exceptions=True)
        for process in self.workers.values():
            with suppress(ProcessLookupError):
                process.kill()
        self.control.terminate()
        await asyncio.to_thread(self.control.wait)
        self.log.close()


async def measure(run: Run) -> dict[str, object]:
    campaigns, budgets = world(run.plan.size, run.expiry_s)
    (run.folder / "campaigns.yaml").write_text(yaml.safe_dump(campaigns))
    if run.outbid("campaigns", "import", str(run.folder / "campaigns.yaml")).wait():
        sys.exit((run.folder / "processes.log").read_text())
    await run.start_control()
    try:
        snapshot = msgspec.msgpack.decode(run.get("/v1/snapshots/current"), type=Snapshot)
        log = LogWriter(run.folder / "data" / "log" / "money" / "0")
        exchanges = Exchanges(snapshot, log, run.clock, run.manners, run.draw)
        await run.bid(exchanges, sum(budgets[campaign] for campaign, _, _ in WORLD))
        await asyncio.to_thread(log.close)
        books, (settled, totals) = exchanges.books, run.ledger()
    finally:
        await run.stop()
    theirs = {line: account.all for line, account in books.lines.items()}
    if settled != theirs or totals != books.exchanges:
        sys.exit(f"the ledger differs from the exchanges' books:\n{settled} {totals}\n{theirs} {books.exchanges}")

    billed: dict[str, Account] = {item.key: books.lines[item.id] for item in snapshot.line_items}
    billed |= {campaign.key: books.campaigns[campaign.id] for campaign in snapshot.campaigns}
    for key, budget in budgets.items():
        found = billed[key]
        print(
            f"{key:8} budget {budget / NANOS:6.3f} USD, billed in time {found.in_time / budget:8.3%}, "
            f"late {found.late / budget:.3%}"
        )
    print(f"{dict(books.counts)}; the ledger agrees to the nano")
    gone, returned = run.away
    last = max((at for at in exchanges.bid_times if gone <= at < returned), default=gone)
    first = min(at for at in exchanges.bid_times if at >= returned)
    print(
        f"control was away for {returned - gone:.1f} s: the last bid after {last - gone:.1f} s, "
        f"the next one {first - returned:.1f} s after its return"
    )
    whole = sum(budgets.values())
    return {
        "bench": "leases", "workers": WORKERS,
        "overspend": max(0.0, *(round(billed[key].in_time / budget - 1, 6) for key, budget in budgets.items())),
        "delivery": round(sum(min(billed[key].all, budget) for key, budget in budgets.items()) / whole, 5),
        "late": round(sum(billed[key].late for key in budgets) / whole, 5),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a minute, with shorter delays: does it work?")
    parser.add_argument("--untold", type=float, default=Manners.untold, help="share of lost bids that nobody tells of")
    parser.add_argument("--expiry", type=int, default=30, help="bid_expiry_s of both exchanges")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    plan = QUICK if asked.quick else Plan()
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as folder:
        run = Run(Path(folder), plan, QUICK_MANNERS if asked.quick else Manners(untold=asked.untold),
                  QUICK_EXPIRY_S if asked.quick else asked.expiry, asked.seed)  # fmt: skip
        print(json.dumps(asyncio.run(measure(run))))


if __name__ == "__main__":
    main()
