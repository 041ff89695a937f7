"""How long a reach forecast takes on 100,000 kept requests: read from disk, decoded, enriched and selected anew.

The requests and people are those of the bid path's bench, kept by a real `RequestSample`; one expression asks for
places and devices, the other for something in every part of a request. It is timed in a process of its own, from its
start to its end, as `outbid reach` runs, by the clock and by the processor's time.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from rig import world

from bidder.enrichment.chain import Chain
from bidder.enrichment.device import DeviceModule
from bidder.enrichment.geo import GeoModule
from bidder.enrichment.profile import ProfileModule
from bidder.leases import Leases
from bidder.market import read_market
from bidder.reach import Reach, forecast, read_sample
from bidder.request_sample import RequestSample
from bidder.request_sample_files import SampleFiles
from bidder.view import View
from campaigns.catalogue import load
from campaigns.importing import import_file
from campaigns.published_targeting import read_targeting
from campaigns.snapshot import compile_snapshot
from campaigns.store import Store
from domain.campaign import Snapshot
from domain.clock import SystemClock
from domain.events import Bid, Kind, Mark, Notice, encode
from eventlog.writer import LogWriter
from openrtb.decode import decode
from openrtb.request import Request
from targeting.profiles import ProfileStore

EXPRESSIONS = {
    "context": {"country": ["USA"], "device_type": ["pc", "phone"], "not": {"category": ["IAB7"]}},
    "all parts": {
        "country": ["USA", "GBR"],
        "any": [
            {"audience": ["people0"], "page": ["*/articles/*"]},
            {"position": ["above_fold"], "connection": ["wifi"], "not": {"has_id": ["ifa"]}},
            {"radius": [{"lat": 40.7, "lon": -74.0, "km": 100}], "age": ["25-44"]},
        ],
        "not": {"keyword": ["casino"]},
    },
}


def prepare(folder: Path, count: int) -> None:
    """The catalogue, the profiles, the kept requests, and logs of bids of which a third was won."""
    world.write_audiences(folder)
    path = folder / "campaigns.yaml"
    path.write_text(yaml.dump(world.campaigns(10), Dumper=yaml.CSafeDumper))
    store = Store(f"sqlite:///{folder}/control.sqlite")
    store.migrate()
    import_file(store, path, profiles=folder / "profiles.lmdb")
    with store.read() as conn:
        snapshot = compile_snapshot(load(conn), time.time_ns())
    store.close()
    (folder / "snapshot").write_bytes(msgpack(snapshot))
    draw, clock = random.Random(3), SystemClock()
    sample = RequestSample()
    files, request = SampleFiles(folder / "requests", 0, sample, clock, 24 * count), Request()
    seller = View(snapshot, Leases()).sellers["usx"]
    for number in range(count):
        body = json.dumps(world.request(draw, number), separators=(",", ":")).encode()
        decode(request, body, seller.exchange, clock.now_ns())
        if request.signals:
            request.forget_person()
        sample.look(request, seller, body)
        if not number % 1_000:
            files.write()
    files.write()
    write_logs(folder, snapshot, draw)


def msgpack(snapshot: Snapshot) -> bytes:
    import msgspec

    return msgspec.msgpack.encode(snapshot)


def write_logs(folder: Path, snapshot: Snapshot, draw: random.Random) -> None:
    bids, money = (LogWriter(folder / "log" / name / "0", sync_s=1.0) for name in ("bids", "money"))
    creative, at = snapshot.creatives[0].id, time.time_ns() - 3600 * 10**9
    exchange = snapshot.exchanges[0].id
    for number in range(150_000):
        price = int(10**6 * draw.uniform(0.2, 5))
        place = (exchange, 1, 1, 1, creative, 0, 5)
        bids.append(encode(Bid(at, number, 0, f"a{number}", *place, 7, price, 1, "USD", 300, 250, "USA", 2, False)))
        others = int(10**6 * draw.lognormvariate(0.8, 0.6))
        won = others < price
        kind, marks = (Kind.BILLING, Mark.FIRST) if won else (Kind.LOSS, Mark(0))
        told = (others, 0, 0) if won else (0, 102, 0)
        money.append(encode(Notice(kind, at, marks, number, 0, at, *place, 7, 3, 1, price, Kind.BILLING, *told)))
        if not number % 1_000:
            time.sleep(0.01)
    bids.close()
    money.close()


def ask(folder: Path, name: str) -> tuple[Reach, float]:
    """The forecast as `outbid reach` makes it, but for asking control for the snapshot."""
    import msgspec

    began = time.perf_counter()
    snapshot = msgspec.msgpack.decode((folder / "snapshot").read_bytes(), type=Snapshot)
    owner = next(advertiser for advertiser in snapshot.advertisers if advertiser.key == "bank0")
    now_ns = time.time_ns()
    targeting = read_targeting(EXPRESSIONS[name], owner, snapshot)
    with ProfileStore(folder / "profiles.lmdb", readonly=True) as store:
        chain = Chain([GeoModule(), DeviceModule(), ProfileModule(store.reader())])
        strata = read_sample(folder, now_ns)
        market = read_market(folder, snapshot, now_ns)
        found = forecast(strata, snapshot, owner, targeting, 2_500_000, chain, market)
    return found, time.perf_counter() - began


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[1] == "--ask":
        found, seconds = ask(Path(sys.argv[2]), sys.argv[3])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(
            json.dumps(
                [found.sampled, found.matching.value, found.impressions.value, seconds, time.process_time(), memory]
            )
        )
        return
    script = sys.argv[0]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    slowest, result = 0.0, {}
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        folder = Path(name)
        prepare(folder, asked.requests)
        for expression in EXPRESSIONS:
            for _ in range(asked.turns):
                began = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, script, "--ask", name, expression],
                    env=environment,
                    check=True,
                    capture_output=True,
                )
                whole = time.perf_counter() - began
                sampled, matching, impressions, seconds, cpu, memory = json.loads(done.stdout)
                print(
                    f"{expression}: {sampled} kept, {matching:.0f} match, {impressions:.0f} impressions, "
                    f"{seconds:.2f} s, {whole:.2f} s with the start of the process, {cpu:.2f} s of CPU, {memory} MB",
                    flush=True,
                )
                if whole > slowest:
                    slowest = whole
                    result = {
                        "bench": "reach", "requests": sampled, "seconds": round(seconds, 2),
                        "process_s": round(whole, 2), "cpu_s": round(cpu, 2), "memory_mb": memory,
                    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
