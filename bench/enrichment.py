"""Risk and credit in the bid: what they cost where nothing is waited for, and how long bids take where both services
are asked over HTTP.

The first part decides requests in this process, without rules, with rules on scores in profiles, and with rules on
tables and lists of a million people each; the figures are what a request costs more, in processor time. The second
starts a bidder worker and two services (aiohttp on uvloop) on one core, and drives the worker with requests about ever
other people from a compiled generator on the other core; latencies count from the moment at which a request was due.
Beside it, for comparison: a worker that remembers its answers, asked about a thousand people, and one that asks
nobody.

The last line is the result as JSON.
"""

import argparse
import json
import os
import random
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from rig.enrichment_worker import RULES

from bidder.config import CreditModuleSettings, RiskModuleSettings
from bidder.enrichment.tables import Tables
from bidder.worth import Worth
from cython_ext.key_table import write_key_table
from domain.clock import SystemClock
from domain.naming import person_key
from domain.person import score_id
from risk.list_reading import ListFile
from risk.list_writer import Import, ListWriter
from targeting.addresses import read_range
from targeting.record import Scored
from tests.auction_table import Table, snapshot

HERE = Path(__file__).parent
LAST_CORE = (os.cpu_count() or 1) - 1
CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")
REQUEST: dict[str, Any] = json.loads((HERE.parent / "tests" / "golden" / "request.json").read_text())


def ifa(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-{number * 7919 % 2**48:012x}"


def body(number: int) -> bytes:
    device = {**REQUEST["device"], "ifa": ifa(number), "ip": f"198.51.{number // 250 % 100}.{number % 250 + 1}"}
    told = {key: value for key, value in REQUEST.items() if key != "user"}
    return json.dumps({**told, "id": f"auction-{number}", "device": device}).encode()


def local_figures(people: int, requests: int, turns: int) -> dict[str, float]:
    """Microseconds that a request costs more by rules on what is here."""
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        data = Path(name)
        bodies = [body(number) for number in random.Random(1).sample(range(people), requests)]
        tables = {"bare": Table(), "profile": asking(RULES), "in_process": asking(RULES)}
        tables["no_lists"] = asking({name: limit for name, limit in RULES.items() if name != "block_listed"})
        for number in range(people):
            scores = {score_id(each): Scored(number % 900, 1) for each in ("fraud", "pd_ppm")}
            if number < 50_000:  # so many are enough: those of the others cost what nobody's cost
                tables["profile"].people.put(f"ifa:{ifa(number)}", {}, {}, scores=scores)
        keys = np.array([person_key("ifa", ifa(number)) for number in range(people)], np.uint64)
        for kind, row in (
            ("risk", struct.pack("<HHHHI", 5, 5, 0, 0, 1)),
            ("credit", struct.pack("<HHffI", 700, 0, 0.02, 0.5, 1)),
        ):
            (data / kind).mkdir()
            write_key_table(str(data / kind / "people.table"), keys, row * people, len(row))
        blacken(data / "risk" / "lists", people)
        for each in ("in_process", "no_lists"):
            tables[each].auction.worth = Worth("in_process", "in_process")
            Tables(tables[each].auction.worth, RiskModuleSettings(), CreditModuleSettings(), data).look()
        took: dict[str, list[float]] = {each: [] for each in tables}
        for turn in range(turns + 1):
            for each, table in tables.items():
                seller, view, decide = table.view.sellers["usx"], table.view, table.auction.decide
                table.log.clear()
                began = time.process_time_ns()
                for one in bodies:
                    decide(one, seller, view)
                if turn:  # the first one warms up
                    took[each].append((time.process_time_ns() - began) / 1e3 / len(bodies))
        bare = statistics.median(took["bare"])
        print(", ".join(f"{each}: {statistics.median(us):.2f} µs a request" for each, us in took.items()), flush=True)
        return {
            f"{each}_us": round(statistics.median(took[each]) - bare, 2)
            for each in ("profile", "no_lists", "in_process")
        }


def asking(rules: dict[str, Any]) -> Table:
    return Table(snapshot({"line_items[0]": {"risk": rules}}))


def blacken(directory: Path, people: int) -> None:
    """A black list of as many others, and a range of addresses."""
    keys = np.random.default_rng(5).integers(1, 1 << 64, people, np.uint64)
    for_all = np.broadcast_to(np.int32(0), people)
    told = ("fraud", "bench", 0)
    ranges = {read_range("203.0.113.0/24"): told}
    read = ListFile(keys, for_all, [told], ranges, people)
    order = Import("black", "", "add", "bench", "ids.txt", "fraud", "bench")
    ListWriter(directory, SystemClock()).import_file(order, read)


def remote_figures(rate: int, seconds: float, turns: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        folder = Path(name)
        ports = dict(zip(("risk", "credit", "bidder", "cached", "bare"), free_ports(5), strict=True))
        binary = folder / "loadgen"
        subprocess.run(["cc", "-O2", "-o", binary, HERE / "rig" / "loadgen.c"], check=True)
        running = [start("scoring_server.py", ports[kind], kind) for kind in ("risk", "credit")]
        try:
            for kind in ("risk", "credit"):
                wait_for(ports[kind])
            workers = {}
            for kind, cache_s, asked in (("bidder", 0, True), ("cached", 60, True), ("bare", 0, False)):
                services = (ports["risk"], ports["credit"]) if asked else (0, 0)
                workers[kind] = start("enrichment_worker.py", ports[kind], cache_s, *services)
                running.append(workers[kind])
                wait_for(ports[kind])
            found: dict[str, list[dict[str, float]]] = {kind: [] for kind in workers}
            for kind, worker in workers.items():
                requests = folder / f"{kind}.bin"
                write_requests(requests, ports[kind], 1_000 if kind == "cached" else 20_000)
                for turn in range(turns + 1):
                    before = cpu_seconds(worker.pid)
                    told = drive(binary, ports[kind], seconds if turn else 2.0, rate, requests)
                    told["core_share"] = (cpu_seconds(worker.pid) - before) / told["seconds"]
                    if turn:
                        found[kind].append(told)
            ended = questions(ports["bidder"])
        finally:
            for process in running:
                process.kill()
                process.wait()
    for kind, runs in found.items():
        p99s = ", ".join(f"{run['p99_ms']:.2f}" for run in runs)
        bids = sum(run["bids"] for run in runs) / sum(run["answers"] for run in runs)
        core, p50 = median(runs, "core_share"), median(runs, "p50_ms")
        print(f"{kind}: {rate} requests/s, p50 {p50:.2f} ms, p99 {p99s} ms, {core:.2f} of a core, {bids:.2%} bids")
    print(f"questions: {ended}", flush=True)
    return {
        "remote_p50_ms": median(found["bidder"], "p50_ms"),
        "remote_p99_ms": median(found["bidder"], "p99_ms"),
        "cached_p99_ms": median(found["cached"], "p99_ms"),
        "bare_p99_ms": median(found["bare"], "p99_ms"),
        "answered_share": round(ended.get("answered", 0) / max(1, sum(ended.values())), 5),
        "core_share": round(median(found["bidder"], "core_share"), 3),
        "bare_core_share": round(median(found["bare"], "core_share"), 3),
    }


def median(runs: list[dict[str, float]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def write_requests(path: Path, port: int, count: int) -> None:
    with path.open("wb") as file:
        for number in range(count):
            text = body(number)
            head = (
                f"POST /openrtb2/usx HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(text)}\r\n\r\n".encode()
            )
            file.write((len(head) + len(text)).to_bytes(4, "little") + head + text)


def questions(port: int) -> dict[str, int]:
    """How the worker's questions ended."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    ended: dict[str, int] = {}
    for how, count in re.findall(r'module_questions_total\{.*?ended="(\w+)"\} (\d+)', text):
        ended[how] = ended.get(how, 0) + int(count)
    return ended


def drive(binary: Path, port: int, seconds: float, rate: int, requests: Path) -> dict[str, float]:
    command = [str(binary), str(port), str(CONNECTIONS), str(seconds), str(rate), str(requests)]
    done = subprocess.run(
        command, check=True, capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, {LAST_CORE})
    )
    told: dict[str, float] = json.loads(done.stdout)
    if told["errors"]:
        sys.exit(f"{told['errors']} of {told['answers']} requests failed")
    return told


def start(script: str, *arguments: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(HERE / "rig" / script), *map(str, arguments)]
    return subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, {0}))


def wait_for(port: int) -> None:
    import socket

    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on {port}")


def free_ports(count: int) -> list[int]:
    import socket

    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    local = local_figures(asked.people, asked.requests, asked.turns)
    remote = remote_figures(asked.rate, asked.seconds, asked.turns)
    print(json.dumps({"bench": "enrichment", **local, "remote_rps": asked.rate, **remote}))


if __name__ == "__main__":
    main()
