"""What calibrating costs, and what late conversions cost whoever does not wait for them.

1. A calibrated model against the model in it, per impression: a curve for all and two levels of segments, 40
   candidates a request.
2. All metrics of a million rows with their intervals, and the calibration fitted on them.
3. Conversion rates of young clicks as they stand, and corrected, over what they are when all has come: on made clicks
   whose truth is known, and with ``--talkingdata clicks.csv`` on real delays. There every full hour after the first day
   is taken for now, and the clicks of the hours before it are judged by what had come by then; the delays are learnt
   from the past only.

The last line is the result as JSON; times are processor time.
"""

import argparse
import csv
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from scipy.special import expit

from prediction import calibration, maturing, metrics
from prediction.maturing import Touches
from prediction.scorer import Scorer

CANDIDATES, REQUESTS = 40, 20_000
DAY_S = 86_400.0
YOUNG_S = 6 * 3_600.0
"""Clicks of the real file that are judged: not older than this."""


def cost_ns(repeats: int) -> tuple[float, float]:
    """Nanoseconds an impression, best of several: a model that only says one half, and the same one calibrated."""
    rng = np.random.default_rng(1)
    rows = 200_000
    segments = {
        "advertiser": rng.integers(1, 300, rows).astype(np.uint32),
        "exchange": rng.integers(1, 9, rows).astype(np.uint32),
    }
    score = rng.beta(1, 60, rows)
    bent = np.where(score < 0.02, score / 2, score)
    label = (rng.random(rows) < bent).astype(float)
    fitted = calibration.fit(
        label, score, None, segments, [("advertiser",), ("advertiser", "exchange")], method="isotonic"
    )
    plain = Scorer(10, 6)
    calibrated = calibration.calibrate(plain, fitted, {"exchange": 0, "advertiser": 10})
    shared = rng.integers(1, 9, 10).astype(np.uint32)
    own = rng.integers(1, 300, (CANDIDATES, 6)).astype(np.uint32)
    best = []
    for scorer in (plain, calibrated):
        taken = []
        for _ in range(repeats):
            began = time.process_time()
            for _ in range(REQUESTS // repeats):
                scorer.request_scores(shared, own)
            taken.append((time.process_time() - began) / (REQUESTS // repeats) / CANDIDATES * 1e9)
        best.append(min(taken))
    return best[0], best[1]


def seconds(rows: int) -> tuple[float, float]:
    """To measure so many rows, and to fit a calibration with a level of segments."""
    rng = np.random.default_rng(2)
    score = expit(rng.normal(-4, 1, rows))
    label = (rng.random(rows) < score).astype(float)
    began = time.process_time()
    metrics.measure(label, score)
    measured = time.process_time()
    calibration.fit(label, score, None, {"advertiser": rng.integers(1, 500, rows).astype(np.uint32)}, [("advertiser",)])
    return measured - began, time.process_time() - measured


def made(worlds: int) -> dict[str, float]:
    """Rates over the truth, as they stand and corrected, and how often the 95 % interval holds it."""
    naive, ours, held, truth = [], [], 0, 0.05
    for seed in range(worlds):
        rng = np.random.default_rng(seed)
        rows = 10_000
        age = np.where(rng.random(rows) < 0.1, rng.uniform(0, 30 * DAY_S, rows), 7 * DAY_S * rng.beta(1, 3, rows))
        delay = np.minimum(rng.lognormal(np.log(DAY_S), 1.0, rows), 30 * DAY_S)
        clicks = maturing.touches(age, np.where((rng.random(rows) < truth) & (delay <= age), delay, np.nan))
        found = maturing.rate_interval(clicks, 30 * DAY_S, resamples=40, seed=seed)
        naive.append(float(clicks.converted.mean()) / truth)
        ours.append(found.value / truth)
        held += found.low <= truth <= found.high
    return {"naive": float(np.mean(naive)), "corrected": float(np.mean(ours)), "interval_holds": held / worlds}


def real(path: Path) -> dict[str, float]:
    """The same of a file of clicks with the time of the install; what comes after its end is taken never to come."""
    clicked, installed = [], []
    with open(path) as file:
        for row in csv.DictReader(file):
            clicked.append(_time(row["click_time"]))
            installed.append(_time(row["attributed_time"]) if row["attributed_time"] else np.nan)
    at, until = np.array(clicked), np.array(installed)
    longest = float(np.nanmax(until - at)) + 60
    seen = corrected = came = 0.0
    for now in np.arange(at[0] + DAY_S, at[-1] - longest, 3_600.0):
        clicks = _as_of(at, until, now, longest)
        known = maturing.fit_delays(clicks, longest)
        young = clicks.age_s <= YOUNG_S
        fresh = maturing.touches(clicks.age_s[young], clicks.delay_s[young])
        seen += float(fresh.converted.sum())
        corrected += maturing.rates(fresh, known).all.rate * len(fresh.age_s)
        came += float((~np.isnan(until[(at <= now) & (now - at <= YOUNG_S)])).sum())
    return {"installs": float((~np.isnan(until)).sum()), "naive": seen / came, "corrected": corrected / came}


def _as_of(at: np.ndarray, until: np.ndarray, now: float, longest: float) -> Touches:
    """Clicks until now, with what had come of them by now."""
    there = (at <= now) & (now - at <= 4 * longest)
    delay = np.where(until[there] <= now, until[there] - at[there], np.nan)
    return maturing.touches(now - at[there], delay)


def _time(text: str) -> float:
    """The file's hours have one digit or two."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--talkingdata", type=Path, help="clicks.csv: click_time, attributed_time")
    asked = parser.parse_args()
    plain, calibrated = cost_ns(10)
    measuring, fitting = seconds(asked.rows)
    told = {
        "bench": "calibration",
        "plain_ns": round(plain, 1),
        "calibrated_ns": round(calibrated, 1),
        "rows": asked.rows,
        "metrics_s": round(measuring, 2),
        "fit_s": round(fitting, 2),
        "delays": {name: round(value, 4) for name, value in made(asked.worlds).items()},
    }
    if asked.talkingdata:
        told["talkingdata"] = {name: round(value, 4) for name, value in real(asked.talkingdata).items()}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
