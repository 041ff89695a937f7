"""What a bidder gains by learning from its own logs, where the truth is known: the simulator's hidden model of clicks.

In each of several worlds a day is bid with the base rate for a prediction. What was logged goes into an analytics
store and comes out of it as rows; a model is made of them, judged, and put in service; then the next day is bid. Regret
is what the best advertisement at its true value would have gained of all impressions on offer, less what was gained, by
true chances. Calibration is told by the truth, too: in each tenth of what was shown, in the order of what was promised,
the mean promise over the mean true chance.

The last line is the result as JSON.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

CLICK_RATE, CLICK_VALUE = 0.05, 0.024
"""Of the hidden model; units of currency, so that about a third of the impressions are worth what they cost."""


def one_world(seed: int, requests: int, model: Any) -> dict[str, Any]:
    """A day, a training, another day."""
    from rig.learning_world import DAY_NS, START_NS, LearningWorld

    from cli.training_job import train_settings
    from prediction.features import BID
    from prediction.training import train
    from reporting.training_rows import click_rows

    began = time.process_time()
    world = LearningWorld(seed, CLICK_RATE, CLICK_VALUE)
    before = list(world.day(0, requests))
    told = from_store(world.events(), START_NS, START_NS + DAY_NS, len(BID.features))
    rows = click_rows(told, BID)
    trained = time.process_time()
    made = train(BID, rows, train_settings(rows, model, 0.15))
    trained = time.process_time() - trained
    world.predict_by(made.model, 1)
    after = list(world.day(1, requests))
    regret = [sum(one.best - one.gained for one in day) / sum(one.best for one in day) for day in (before, after)]
    shown = sorted((one.promised, one.true) for one in after if one.true)
    tenths = [shown[len(shown) * part // 10 : len(shown) * (part + 1) // 10] for part in range(10)]
    ratios = [sum(p for p, _ in tenth) / sum(t for _, t in tenth) for tenth in tenths]
    return {
        "seed": seed,
        "rows": len(rows),
        "clicks": int(rows.label.sum()),
        "regret_least": sum(one.best - one.known for one in after) / sum(one.best for one in after),
        "regret_before": regret[0],
        "regret_after": regret[1],
        "fall": 1 - regret[1] / regret[0],
        "gained_before": sum(one.gained for one in before) / 1e9,
        "gained_after": sum(one.gained for one in after) / 1e9,
        "calibration": ratios,
        "auc": made.judgement.metrics.auc,
        "ece": made.judgement.metrics.ece,
        "ece_null": made.judgement.metrics.ece_null,
        "train_cpu_s": trained,
        "cpu_s": time.process_time() - began,
    }


def from_store(events: list[Any], from_ns: int, to_ns: int, features: int) -> Any:
    """What was logged, put into an analytics store of its own and read as training reads it."""
    import io

    from domain.events import encode
    from reporting.rows import blocks
    from reporting.store import migrate, open_store
    from reporting.training import Wanted, pieces, plan
    from reporting.training_rows import Outcomes, joined, read

    folder = Path(tempfile.mkdtemp(prefix="learning-"))
    store = open_store("chdb", folder, owner="bench")
    try:
        migrate(store)
        for first in range(0, len(events), 50_000):
            for block in blocks([encode(event) for event in events[first : first + 50_000]], store.dialect).blocks:
                store.send(block, f"learning:{first}:{block.table.name}:{block.day}")
        parts: list[Outcomes] = []
        for stretch in plan(store, Wanted("ctr", from_ns, to_ns, features, 1.0, "")):
            wanted = Wanted("ctr", stretch.from_ns, stretch.to_ns, features, 1.0, "")
            parts += read(io.BytesIO(b"".join(pieces(store, wanted))), features)
        return joined(parts, features)
    finally:
        store.close()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=250_000, help="bid requests of a day")
    parser.add_argument("--model", choices=("lr", "ffm", "trees", "blend"), default="lr")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one is not None:
        print(json.dumps(one_world(asked.one, asked.requests, asked.model)))
        return
    found = []
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        # a process a world: the store's engine keeps to one directory
        arguments = ("--one", str(seed), "--requests", str(asked.requests), "--model", asked.model)
        done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
        world = json.loads(done.stdout.splitlines()[-1])
        found.append(world)
        print(
            f"world {seed}: {world['rows']} impressions, {world['clicks']} clicks; regret {world['regret_before']:.3f} "
            f"-> {world['regret_after']:.3f} (at least {world['regret_least']:.3f}), {world['fall']:.1%} less; AUC "
            f"{world['auc']:.3f}; calibration " + " ".join(f"{ratio:.2f}" for ratio in world["calibration"]),
            flush=True,
        )
    falls = [world["fall"] for world in found]
    pooled = [statistics.geometric_mean(world["calibration"][part] for world in found) for part in range(10)]
    print(
        json.dumps(
            {
                "bench": "learning",
                "seeds": len(found),
                "requests": asked.requests,
                "fall": [round(fall, 4) for fall in falls],
                "fall_mean": round(statistics.fmean(falls), 4),
                "fall_least": round(min(falls), 4),
                "fall_possible": round(
                    statistics.fmean(1 - world["regret_least"] / world["regret_before"] for world in found), 4
                ),
                "calibration": [round(ratio, 4) for ratio in pooled],
                "calibration_furthest": round(
                    max(abs(ratio - 1) for world in found for ratio in world["calibration"]), 4
                ),
                "worlds_calibrated": sum(
                    all(abs(ratio - 1) <= 0.1 for ratio in world["calibration"]) for world in found
                ),
                "cpu_s": round(sum(world["cpu_s"] for world in found), 1),
            }
        )
    )


if __name__ == "__main__":
    main()
