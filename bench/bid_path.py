"""The bid path on one core, as a ratio to an echo of the same stack in the same run.

A real bidder worker (pinned to one core), real control with leases, logging on, all rules on, 1,000 line items, 100,000
profiles, 12,000 distinct requests, one snapshot swap in the middle; the load comes from a compiled generator on the
other core. What counts is requests per second of the server's own processor time, so a busy machine does not decide.
Echo and bidder take turns, and the medians are compared. p50 and p99 are taken at 70 % of the highest rate, from due
time to answer.

The last line is the result as JSON.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import yaml
from rig import world

sys.path.insert(0, str(Path(__file__).parents[1]))
from rig import click_model

HERE = Path(__file__).parent
PYTHON = sys.executable
CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")
LAST_CORE = (os.cpu_count() or 1) - 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            sys.exit(f"{process.args!r} ended with status {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1).read()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing answers at {url}")


class Load:
    """The compiled generator."""

    def __init__(self, folder: Path) -> None:
        self.binary = folder / "loadgen"
        subprocess.run(["cc", "-O2", "-o", self.binary, HERE / "rig" / "loadgen.c"], check=True)
        self.cpu = 0.0

    def drive(self, port: int, seconds: float, requests: Path, rate: float = 0) -> dict[str, float]:
        command = [str(self.binary), str(port), str(CONNECTIONS), str(seconds), str(rate), str(requests)]
        done = subprocess.run(command, check=True, capture_output=True, preexec_fn=lambda: pin(LAST_CORE))
        result: dict[str, float] = json.loads(done.stdout)
        self.cpu = result["cpu_s"] / result["seconds"]
        return result


def pin(core: int) -> None:
    os.sched_setaffinity(0, {core})


def pin_behind(core: int) -> None:
    """Beside the generator, but behind it: whoever waits for its turn there must not count as the bidder's latency."""
    pin(core)
    os.nice(15)


def start(command: list[str], environment: dict[str, str], core: int, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        place = pin_behind if core == LAST_CORE else pin
        return subprocess.Popen(command, env=environment, stdout=out, stderr=out, preexec_fn=lambda: place(core))


def publish(folder: Path, environment: dict[str, str], line_items: int, bid_step: float, predict: bool) -> None:
    """Imports the campaigns, as a marketer would."""
    path = folder / "campaigns.yaml"
    path.write_text(yaml.dump(world.campaigns(line_items, bid_step, predict), Dumper=yaml.CSafeDumper))
    command = [PYTHON, "-m", "cli.main", "campaigns", "import", str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, preexec_fn=lambda: pin(LAST_CORE))
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, object]:
    ports = {name: free_port() for name in ("bidder", "tracker", "control", "reporter", "echo")}
    environment = {
        **os.environ, "PYTHONPATH": str(HERE.parent), "OUTBID_OUTBID_DATA_DIR": str(folder / "data"),
        **{f"OUTBID_OUTBID_{name.upper()}_PORT": str(port) for name, port in ports.items() if name != "echo"},
    }  # fmt: skip
    log = folder / "processes.log"
    print(f"making {asked.line_items} line items, {world.PEOPLE} people, 12,000 requests …", flush=True)
    world.write_audiences(folder)
    publish(folder, environment, asked.line_items, 0.0, asked.predict)
    if asked.predict:
        click_model.promote(folder / "data")
    requests = folder / "requests.bin"
    size = world.write_requests(requests, ports["bidder"])
    load = Load(folder)
    running = []
    try:
        control = start([PYTHON, "-m", "cli.main", "control"], environment, LAST_CORE, log)
        running.append(control)
        wait_for(f"http://127.0.0.1:{ports['control']}/health", control)
        bidder = start([PYTHON, "-m", "cli.main", "bidder"], environment, 0, log)
        running.append(bidder)
        wait_for(f"http://127.0.0.1:{ports['bidder']}/health", bidder)
        time.sleep(1.0)  # leases
        warm = load.drive(ports["bidder"], 2.0, requests)
        answer = asked.answer_bytes
        echo = start([PYTHON, str(HERE / "rig" / "echo.py"), str(ports["echo"]), str(answer)], environment, 0, log)
        running.append(echo)
        time.sleep(0.5)
        load.drive(ports["echo"], 0.5, requests)
        print(
            f"request bodies of {size} bytes; warm-up: {warm['answers'] / warm['seconds']:.0f} requests/s", flush=True
        )

        rates: dict[str, list[float]] = {"echo": [], "bidder": []}
        walls, bids, no_bids, errors = [], 0.0, 0.0, 0.0
        for turn in range(asked.turns):
            for name, process in (("echo", echo), ("bidder", bidder)):
                swap = None
                if name == "bidder" and turn == asked.turns // 2:  # the swap falls into this run
                    swap = subprocess.Popen(
                        [PYTHON, str(Path(__file__)), "--publish", str(folder), str(asked.line_items)]
                        + ["--predict"] * asked.predict,
                        env=environment,
                        preexec_fn=lambda: pin(LAST_CORE),
                    )
                before = cpu_seconds(process.pid)
                result = load.drive(ports[name], asked.seconds, requests)
                rates[name].append(result["answers"] / (cpu_seconds(process.pid) - before))
                if name == "bidder":
                    walls.append(result["answers"] / result["seconds"])
                    bids, no_bids = bids + result["bids"], no_bids + result["no_bids"]
                    errors += result["errors"]
                if swap is not None and swap.wait():
                    sys.exit("the snapshot swap failed")
            print(
                f"turn {turn + 1}: echo {rates['echo'][-1]:.0f}, bidder {rates['bidder'][-1]:.0f} per CPU second",
                flush=True,
            )
        late = load.drive(ports["bidder"], asked.seconds, requests, rate=0.7 * statistics.median(walls))
        if errors or late["errors"]:
            sys.exit(f"{errors + late['errors']:.0f} answers were errors; the log is {log}")
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{ports['bidder']}/metrics").read().decode()
        print(metrics)
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(timeout=20)
        if asked.keep_log:
            print(log.read_text()[-4000:])
    echo_rps, rps = statistics.median(rates["echo"]), statistics.median(rates["bidder"])
    return {
        "bench": "bid_path", "echo_rps": round(echo_rps), "rps": round(rps), "ratio": round(rps / echo_rps, 3),
        "p50_ms": late["p50_ms"], "p99_ms": late["p99_ms"], "bid_rate": round(bids / (bids + no_bids), 3),
        "line_items": asked.line_items, "profiles": world.PEOPLE, "predicted": predicted(metrics),
        "generator_cpu": round(load.cpu, 2),
    }  # fmt: skip


def predicted(metrics: str) -> float:
    """Pairs of impression and creative that were predicted, a request."""
    sums = dict.fromkeys(("outbid_bidder_predicted_total", "outbid_bidder_requests_total"), 0.0)
    for line in metrics.splitlines():
        name = line.partition("{")[0]
        if name in sums:
            sums[name] += float(line.rsplit(" ", 1)[1])
    pairs, requests = sums.values()
    return round(pairs / requests, 2) if requests else 0.0


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] == "--publish":
        publish(Path(sys.argv[2]), dict(os.environ), int(sys.argv[3]), 0.01, "--predict" in sys.argv)
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--line-items", type=int, default=1_000)
    parser.add_argument("--turns", type=int, default=5, help="turns of echo and bidder")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run")
    parser.add_argument("--answer-bytes", type=int, default=2_300, help="size of the echo's answer: a bid's")
    parser.add_argument(
        "--predict", action="store_true", help="line items pay for clicks, and a model says how likely they are"
    )
    parser.add_argument("--keep-log", action="store_true", help="print the end of the processes' log")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as folder:
        print(json.dumps(measure(asked, Path(folder))))


if __name__ == "__main__":
    main()
