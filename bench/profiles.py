"""The profile store: loading, looking up, changing, and looking up in Redis. The last line is JSON.

Ten million persons (``--profiles`` for fewer) are written to a Parquet file in random order and loaded by `outbid
profiles load`'s own code into a store of their own. Looked up are random persons, as the bid path does it: the record
from LMDB, its audiences collected. Updates are impressions of random persons, in the batches of a tracker that has as
many (`trackers.recorder.BATCH`), which do not wait for the disk (``[profiles] sync = false``), while two other
processes look persons up as fast as they can. Pages that were split are mended afterwards, as a tracker does when it
has time. Redis is a server of the bench's
own (``redis-server``; without it these figures are null), on loopback; its caller is an event loop that looks up 5,000
persons a second.

Everything needs some 6 GB of disk in ``--directory`` for a while; it is removed.
"""

import argparse
import asyncio
import gc
import json
import multiprocessing
import random
import resource
import shutil
import statistics
import sys
import tempfile
import time
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import uvloop

# Before the imports: beside this script lies targeting.py, which is not the package of that name.
sys.path.insert(0, str(Path(__file__).parents[1]))

from bidder.enrichment.profile import ProfileModule
from openrtb.decode import decode
from openrtb.request import Request
from targeting.loading import load
from targeting.people import impression
from targeting.profile_tables import Table
from targeting.profiles import ProfileStore
from targeting.redis_address import parse
from targeting.redis_lookup import RedisLookup
from targeting.redis_profiles import RedisProfiles
from tests.auction_table import NOW_NS, snapshot
from trackers.recorder import BATCH

CHUNK = 500_000
AUDIENCES = 10
"""Of a person, on average; as many as make a record of about 160 bytes with the rest."""
UPDATES = 400_000
RATE = 5_000
SECONDS = 8.0
REDIS_PEOPLE = 100_000


def write_table(path: Path, profiles: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    """The file to load; returns the persons' keys."""
    rng = np.random.default_rng(1)
    keys = rng.permutation(np.unique(rng.integers(1, 2**64 - 1, profiles, dtype=np.uint64)))
    writer = None
    for first in range(0, len(keys), CHUNK):
        persons = keys[first : first + CHUNK]
        offsets = np.concatenate(([0], np.cumsum(rng.poisson(AUDIENCES, len(persons))))).astype(np.int32)
        audiences = pa.array(rng.integers(1, 2_000, offsets[-1], dtype=np.uint32))
        numbers = rng.integers(0, 1_000_000, (5, len(persons)))
        table = pa.table(
            {
                "person": persons,
                "audiences": pa.ListArray.from_arrays(pa.array(offsets), audiences),
                "expires": 1_800_000_000 + numbers[0],
                "stage": pa.array(["prospect", "applied", "active", "dormant"]).take(pa.array(numbers[1] % 4)),
                "visited_at": 1_790_000_000 + numbers[2],
                "score_credit": 300 + numbers[3] % 601,
                "score_intent": numbers[4] % 1_001,
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="lz4")
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return keys


def on_disk(store: ProfileStore) -> tuple[float, float]:
    """Bytes of pages and of values, a profile."""
    with store.env.begin(db=store.profiles) as txn:
        stat = txn.stat(store.profiles)
        sizes = [len(value) for _, value in zip(range(500_000), txn.cursor().iternext(keys=False), strict=False)]
    pages = stat["leaf_pages"] + stat["branch_pages"] + stat["overflow_pages"]
    return pages * stat["psize"] / stat["entries"], statistics.fmean(sizes)


def requests(persons: list[int]) -> list[Request]:
    """Requests, read, of these persons: the module is called as in the bid path."""
    exchange = snapshot().exchanges[0]
    made = []
    for person in persons:
        request = Request()
        body = {"id": "r", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}], "user": {"buyeruid": str(person)}}
        decode(request, json.dumps(body).encode(), exchange, NOW_NS)
        made.append(request)
    return made


class Renamed:
    """The reader, asked for persons of the table whoever the request says it is."""

    any_opted_out = False

    def __init__(self, store: ProfileStore, persons: list[int]) -> None:
        self._get, self._next = store.reader().get, iter(persons).__next__

    def get(self, person: int) -> bytes | None:
        return self._get(self._next())


def lookup_us(store: ProfileStore, keys: list[int]) -> float:
    """One look-up and decoding, warm: of five rounds over the same persons the best."""
    some = requests(keys[:20_000])
    best = 1e9
    for _ in range(5):
        module = ProfileModule(Renamed(store, keys))
        start = time.process_time()
        for request in some:
            module(request)
        best = min(best, time.process_time() - start)
    return best / len(some) * 1e6


def keep_reading(path: Path, keys: list[int], ready: Event, stop: Event) -> None:
    """One of two readers beside the writer."""
    with ProfileStore(path, readonly=True) as store:
        reader = store.reader()
        ready.set()
        while not stop.is_set():
            for person in random.sample(keys, 1_000):
                reader.get(person)
            reader.renew(time.monotonic())


def updates_per_s(store: ProfileStore, keys: list[int]) -> tuple[float, float]:
    """Impressions a second beside two readers; and of the writer's own processor time."""
    processes = multiprocessing.get_context("spawn")
    stop, readies = processes.Event(), [processes.Event() for _ in range(2)]
    readers = [
        processes.Process(target=keep_reading, args=(store.path, keys[:200_000], ready, stop)) for ready in readies
    ]
    for reader, ready in zip(readers, readies, strict=True):
        reader.start()
        ready.wait()
    picks = random.choices(keys, k=UPDATES)
    gc.freeze()  # the millions of keys are the bench's, and no tracker has them to look through
    start, spent = time.perf_counter(), time.process_time()
    for first in range(0, UPDATES, BATCH):
        at_s = 1_795_000_000 + first // 1_000
        with store.write() as txn:
            store.edit_all(txn, [(one, impression(at_s, 3, one % 5, 3)) for one in picks[first : first + BATCH]])
    took, spent = time.perf_counter() - start, time.process_time() - spent
    stop.set()
    for reader in readers:
        reader.join()
    return UPDATES / took, UPDATES / spent


async def redis_figures(url: str, persons: list[int]) -> tuple[float, float, int]:
    """p99 of a look-up in ms, processor time of the caller for one in µs, and how many had no answer in time."""
    lookup = RedisLookup(parse(url))
    running = asyncio.create_task(lookup.run())
    while not lookup.ask(persons[0], 1.0, lambda record: None):  # noqa: ASYNC110  (until it is connected)
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    lookup.skipped = 0

    async def pace(ask: bool) -> tuple[float, int, int, list[float]]:
        times: list[float] = []
        turns = 0

        def answered(begun: float, record: bytes | None) -> None:
            times.append(time.perf_counter() - begun)

        start, spent, due = time.perf_counter(), time.process_time(), 0
        while (now := time.perf_counter()) < start + SECONDS:
            turns += 1
            while due < (now - start) * RATE:
                due += 1
                if ask:
                    lookup.ask(persons[due % len(persons)], 0.1, partial(answered, time.perf_counter()))
            await asyncio.sleep(0.0005)
        return time.process_time() - spent, turns, due, times

    idle, idle_turns, _, _ = await pace(False)
    spent, turns, asked, times = await pace(True)
    cost_us = (spent - idle * turns / idle_turns) / asked * 1e6  # without what waiting and looking at the clock cost
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return statistics.quantiles(times, n=100)[98] * 1000, cost_us, lookup.late + lookup.unanswered + lookup.skipped


def redis(directory: Path) -> tuple[float | None, float | None]:
    """The figures of Redis; None where there is no ``redis-server``."""
    program = shutil.which("redis-server")
    if program is None:
        return None, None
    from tests.redis_server import RedisServer

    server = RedisServer(directory / "redis", password="")
    server.start()
    try:
        persons = random.sample(range(1, 1 << 63), REDIS_PEOPLE)
        with RedisProfiles(parse(server.url)) as store:
            store.change(
                (person, lambda editor: [editor.join(n, 1_800_000_000) for n in range(15)]) for person in persons
            )
        best: tuple[float, float, int] | None = None
        for _ in range(3):
            figures = uvloop.run(redis_figures(server.url, persons))
            best = min(best or figures, figures)
        assert best is not None
        print(f"Redis: p99 {best[0]:.2f} ms, {best[1]:.1f} µs of the caller a look-up, {best[2]} without an answer")
        return best[0], best[1]
    finally:
        server.kill()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--profiles", type=int, default=10_000_000)
    options.add_argument("--directory", type=Path, default=None, help="where to work; default: the system's for such")
    asked = options.parse_known_args()[0]
    with tempfile.TemporaryDirectory(dir=asked.directory) as name:
        directory = Path(name)
        keys = write_table(directory / "people.parquet", asked.profiles).tolist()
        with ProfileStore(directory / "profiles.lmdb", sync=False, mends_later=True) as store:
            start, spent = time.perf_counter(), time.process_time()
            loaded = load(store, Table(directory / "people.parquet", advertiser=3).batches())
            took, spent = time.perf_counter() - start, time.process_time() - spent
            (directory / "people.parquet").unlink()
            a_profile, a_value = on_disk(store)
            print(
                f"{loaded.profiles:,} loaded in {took:.1f} s ({spent:.1f} s of processor), {a_profile:.1f} bytes each"
            )
            random.seed(1)
            look_up = lookup_us(store, random.sample(keys, 20_000))
            updates, of_processor = updates_per_s(store, keys)
            burst, _ = on_disk(store)
            start = time.perf_counter()
            while store.mend():
                pass
            mended = time.perf_counter() - start
            churned, grown = on_disk(store)
            print(
                f"{updates:,.0f} updates/s beside two readers ({of_processor:,.0f} a second of processor); afterwards "
                f"{burst:.1f} bytes of disk, {churned:.1f} once mended in {mended:.1f} s of idle time, for {grown:.1f} "
                f"of value: {churned / (grown + 25):.2f} times value + 25"
            )
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak_mb:,.0f} MB, of which the map of the store is a part")
        p99_ms, cpu_us = redis(directory)
    figures = {
        "load_per_s": round(loaded.profiles / took),
        "lookup_us": round(look_up, 2),
        "bytes_per_profile": round(a_profile, 1),
        "value_bytes": round(a_value, 1),
        "updates_per_s": round(updates),
        "redis_p99_ms": None if p99_ms is None else round(p99_ms, 3),
        "redis_cpu_us": None if cpu_us is None else round(cpu_us, 1),
    }
    print(json.dumps({"bench": "profiles", **figures}))


if __name__ == "__main__":
    main()
