"""The credit service's API under load: one server process on one core, a compiled generator on the other.

Half of the calls are ``/v1/score`` of an applicant with 20 columns (boosted trees, with reasons), half of a person by
id, as the bidder asks. The model is learnt from made-up applicants with three families of monthly columns.
"""

import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONNECTIONS = 32
LAST_CORE = (os.cpu_count() or 1) - 1
TICKS = os.sysconf("SC_CLK_TCK")
REQUESTS = 10_000
MONTHS = 6


def api_figures(rate: int = 1_000, seconds: float = 10.0, turns: int = 3, people: int = 100_000) -> dict[str, Any]:
    """``api_p99_ms`` at ``rate`` calls a second (the median of the turns); ``api_rps``: as many as it answers when each
    of 32 connections sends the next call at once; of its core, what it used at the rate and what a call took.
    """
    from api.keys import KeyFile

    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        folder = Path(name)
        data = folder / "data"
        make_world(data / "credit", people)
        token, _ = KeyFile(data / "api-keys.json").add("bench", ["*"])
        port = _free_port()
        requests, binary = folder / "requests.bin", folder / "loadgen"
        write_requests(requests, token, port, people)
        subprocess.run(["cc", "-O2", "-o", binary, ROOT / "bench" / "rig" / "loadgen.c"], check=True)

        def drive(for_s: float, at: float) -> dict[str, float]:
            command = [str(binary), str(port), str(CONNECTIONS), str(for_s), str(at), str(requests)]
            done = subprocess.run(
                command, check=True, capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, {LAST_CORE})
            )
            told: dict[str, float] = json.loads(done.stdout)
            if told["errors"]:
                raise RuntimeError(f"{told['errors']} of {told['answers']} calls were refused")
            return told

        server = _serve(folder, port)
        try:
            drive(min(seconds, 2.0), 0)
            p99s, busy, rates, costs = [], [], [], []
            for _ in range(turns):
                before = _cpu_seconds(server.pid)
                told = drive(seconds, rate)
                worked = _cpu_seconds(server.pid) - before
                busy.append(worked / told["seconds"])
                costs.append(worked / told["answers"])
                p99s.append(told["p99_ms"])
                most = drive(min(seconds, 5.0), 0)
                rates.append(most["answers"] / most["seconds"])
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    print(
        f"api: {rate} calls/s: p99 {', '.join(f'{each:.2f}' for each in p99s)} ms, {100 * statistics.median(busy):.0f} "
        f"% of a core; at most {statistics.median(rates):.0f} calls/s",
        flush=True,
    )
    return {
        "api_p99_ms": round(statistics.median(p99s), 2),
        "api_rps": round(statistics.median(rates)),
        "api_rate": rate,
        "api_core_share": round(statistics.median(busy), 3),
        "api_cpu_us": round(1e6 * statistics.median(costs)),
    }


def make_world(root: Path, people: int) -> None:
    """A model in service, and a table of people."""
    import numpy as np

    from credit.artefact import save
    from credit.people import FILE, write_people
    from credit.table import of_records
    from credit.training import Settings, train

    rng = random.Random(5)
    records = []
    for _ in range(4_000):
        record = applicant(rng)
        z = -2.5 + 1.2 * record["late1"] + 2 * record["bill1"] / record["limit"]
        records.append({**record, "bad": int(rng.random() < 1 / (1 + 2.718281828 ** (2.0 - z)))})
    settings = Settings("bad", serve="boosted")
    trained = train(of_records(records, list(records[0])), settings, source="made up", now_ns=time.time_ns())
    save(root / "model", trained.model, {})
    keys = np.array([_key(person) for person in range(people)], np.uint64)
    write_people(root / FILE, keys, 600, 0.05, 0.5, int(time.time()))


def applicant(rng: random.Random) -> dict[str, float]:
    """One applicant's columns."""
    limit = rng.choice((10, 20, 50, 100, 200)) * 1000
    use = rng.random()
    made: dict[str, float] = {"limit": limit, "income": round(rng.lognormvariate(10, 0.5))}
    made |= {f"late{month}": min(int(rng.expovariate(1.2)), 6) for month in range(1, MONTHS + 1)}
    made |= {f"bill{month}": round(limit * use * rng.uniform(0.8, 1.1)) for month in range(1, MONTHS + 1)}
    made |= {f"paid{month}": round(limit * use * rng.uniform(0.0, 0.3)) for month in range(1, MONTHS + 1)}
    return made


def write_requests(path: Path, token: str, port: int, people: int) -> None:
    """Whole HTTP requests for `loadgen`."""
    rng = random.Random(9)
    with path.open("wb") as file:
        for number in range(REQUESTS):
            asked: dict[str, Any] = (
                {"applicant": applicant(rng)}
                if number % 2
                else {"subject": {"ids": [f"key:{_key(rng.randrange(people)):016x}"]}}
            )
            body = json.dumps(asked).encode()
            head = (
                f"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
            file.write((len(head) + len(body)).to_bytes(4, "little") + head + body)


def _serve(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "OUTBID_OUTBID_DATA_DIR": str(folder / "data"),
        "OUTBID_OUTBID_CREDIT_PORT": str(port),
    }  # fmt: skip
    command = [sys.executable, "-m", "cli.main", "credit", "serve"]
    log = (folder / "server.log").open("ab")
    server = subprocess.Popen(
        command, env=environment, stdout=log, stderr=log, preexec_fn=lambda: os.sched_setaffinity(0, {0})
    )
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError((folder / "server.log").read_text())
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).read()
            return server
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the credit service does not answer")


def _key(person: int) -> int:
    return (person + 1) * 0x9E3779B97F4A7C15 % (1 << 64)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
