"""The event log: how many records a second one core appends, with the disk keeping up, and how many one core reads; and
how long an event of money waits until it is on disk.

Records are bids as a bidder writes them. Appending goes through `LogWriter` as in a bidder, lazily and synced twice a
second, until the last record is on disk; where the disk is slower than the appending, it is waited for (a bidder would
shed). Reading is `LogReader`: checksums verified, records as bytes, which is what the projections start from; what it
costs to decode them stands beside it. Money is awaited record by record (`durable`) at a steady rate, on the loop that
trackers run on. Each figure of appending and reading is the best of several rounds, by the clock, and beside it by
processor time of all threads.

The last line is the result as JSON.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import msgspec
import uvloop

from domain.events import Bid, Event, Kind, Notice, encode
from eventlog.reader import LogReader
from eventlog.writer import BUFFER_BYTES, LogWriter

NOW = 1_790_000_000_000_000_000
DISTINCT = 50_000
RATES = (1_000, 5_000)
SYNC_S, PAUSE_S = 0.5, 0.002
decode = msgspec.msgpack.Decoder(list[Event]).decode


class Rate(NamedTuple):
    per_s: float
    per_processor_s: float


def bids(count: int) -> list[bytes]:
    draw = random.Random(3)
    countries, sizes = ("USA", "DEU", "GBR", ""), ((300, 250), (728, 90), (320, 50))
    return [
        encode(
            Bid(
                time_ns=NOW + n * 100_000, bid=7 << 32 | n, imp=n % 2, auction=f"{draw.getrandbits(144):036x}",
                exchange=1 + n % 5, advertiser=1 + n % 50, campaign=1 + n % 300, line_item=1 + n % 1_000,
                creative=1 + n % 3_000, deal=n % 7, site=draw.getrandbits(64), person=draw.getrandbits(64),
                price=draw.randrange(9_000_000), floor=draw.randrange(3_000_000), currency="USD", width=size[0],
                height=size[1], country=draw.choice(countries), device_type=draw.randrange(8), test=False,
            )
        )
        for n in range(count)
        for size in [draw.choice(sizes)]
    ]  # fmt: skip


def notice(n: int) -> bytes:
    return encode(
        Notice(
            kind=Kind.BILLING, received_ns=NOW + n, marks=64, bid=7 << 32 | n, imp=0, bid_ns=NOW, exchange=1,
            advertiser=1, campaign=1, line_item=1, creative=1, deal=0, site=(1 << 60) + n, person=(1 << 59) + n,
            lease=1, rate=0, max_price=2_000_000, basis=Kind.BILLING, price=1_000_000, loss_reason=0, min_to_win=0,
        )
    )  # fmt: skip


def timed(count: int, work: Callable[[], None]) -> Rate:
    begun, processor = time.perf_counter(), time.process_time()
    work()
    return Rate(count / (time.perf_counter() - begun), count / (time.process_time() - processor))


def append_all(directory: Path, records: list[bytes], rounds: int) -> None:
    writer = LogWriter(directory, sync_s=SYNC_S)
    append = writer.append
    for _ in range(rounds):
        for record in records:
            append(record)
        while writer.waiting > BUFFER_BYTES // 2:
            time.sleep(0.001)
    writer.close()
    if writer.shed:
        sys.exit(f"{writer.shed} records were shed")


def read_all(directory: Path, count: int) -> None:
    reader, found = LogReader(directory), 0
    while records := reader.read()[0]:
        found += len(records)
    if found != count:
        sys.exit(f"{found} of {count} records were read")


def decode_all(directory: Path, count: int) -> None:
    reader, found = LogReader(directory), 0
    while records := reader.read()[0]:
        found += len(decode(b"\xdd" + len(records).to_bytes(4, "big") + b"".join(records)))
    if found != count:
        sys.exit(f"{found} of {count} records were decoded")


async def wait_for_money(directory: Path, rate: int, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds from appending an event to its being on disk, each; and how late the loop's own timer was meanwhile,
    which is what the machine adds.
    """
    writer = LogWriter(directory)
    took: list[float] = []
    late: list[float] = []

    async def record(n: int) -> None:
        begun = time.perf_counter()
        await writer.durable(writer.append(notice(n)))
        took.append((time.perf_counter() - begun) * 1000)

    begun, waiting, n = time.perf_counter(), set(), 0
    while (now := time.perf_counter() - begun) < seconds:
        while n < now * rate:
            task = asyncio.create_task(record(n))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            n += 1
        slept = time.perf_counter()
        await asyncio.sleep(PAUSE_S)
        late.append((time.perf_counter() - slept - PAUSE_S) * 1000)
    await asyncio.gather(*waiting)
    writer.close()
    return sorted(took), sorted(late)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5, help="of which the best counts")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each rate of money events")
    parser.add_argument("--directory", type=Path, help="on which disk (default: where temporary files are)")
    asked = parser.parse_args()
    sys.setswitchinterval(0.001)  # as trackers and bidders do
    records = bids(min(DISTINCT, asked.records))
    repeats = max(1, asked.records // len(records))
    count = repeats * len(records)
    mean = sum(map(len, records)) / len(records)
    appended, read, decoded = [], [], []
    result: dict[str, object] = {"bench": "eventlog", "record_bytes": round(mean)}
    with tempfile.TemporaryDirectory(prefix="outbid-bench-", dir=asked.directory) as folder:
        log = Path(folder) / "bids"
        for n in range(asked.rounds):
            appended.append(timed(count, lambda: append_all(log, records, repeats)))
            read.append(timed(count, lambda: read_all(log, count)))
            decoded.append(timed(count, lambda: decode_all(log, count)))
            print(
                f"round {n + 1}: {count} records of {mean:.0f} bytes: appended {appended[-1].per_s / 1e6:.2f} M/s, "
                f"read {read[-1].per_s / 1e6:.2f} M/s, read and decoded {decoded[-1].per_s / 1e6:.2f} M/s"
            )
            shutil.rmtree(log)
        for name, rates in (("append", appended), ("read", read), ("decode", decoded)):
            result[f"{name}_per_s"] = round(max(rate.per_s for rate in rates))
            result[f"{name}_per_processor_s"] = round(max(rate.per_processor_s for rate in rates))
        for rate in RATES:
            took, late = uvloop.run(wait_for_money(Path(folder) / f"money-{rate}", rate, asked.seconds))
            middle, high = took[len(took) // 2], took[len(took) * 99 // 100]
            print(
                f"money at {rate}/s: on disk after {middle:.2f} ms (median), {high:.2f} ms (p99), {took[-1]:.2f} ms "
                f"(most); a timer alone is late by {late[len(late) // 2]:.2f} and {late[len(late) * 99 // 100]:.2f} ms"
            )
            result |= {f"durable_p50_ms_{rate}": round(middle, 2), f"durable_p99_ms_{rate}": round(high, 2)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
