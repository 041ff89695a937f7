"""Frequency caps: what checking them costs a request, and whether they hold under load.

The cost is the difference between the same auctions with caps and without: 60 line items, each under two caps of its
own and two of its campaign, one of them by household, for persons whose records have 40 counters; the hold of the bid
is in it. ``check_us`` is what one line item's caps cost, ``request_us`` a request.

Then worker processes decide on requests of a crowd of persons, all under a cap of three a day, as fast as they can;
wins and losses come back with delays, and a tracker's memory counts them in a real profile store. ``over_cap`` are
impressions beyond the cap. The crowd asks on until a second after all have seen as many as they may; ``under_cap`` is
what is missing if that takes longer than two minutes.

The last line is the result as JSON.
"""

import argparse
import heapq
import json
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import cast

# Before the imports: beside this script lies targeting.py, which is not the package of that name.
sys.path.insert(0, str(Path(__file__).parents[1]))

from domain.campaign import Advertiser, Campaign, LineItem, Snapshot, Targeting
from domain.creative import Creative, every_format
from domain.events import Kind, Notice, decode
from domain.exchange import Exchange
from domain.frequency import FrequencyCap
from domain.naming import person_key
from targeting.holds import Holds
from targeting.profile_reader import Reader
from targeting.profiles import ProfileStore
from targeting.record import campaign_scope, line_item_scope
from targeting.unpacked import Record, pack, unpack
from tests.auction_table import NOW_NS, Table
from trackers.memory import Memory

NOW_S = NOW_NS // 10**9
LINES, PEOPLE, CAP = 60, 5_000, 3
CROWD = 300
EXPIRY_S = 2
WINS = 0.3


def campaigns(lines: int, line: tuple[FrequencyCap, ...], campaign: tuple[FrequencyCap, ...]) -> Snapshot:
    return Snapshot(
        1, 0, (Exchange(1, "usx", "USD", every_format("burl"), bid_expiry_s=EXPIRY_S),), (),
        (Advertiser(1, "bank", "Bank", "USD", "UTC", "bank.example", ("IAB13",)),),
        tuple(Campaign(n, f"k{n}", 1, "K", 0, 2**62, frequency_caps=campaign) for n in range(1, 11)),
        tuple(LineItem(n, f"l{n}", 1 + n % 10 if lines > 10 else 1, f"L{n}", 1_000_000 + n, Targeting(), (1,),
                       frequency_caps=line) for n in range(1, lines + 1)),
        (Creative(1, "c", 1, 300, 250, "https://bank.example/", "https://cdn.example/i.png"),), (), (),
    )  # fmt: skip


def request(person: str, number: int) -> bytes:
    return json.dumps({
        "id": str(number), "site": {"domain": "news.example"}, "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
        "device": {"ip": f"203.0.113.{1 + number % 250}"}, "user": {"buyeruid": person},
    }).encode()  # fmt: skip


def cost(rounds: int) -> dict[str, float]:
    """Microseconds that caps add to a request, and to each of its line items."""
    line = FrequencyCap(30, 86_400), FrequencyCap(100, 2_592_000)
    campaign = FrequencyCap(50, 86_400), FrequencyCap(90, 86_400, "household")
    holds = Holds(None, 1 << 20)
    tables = [Table(campaigns(LINES, line, campaign), holds=holds), Table(campaigns(LINES, (), ()))]
    draw = random.Random(1)
    for person in range(PEOPLE):
        times = sorted(NOW_S - draw.randrange(1, 2_000_000) for _ in range(10))
        shown = {line_item_scope(n): times for n in range(1, 31)} | {campaign_scope(n): times for n in range(1, 11)}
        key = person_key("buyeruid", f"p{person}", "usx")
        for table in tables:
            table.people.records[key] = pack(Record({}, shown))
    bodies = [request(f"p{n % PEOPLE}", n) for n in range(PEOPLE)]
    took: list[list[float]] = [[], []]
    for _ in range(rounds):
        for table, spent in zip(tables, took, strict=True):
            decide, seller, view = table.auction.decide, table.view.sellers["usx"], table.view
            begin = time.process_time_ns()
            for body in bodies:
                decide(body, seller, view)
            spent.append((time.process_time_ns() - begin) / len(bodies) / 1000)
            assert len(table.log) >= len(bodies)  # each of them bid
            table.log.clear()
    with_caps, without = map(statistics.median, took)
    print(f"a request with caps {with_caps:.2f} µs, without {without:.2f} µs")
    return {
        "check_us": round((with_caps - without) / LINES, 3),
        "request_us": round(with_caps - without, 2),
    }


class Records:
    """A reader of the real store in the place of the table's people, renewed as a worker does."""

    any_opted_out = False

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.records: dict[int, bytes] = {}

    def get(self, person: int) -> bytes | None:
        return self.reader.get(person)

    @property
    def taken_ns(self) -> int:
        return self.reader.taken_ns


def work(folder: Path, number: int, stop: Event, bids: Connection) -> None:
    """One worker: decides, and sends the events of its bids."""
    draw = random.Random(number)
    store, holds = ProfileStore(folder / "profiles.lmdb", readonly=True), Holds(folder, 100_000)
    reader = store.reader()
    table = Table(campaigns(3, (), (FrequencyCap(CAP, 86_400),)), Records(reader), holds=holds)  # type: ignore[arg-type]
    table.auction.answer.start(number)
    seller = table.view.sellers["usx"]
    n = 0
    while not stop.is_set():
        n += 1
        reader.renew(time.monotonic())
        table.auction.decide(request(f"p{draw.randrange(CROWD)}", n), seller, table.view)
        if table.log:
            bids.send(list(table.log))
            table.log.clear()
    bids.send(n)
    bids.close()


def notice(kind: Kind, bid: object, now_ns: int) -> Notice:
    names = ("bid", "imp", "exchange", "advertiser", "campaign", "line_item", "creative", "deal", "site", "person")
    facts = {name: getattr(bid, name) for name in names}
    return Notice(kind=kind, received_ns=now_ns, marks=0, bid_ns=now_ns, lease=0, rate=0, max_price=0, basis=2,
                  price=0, loss_reason=0, min_to_win=0, **facts)  # fmt: skip


def crowd(workers: int) -> dict[str, int]:
    """Impressions beyond the cap, and those that are missing, of all persons together."""
    draw, context = random.Random(9), multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        folder = Path(name)
        store, holds = ProfileStore(folder / "profiles.lmdb"), Holds(folder, 100_000)
        memory = Memory(store, "money/0", holds=holds)
        pipes, running, stop, seen, requests = [], [], context.Event(), Counter[int](), 0
        give_up, enough = time.monotonic() + 120, None
        for number in range(1, workers + 1):
            receiving, sending = context.Pipe(duplex=False)
            worker = context.Process(target=work, args=(folder, number, stop, sending))
            worker.start()
            sending.close()
            pipes.append(receiving)
            running.append(worker)
        due: list[tuple[float, int, Notice]] = []
        bids = position = 0
        while pipes or due:
            for pipe in cast(list[Connection], wait(pipes, 0.005)) if pipes else ():
                try:
                    told = pipe.recv()
                except EOFError:
                    pipes.remove(pipe)
                    continue
                if isinstance(told, int):
                    requests += told
                    continue
                for bid in (event for event in map(decode, told) if type(event).__name__ == "Bid"):
                    bids += 1
                    kind = Kind.IMPRESSION if draw.random() < WINS else Kind.LOSS
                    later = draw.choice((0.0, 0.02, 0.2, 1.0))
                    heapq.heappush(due, (time.monotonic() + later, bids, notice(kind, bid, NOW_NS)))
            batch = []
            while due and due[0][0] <= time.monotonic():
                batch.append(heapq.heappop(due)[2])
            for event in batch:
                memory.see(event)
            if batch:
                position += len(batch)
                seen.update(event.person for event in batch if event.kind == Kind.IMPRESSION)
                memory.apply(batch, position)
            if enough is None and len(seen) == CROWD and min(seen.values()) >= CAP:
                enough = time.monotonic() + 1
            if time.monotonic() > min(give_up, enough or give_up):
                stop.set()
        for worker in running:
            worker.join()
            if worker.exitcode:
                sys.exit(f"a worker ended with status {worker.exitcode}")
        reader, counts = store.reader(), []
        for n in range(CROWD):
            record = unpack(reader.get(person_key("buyeruid", f"p{n}", "usx")) or b"").shown
            counts.append(len(record.get(campaign_scope(1), ())))
        print(f"{requests} requests of {CROWD} persons, {bids} bids, {seen.total()} impressions")
        reader.close()
        store.close()
    return {"over_cap": sum(max(0, n - CAP) for n in counts), "under_cap": sum(max(0, CAP - n) for n in counts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="of the cost of a check")
    parser.add_argument("--workers", type=int, default=4)
    asked = parser.parse_args()
    print(json.dumps({"bench": "frequency", **cost(asked.rounds), **crowd(asked.workers)}))


if __name__ == "__main__":
    main()
