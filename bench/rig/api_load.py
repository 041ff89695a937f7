"""An API of ours under load: one server process on one core, a compiled generator on the other."""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CONNECTIONS = 32
LAST_CORE = (os.cpu_count() or 1) - 1
TICKS = os.sysconf("SC_CLK_TCK")

Question = tuple[str, dict[str, Any]]
"""What is asked under ``/v1``, and the body."""


def api_figures(
    service: str, world: Callable[[Path], None], questions: Iterable[Question], rate: int, seconds: float, turns: int
) -> dict[str, Any]:
    """``api_p99_ms`` at ``rate`` calls a second (the median of the turns), ``api_rps``: as many as it answers when each
    of 32 connections sends the next call at once; of its core what it used at the rate, and what a call took.

    ``service``: of the command line's; ``world`` fills its directory.
    """
    from api.keys import KeyFile

    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        folder = Path(name)
        world(folder / "data" / service)
        token, _ = KeyFile(folder / "data" / "api-keys.json").add("bench", ["*"])
        port = _free_port()
        requests, binary = folder / "requests.bin", folder / "loadgen"
        size = _write(requests, token, port, questions)
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

        server = _serve(service, folder, port)
        try:
            drive(min(seconds, 2.0), 0)
            p50s, p99s, busy, costs, rates = [], [], [], [], []
            for _ in range(turns):
                before = _cpu_seconds(server.pid)
                told = drive(seconds, rate)
                worked = _cpu_seconds(server.pid) - before
                busy.append(worked / told["seconds"])
                costs.append(1e6 * worked / told["answers"])
                p50s.append(told["p50_ms"])
                p99s.append(told["p99_ms"])
                most = drive(min(seconds, 5.0), 0)
                rates.append(most["answers"] / most["seconds"])
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    print(
        f"api: {rate} calls/s, {size:.0f} bytes each: p50 {statistics.median(p50s):.2f} ms, p99 "
        f"{', '.join(f'{one:.2f}' for one in p99s)} ms, {100 * statistics.median(busy):.0f} % of a core, "
        f"{statistics.median(costs):.0f} us of processor a call; at most {statistics.median(rates):.0f} calls/s",
        flush=True,
    )
    return {
        "api_p99_ms": round(statistics.median(p99s), 2),
        "api_rps": round(statistics.median(rates)),
        "api_rate": rate,
        "api_core_share": round(statistics.median(busy), 3),
        "api_cpu_us": round(statistics.median(costs)),
    }


def _write(path: Path, token: str, port: int, questions: Iterable[Question]) -> float:
    """Whole HTTP requests for `loadgen`; returns the mean size of their bodies."""
    sizes = []
    with path.open("wb") as file:
        for what, asked in questions:
            body = json.dumps(asked).encode()
            head = (
                f"POST /v1/{what} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
            file.write((len(head) + len(body)).to_bytes(4, "little") + head + body)
            sizes.append(len(body))
    return statistics.mean(sizes)


def _serve(service: str, folder: Path, port: int) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "OUTBID_OUTBID_DATA_DIR": str(folder / "data"),
        f"OUTBID_OUTBID_{service.upper()}_PORT": str(port),
    }  # fmt: skip
    command = [sys.executable, "-m", "cli.main", service, "serve"]
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
    raise RuntimeError(f"the {service} service does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
