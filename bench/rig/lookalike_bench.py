"""How long an audience of lookalikes takes on a million profiles, and how much memory: two passes over the store.

The people are made of an appetite that nobody sees: it shows in their visits, scores, memberships and conversions, and
in who is of the seed, 2 % of them. The audience has 50,000. It is timed in a process of its own. ``lift`` is that of
the audience, ``true_lift`` what the appetite says of those who were chosen; ``memory_mb`` the most that was allocated,
the store's own pages not counted.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from domain.person import conversion_kind, score_id
from targeting.lookalike import find
from targeting.lookalike_plan import Plan
from targeting.profiles import ProfileStore
from targeting.record import NEVER, Conversions, Scored, Standing, advertiser_scope
from targeting.unpacked import Record, pack

NOW_S = 1_795_521_600
OWNER, SEED, LISTS = 7, 1, range(2, 42)
SIZE = 50_000
PLAN = Plan(OWNER, {audience: f"list{audience}" for audience in LISTS}, conversions=("lead",))


def prepare(folder: Path, people: int) -> None:
    """Writes the profiles, and each one's odds to be of the seed."""
    draw = np.random.default_rng(3)
    keys = np.unique(draw.integers(0, 1 << 64, people, np.uint64))
    appetites = draw.normal(0, 1, len(keys))
    chances = np.minimum(0.9, 0.02 * np.exp(appetites - 0.5))
    np.savez(folder / "truth.npz", keys=keys, odds=chances / (1 - chances))
    with ProfileStore(folder / "profiles.lmdb", sync=False) as store:
        for start in range(0, len(keys), 50_000):
            places = range(start, min(start + 50_000, len(keys)))
            items = [(int(keys[n]).to_bytes(8, "big"), pack(_record(draw, appetites[n], chances[n]))) for n in places]
            with store.write() as txn, txn.cursor(db=store.profiles) as cursor:
                cursor.putmulti(items, append=True)


def _record(draw: np.random.Generator, appetite: float, chance: float) -> Record:
    luck = draw.random(8)
    record = Record({int(audience): NEVER for audience in draw.choice(LISTS, 5, replace=False)})
    if luck[0] < chance:
        record.segments[SEED] = NEVER
    if luck[1] < 0.3 + 0.2 * appetite:
        record.segments[2] = NEVER
    record.scores[score_id("credit")] = Scored(int(np.clip(600 + 80 * appetite + 60 * draw.normal(), 300, 900)), 5)
    if luck[2] < 0.25 + 0.1 * appetite:
        visited = NOW_S - int(luck[3] * 60 * 86_400)
        record.relations[OWNER] = Standing(int(luck[4] * 4), NOW_S - 86_400, visited, NOW_S - 3_600, 0)
        record.shown[advertiser_scope(OWNER)] = [NOW_S - 3_600 - n for n in range(int(luck[5] * 9), -1, -1)]
    if luck[6] < 0.03 + 0.02 * appetite:
        record.conversions[conversion_kind(OWNER, "lead")] = Conversions(NOW_S - 86_400, 1)
    return record


def make(folder: Path) -> dict[str, object]:
    """As `outbid audiences lookalike` does it."""
    began, memory = time.perf_counter(), 0

    def watch(read: int) -> None:
        nonlocal memory
        memory = max(memory, allocated_mb())

    with ProfileStore(folder / "profiles.lmdb") as store:
        found = find(store, PLAN.features(), lambda live: SEED in live, SIZE, NOW_S, progress=watch)
        modelled = time.perf_counter() - began
        store.replace_audience(1_000, found.persons, NOW_S + 30 * 86_400)
    written = time.perf_counter() - began - modelled
    truth = np.load(folder / "truth.npz")
    odds = dict(zip(truth["keys"].tolist(), truth["odds"].tolist(), strict=True))
    chances = truth["odds"] / (1 + truth["odds"])
    of_others = chances.sum() / (1 - chances).sum()  # the mean odds of those who are not of the seed
    true_lift = float(np.mean([odds[person] for person in found.persons]) / of_others)
    return {
        "people": found.seeds + found.others, "seeds": found.seeds, "size": len(found.persons),
        "model_s": round(modelled, 1), "write_s": round(written, 1), "lift": round(found.chosen.lift, 2),
        "plus_minus": round(found.chosen.plus_minus, 2), "true_lift": round(true_lift, 2), "memory_mb": memory,
        "curve": [f"{p.share:7.1%}{p.found:8.1%}{p.lift:7.2f} ± {p.plus_minus:.2f}" for p in found.curve],
    }  # fmt: skip


def allocated_mb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("RssAnon"))) >> 10


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[1] == "--make":
        made = make(Path(sys.argv[2]))
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps(made | {"cpu_s": round(used.ru_utime + used.ru_stime, 1)}))
        return
    script = sys.argv[0]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profiles", type=int, default=1_000_000)
    asked = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as name:
        prepare(Path(name), asked.profiles)
        command = [sys.executable, script, "--make", name]
        done = subprocess.run(command, env=environment, check=True, capture_output=True)
        result = json.loads(done.stdout)
        print("\n".join(result.pop("curve")))
        print(json.dumps({"bench": "lookalike", **result}))


if __name__ == "__main__":
    main()
