"""Bids held by many processes at once, some of them killed in the middle: at no instant more than are allowed."""

import random
import subprocess
import sys
import time
from pathlib import Path

from targeting.holds import Holds

ROOT = Path(__file__).parents[2]
MOST, KEYS, PROCESSES, SECONDS = 6, 3, 5, 2.5
WORKER = """
import os, random, sys, time
from pathlib import Path
from targeting.holds import Holds
folder, number, most, keys = Path(sys.argv[1]), *map(int, sys.argv[2:])
holds, draw, bid = Holds(folder / "table", 10_000), random.Random(number), number << 32
out = os.open(folder / f"log{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
print("ready", flush=True)
while True:
    bid, key = bid + 1, draw.randrange(1, keys + 1)
    ad = (bid & 0xFFFFFFFF, number, 0, 0)
    if len(holds.held(key)) >= most or not holds.hold(key, *ad, bid, 3600):
        continue
    if len(holds.held(key)) > most:
        holds.lose(key, bid)
        continue
    os.write(out, b"+ %d %d %d\\n" % (key, bid, time.monotonic_ns()))
    if draw.random() < 0.5:
        time.sleep(draw.random() * 0.001)
    os.write(out, b"- %d %d %d\\n" % (key, bid, time.monotonic_ns()))
    if draw.random() < 0.3:
        holds.show(key, *ad, bid)
    holds.counted(key, bid) if draw.random() < 0.3 else holds.lose(key, bid) or holds.counted(key, bid)
"""


def test_no_more_are_held_than_allowed_whoever_is_killed(tmp_path: Path) -> None:
    """What is held is logged after it was confirmed and before it is let go: so much is out for certain."""
    draw = random.Random(5)
    table = Holds(tmp_path / "table", 10_000)
    arguments = [str(MOST), str(KEYS)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), str(n), *arguments], cwd=ROOT, stdout=subprocess.PIPE
        )
        for n in range(1, PROCESSES + 1)
    ]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == b"ready\n"
    for place, worker in enumerate(workers):
        time.sleep(SECONDS / PROCESSES * (0.5 + draw.random()))
        worker.kill()
        worker.communicate()
        assert all(len(table.held(key)) <= MOST + len(workers) - place for key in range(1, KEYS + 1))
    steps: list[tuple[int, int, int]] = []
    confirmed = 0
    for number in range(1, PROCESSES + 1):
        lines = (tmp_path / f"log{number}").read_text().splitlines()
        confirmed += len(lines) // 2
        for line in lines:
            sign, key, _, at = line.split()
            steps.append((int(at), -1 if sign == "-" else 1, int(key)))
    out = dict.fromkeys(range(1, KEYS + 1), 0)
    for _, change, key in sorted(steps):
        out[key] += change
        assert out[key] <= MOST
    assert confirmed > 100
    time.sleep(0.01)  # what was counted just now is not missing from a record read from here on
    left = {key: len(table.held(key)) for key in out}
    assert all(out[key] <= left[key] <= out[key] + PROCESSES for key in out), (out, left)
    table.close()
