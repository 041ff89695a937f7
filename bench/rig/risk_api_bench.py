"""The risk service's API under load: one server process on one core, a compiled generator on the other.

Half of the calls are ``/v1/score`` with all six scores, half ``/v1/decide`` by the example flow, each decision on disk
before it is answered; subjects have two ids and an address, and are known to graph, counters and lists.
"""

import json
import os
import random
import shutil
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
AGENT = "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile"


def api_figures(rate: int = 2_000, seconds: float = 10.0, turns: int = 3, people: int = 100_000) -> dict[str, Any]:
    """``api_p99_ms`` at ``rate`` calls a second (the median of the turns), ``api_rps``: as many as it answers when each
    of 32 connections sends the next call at once; and how much of its core it used at the rate.
    """
    from api.keys import KeyFile

    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        folder = Path(name)
        make_world(folder / "data" / "risk", people)
        token, _ = KeyFile(folder / "data" / "api-keys.json").add("bench", ["*"])
        port = _free_port()
        requests = folder / "requests.bin"
        size = write_requests(requests, token, port, people, 20_000)
        binary = folder / "loadgen"
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
            p99s, p50s, busy, each, rates = [], [], [], [], []
            for _ in range(turns):
                before = _cpu_seconds(server.pid)
                told = drive(seconds, rate)
                used = _cpu_seconds(server.pid) - before
                busy.append(used / told["seconds"])
                each.append(1e6 * used / told["answers"])
                p99s.append(told["p99_ms"])
                p50s.append(told["p50_ms"])
                most = drive(min(seconds, 5.0), 0)
                rates.append(most["answers"] / most["seconds"])
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    print(
        f"api: {rate} calls/s, {size:.0f} bytes each: p50 {statistics.median(p50s):.2f} ms, p99 "
        f"{', '.join(f'{one:.2f}' for one in p99s)} ms, {100 * statistics.median(busy):.0f} % of a core, "
        f"{statistics.median(each):.0f} us of processor a call; at most {statistics.median(rates):.0f} calls/s",
        flush=True,
    )
    return {
        "api_p99_ms": round(statistics.median(p99s), 2),
        "api_rps": round(statistics.median(rates)),
        "api_rate": rate,
        "api_core_share": round(statistics.median(busy), 3),
    }


def make_world(root: Path, people: int) -> None:
    """Devices, phones and addresses of as many people, some of them shared, some known fraud; a flow."""
    from domain.naming import person_key
    from risk.counters import Counters, Event
    from risk.graph import Edge, Graph
    from risk.graph_kinds import DEVICE, IP, PHONE

    rng = random.Random(8)
    now_s = int(time.time())
    (root / "flows").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "risk-flow.yaml", root / "flows")
    edges, devices = [], []
    counters = Counters.open(_made(root / "counters"))
    for person in range(people):
        device, phone = person_key("ifa", _ifa(person)), person_key("phone_sha256", _phone(person))
        ip = person_key("ip", _ip(person))
        devices.append(device)
        edges += [Edge(device, phone, DEVICE, PHONE), Edge(device, ip, DEVICE, IP)]
        name = rng.choice(("click", "install", "application", "loan_view"))
        ids = (("ifa", device), ("phone_sha256", phone))
        counters.observe(Event(name, now_s - rng.randrange(80_000), ids, ip, rng.randrange(1, 9)))  # type: ignore[arg-type]
    counters.close()
    with Graph.open(root / "graph", owner=True) as graph:
        graph.add(edges)
        for device in rng.sample(devices, people // 100):
            graph.label(device, True, DEVICE)


def write_requests(path: Path, token: str, port: int, people: int, count: int) -> float:
    """Whole HTTP requests for `loadgen`; returns the mean size of their bodies."""
    rng, total = random.Random(9), 0
    with path.open("wb") as file:
        for number in range(count):
            person = rng.randrange(people)
            subject = {
                "ids": [f"ifa:{_ifa(person)}", f"phone_sha256:{_phone(person)}"],
                "ip": _ip(person),
                "user_agent": AGENT,
                "device": {"os": "android", "emulator": False},
            }
            what, told = ("decide", {"flow": "instalments", "facts": {"amount": 4000}}) if number % 2 else ("score", {})
            body = json.dumps({"subject": subject, **told}).encode()
            head = (
                f"POST /v1/{what} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
            file.write((len(head) + len(body)).to_bytes(4, "little") + head + body)
            total += len(body)
    return total / count


def _serve(folder: Path, port: int) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "OUTBID_OUTBID_DATA_DIR": str(folder / "data"),
        "OUTBID_OUTBID_RISK_PORT": str(port),
    }  # fmt: skip
    command = [sys.executable, "-m", "cli.main", "risk", "serve"]
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
    raise RuntimeError("the risk service does not answer")


def _ifa(person: int) -> str:
    return f"{(person + 1) * 0x9E3779B97F4A7C15 % (1 << 128):032x}"


def _phone(person: int) -> str:
    return f"{(person * 0xD1B54A32D192ED03 + 7) % (1 << 256):064x}"


def _ip(person: int) -> str:
    """Three people an address."""
    at = person // 3
    return f"10.{at >> 16 & 255}.{at >> 8 & 255}.{at & 255}"


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
