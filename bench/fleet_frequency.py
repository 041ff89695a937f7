"""What it costs a bidder to keep frequency caps for a fleet, with records and holds in Redis.

The same requests (of a person each, 60 line items match) are decided by one worker three times: with records in Redis
and no caps; with caps on the line items and campaigns, so that every bid is held in Redis before it is sent; and with
the same caps for persons who have reached them, so that nothing is bid. ``hold_cpu_us`` is the worker's own processor
time for asking for held bids, holding and going on, a bid; ``hold_ms`` how much later the answer is at the median, and
``hold_p99_ms`` at the 99th percentile. Redis (``redis-server``; without it the figures are null) is the bench's own, on
loopback. Requests are written into connections within the process, some at once for the processor time, and one after
the other for the times; no sockets of an exchange are in it. Of some rounds the best counts.

The last line is the result as JSON.
"""

import argparse
import asyncio
import json
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

# Before the imports: beside this script lies targeting.py, which is not the package of that name.
sys.path.insert(0, str(Path(__file__).parents[1]))

import uvloop
from frequency import LINES, campaigns, request

from bidder.config import BidderSettings
from bidder.enrichment.profile import ProfileModule
from bidder.frequency import History
from bidder.http import BidConnection
from bidder.service import Service
from bidder.waiting_room import WaitingRoom
from domain.frequency import FrequencyCap
from domain.naming import person_key
from targeting.record import campaign_scope, line_item_scope
from targeting.redis_address import parse
from targeting.redis_lookup import RedisLookup
from targeting.redis_profiles import RedisProfiles
from targeting.unpacked import Record, pack
from tests.auction_table import NOW_NS, Table
from tests.redis_server import RedisServer

NOW_S = NOW_NS // 10**9
PEOPLE, ROUNDS = 4_000, 5
AT_ONCE, ALONE = 10, 1_500
WAIT_S = 1.0
CAPS = ((FrequencyCap(30, 86_400), FrequencyCap(100, 2_592_000)), (FrequencyCap(50, 86_400),))


class Figures(NamedTuple):
    """Of one run: processor time of the worker a request, and how long answers took."""

    cpu_us: float
    p50_ms: float
    p99_ms: float
    bids: int


class Wire:
    """The transport of a connection whose peer is this bench; ``done`` is called with each answer."""

    def __init__(self, service: Service, done: Callable[[bool], None]) -> None:
        self._done = done
        self.connection = BidConnection(service)
        self.connection.connection_made(self)  # type: ignore[arg-type]

    def write(self, data: bytes) -> None:
        self._done(b'"seatbid":[{' in data)

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> Any:
        return None


async def run(url: str, table: Table, bodies: list[bytes]) -> Figures:
    """Decides on requests: some at once for their cost, then one after the other for how long they take."""
    lookup = RedisLookup(parse(url))
    running = asyncio.create_task(lookup.run())
    table.auction.chain.modules = (ProfileModule(lookup), *table.auction.chain.modules[1:])
    table.auction.history = History(lookup, fleet=lookup)
    state = SimpleNamespace(view=table.view, version=1, workers=1)
    service = Service(table.auction, state, BidderSettings(shed_above_ms=1e9), WaitingRoom(lookup, WAIT_S))  # type: ignore[arg-type]
    while not lookup.ask(1, 1.0, lambda record: None):  # noqa: ASYNC110  (until it is connected)
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    lookup.skipped = 0
    loop = asyncio.get_running_loop()
    bids = waited = 0
    all_done = loop.create_future()

    def done(bid: bool) -> None:
        nonlocal bids, waited
        bids += bid
        waited -= 1
        if not waited:
            all_done.set_result(None)

    wires = [Wire(service, done) for _ in range(AT_ONCE)]

    async def answer(some: list[bytes]) -> None:
        nonlocal waited, all_done
        waited, all_done = len(some), loop.create_future()
        for wire, body in zip(wires, some, strict=False):
            wire.connection.data_received(body)
        await all_done

    spent = time.process_time()
    for first in range(0, len(bodies), AT_ONCE):
        await answer(bodies[first : first + AT_ONCE])
    spent, asked = time.process_time() - spent, len(bodies)
    times = []
    for body in bodies[:ALONE]:
        begun = time.perf_counter()
        await answer([body])
        times.append(time.perf_counter() - begun)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    if lookup.late or lookup.unanswered or lookup.skipped:  # what was not asked cost nothing
        return Figures(math.inf, math.inf, math.inf, bids)
    cuts = statistics.quantiles(times, n=100)
    return Figures(spent / asked * 1e6, cuts[49] * 1_000, cuts[98] * 1_000, bids)


def post(person: int, number: int) -> bytes:
    body = request(f"p{person}", number)
    return b"POST /openrtb2/usx HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_known_args()
    figures: dict[str, float | None] = {"hold_cpu_us": None, "hold_ms": None, "hold_p99_ms": None}
    if shutil.which("redis-server") is not None:
        figures = measure()
    print(json.dumps({"bench": "fleet_frequency", **figures}))


def measure() -> dict[str, float | None]:
    """Of several rounds the one that cost least, each."""
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        server = RedisServer(Path(name), "--appendonly", "no", password="")
        server.start()
        try:
            fill(server.url)
            runs: dict[str, Figures] = {}
            for _ in range(ROUNDS):
                for what, caps, first in (("no caps", ((), ()), 0), ("held", CAPS, 0), ("capped", CAPS, PEOPLE)):
                    server.ask("EVAL", "for _, k in ipairs(redis.call('KEYS', '*}h')) do redis.call('DEL', k) end", 0)
                    bodies = [post(first + n, n) for n in range(PEOPLE)]
                    found = uvloop.run(run(server.url, Table(campaigns(LINES, *caps)), bodies))
                    runs[what] = Figures(*map(min, zip(runs.get(what, found), found, strict=True)))  # type: ignore[arg-type]
        finally:
            server.kill()
    for what, found in runs.items():
        print(
            f"{what}: {found.cpu_us:.1f} µs of processor a request, answered after {found.p50_ms:.2f} ms (median), "
            f"{found.p99_ms:.2f} ms (p99), {found.bids} bids"
        )
    before, held = runs["no caps"], runs["held"]
    return {
        "hold_cpu_us": round(held.cpu_us - before.cpu_us, 1),
        "hold_ms": round(held.p50_ms - before.p50_ms, 2),
        "hold_p99_ms": round(held.p99_ms, 2),
    }


def fill(url: str) -> None:
    """Persons whose records have 40 counters, and as many who have seen all that their caps allow."""
    times = [NOW_S - 900_000 + 60_000 * n for n in range(10)]
    shown = {line_item_scope(n): times for n in range(1, 31)} | {campaign_scope(n): times for n in range(1, 11)}
    full = {campaign_scope(n): [NOW_S - 100 + place for place in range(50)] for n in range(1, 11)}
    with RedisProfiles(parse(url)) as people:
        for first, counters in ((0, shown), (PEOPLE, full)):
            record = pack(Record({}, counters))
            keys = (person_key("buyeruid", f"p{first + n}", "usx") for n in range(PEOPLE))
            people.change((key, lambda editor, record=record: editor.absorb(record)) for key in keys)  # type: ignore[misc]


if __name__ == "__main__":
    main()
