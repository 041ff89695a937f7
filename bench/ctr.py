"""How well clicks are predicted on public data, beside scikit-learn's, LightGBM's and Vowpal Wabbit's models.

Folds and seeds: every row is scored once a seed, by models that learnt from the other folds; all models see the same
folds. Ours are what `outbid train` makes (`prediction.training.fit`): "LR" and, as our best, "blend", which is named
beforehand and not picked by its result. Of theirs the best is the one with the highest mean AUC, picked afterwards. All
settings are chosen within the training rows.

``gain`` is the blend's AUC less the LR's, paired by fold; ``gain_low`` is the lower end of its 95 % interval (bootstrap
of runs), ``gain_low_corrected`` that of an interval which allows for folds that share training rows (Nadeau and Bengio,
2003). ``ece`` is the calibration error of the blend's scores, ``ece_null`` what a perfectly calibrated model's
stays below, 19 times in 20, on as many rows: both the mean of the seeds.

TalkingData's installs are predicted once, on the newest 30 % of the clicks, by a blend of the others: ``auc`` with its
95 % interval.

The last line is the result as JSON.
"""

import argparse
import json
import os
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from numpy.typing import NDArray
from rig.reference_models import families, tuned

from prediction.comparison import over_runs
from prediction.datasets.formats import dataset
from prediction.fitting.choices import Kind
from prediction.metrics import auc, measure
from prediction.rows import Rows, folds, joined, rows
from prediction.training import TrainSettings, fit, train

DATA = Path("/work/shared/data")
OURS: tuple[Kind, ...] = ("lr", "blend")

Scores = dict[str, NDArray[np.float64]]


class Job(NamedTuple):
    """A fold that is scored by models of the others."""

    name: str
    path: Path
    folds: int
    seed: int
    number: int
    theirs: bool


def read(name: str, path: Path) -> Rows:
    """All rows, without times: Criteo has none, and Avazu's are of one hour."""
    whole = joined(list(dataset(name, path)))
    return rows(whole.values, whole.label)


def run(job: Job) -> Scores:
    """Scores of one fold by every model that learnt from the others."""
    features, whole, seed = dataset(job.name, job.path).features, read(job.name, job.path), job.seed
    fold, number = folds(len(whole), job.folds, seed), job.number
    learnt, test = whole.take(fold != number), whole.take(fold == number)
    made: Scores = {}
    for kind in OURS:
        model, *_ = fit(features, learnt, TrainSettings(kind, seed=seed + 1))
        made[kind] = model.scores(test.values)
    if job.theirs:
        for other, settings in families(features).items():
            made[other] = tuned(settings, learnt, test, seed)
    return made


def judge(name: str, path: Path, jobs: list[Job], done: list[Scores]) -> dict[str, float]:
    """Prints what each model reaches, and returns the figures of the result."""
    label = read(name, path).label
    areas: dict[str, list[float]] = {model: [] for model in done[0]}
    whole: dict[int, NDArray[np.float64]] = {}
    for job, scores in zip(jobs, done, strict=True):
        tested = folds(len(label), job.folds, job.seed) == job.number
        for model, found in scores.items():
            areas[model].append(auc(label[tested], found))
        whole.setdefault(job.seed, np.empty(len(label)))[tested] = scores["blend"]
    for model, runs in sorted(areas.items(), key=lambda item: -float(np.mean(item[1]))):
        print(f"{name}: {model:28} AUC {np.mean(runs):.4f} (of {len(runs)} runs, {np.std(runs):.4f} apart)")
    gain = over_runs(areas["blend"], areas["lr"])
    corrected = over_runs(areas["blend"], areas["lr"], tested=1 / jobs[0].folds)
    metrics = [measure(label, scores) for scores in whole.values()]
    theirs = [float(np.mean(runs)) for model, runs in areas.items() if model not in OURS]
    figures = {
        "lr_auc": float(np.mean(areas["lr"])),
        "best_auc": float(np.mean(areas["blend"])),
        "theirs_best_auc": max(theirs, default=float("nan")),
        "gain": gain.value,
        "gain_low": gain.low,
        "gain_low_corrected": corrected.low,
        "ece": float(np.mean([each.ece for each in metrics])),
        "ece_null": float(np.mean([each.ece_null for each in metrics])),
        "logloss": float(np.mean([each.logloss for each in metrics])),
    }
    return {figure: round(value, 5) for figure, value in figures.items()}


def installs(path: Path) -> dict[str, float]:
    """Metrics of the newest 30 % of TalkingData's clicks."""
    reading = dataset("talkingdata", path)
    found = train(reading.features, joined(list(reading)), TrainSettings("blend", test_share=0.3, refit=False))
    metrics = found.judgement.metrics
    low, high = metrics.intervals["auc"]
    figures = {"auc": metrics.auc, "auc_low": low, "auc_high": high, "ece": metrics.ece, "ece_null": metrics.ece_null}
    return {figure: round(value, 5) for figure, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--criteo", type=Path, default=DATA / "criteo" / "train.tsv")
    parser.add_argument("--avazu", type=Path, default=DATA / "avazu" / "train.csv")
    parser.add_argument("--talkingdata", type=Path, default=DATA / "talkingdata" / "clicks.csv")
    parser.add_argument("--only", choices=("criteo", "avazu", "talkingdata"))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--without-theirs", action="store_true", help="our models only")
    asked = parser.parse_args()
    result: dict[str, object] = {"bench": "ctr"}
    for name, path in (("criteo", asked.criteo), ("avazu", asked.avazu)):
        if asked.only not in (None, name):
            continue
        begun = time.perf_counter()
        jobs = [
            Job(name, path, asked.folds, seed, number, not asked.without_theirs)
            for seed in range(asked.seeds)
            for number in range(asked.folds)
        ]
        with get_context("spawn").Pool(asked.processes) as pool:
            done = []
            for scores in pool.imap(run, jobs):
                done.append(scores)
                print(f"{name}: {len(done)} of {len(jobs)} runs, {time.perf_counter() - begun:.0f} s", flush=True)
        result[name] = judge(name, path, jobs, done)
    if asked.only in (None, "talkingdata"):
        result["talkingdata"] = installs(asked.talkingdata)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
