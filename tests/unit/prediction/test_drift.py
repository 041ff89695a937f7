"""Drift: a twin that counts by hand, worlds that stay and worlds that move, and what a person is told."""

import re
from collections import Counter
from math import log
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from domain.errors import Refused
from prediction import drift
from prediction.artefact import Damaged
from prediction.feature_set import Feature, FeatureSet, numbers

FEATURES = FeatureSet(
    "few",
    1,
    (
        Feature("site", "category", "request"),
        Feature("hour_of_week", "category", "request"),
        Feature("segments", "number", "request"),
        Feature("creative", "category", "candidate"),
    ),
)


def rows(seed: int, count: int = 20_000, *, moved: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Values and scores; moved: other sites and new ones, other numbers, a field that has gone, higher scores."""
    rng = np.random.default_rng(seed)
    site = rng.zipf(1.6, count).clip(1, 400)
    number = rng.gamma(2.0, 3.0, count)
    if moved:
        site = np.where(rng.random(count) < 0.2, 10_000 + site, (site * 3) % 400 + 1)
        number = number * 1.8
    number[rng.random(count) < (0.4 if moved else 0.1)] = np.nan
    hour = rng.integers(1, 25, count) + (100 if moved else 0)
    values = np.column_stack(
        [site.astype(np.uint32), hour.astype(np.uint32), numbers(number), rng.integers(1, 6, count).astype(np.uint32)]
    )
    return values, rng.beta(2, 60 if not moved else 25, count)


def test_a_world_that_stays_is_left_alone_and_one_that_moves_is_told_in_words() -> None:
    before = drift.sketch(*rows(1)[:1], FEATURES, rows(1)[1])
    for seed in range(2, 12):
        values, score = rows(seed, 4_000)
        assert drift.compare(before, values, FEATURES, score).findings == ()
    report = drift.compare(before, *rows(20, moved=True)[:1], FEATURES, rows(20, moved=True)[1])
    told = {(found.subject, found.severity) for found in report.findings}
    assert told >= {("site", "critical"), ("site", "warning"), ("segments", "warning"), ("score", "critical")}
    assert not {found.subject for found in report.findings} & {"creative", "hour_of_week"}
    text = "\n".join(found.text for found in report.findings)
    assert "Feature site: recent rows are of another population" in text
    assert "Feature site: 2" in text and "% of recent rows have a value that training never had" in text
    assert re.search(r"Feature segments is missing in (39|40)\.\d% of .*; in training it was (9|10)\.\d%\.", text)
    assert "The model's scores" in text


def test_figures_are_those_counted_by_hand() -> None:
    values, score = rows(1)
    recent, recent_score = rows(2, 3_000, moved=True)
    found = {each.subject: each for each in drift.compare(
        drift.sketch(values, FEATURES, score), recent, FEATURES, recent_score
    ).drifts}  # fmt: skip
    creatives = Counter(values[:, 3].tolist()), Counter(recent[:, 3].tolist())
    index = distance = 0.0
    for each in range(1, 6):
        p = (creatives[0][each] + 0.5) / (20_000 + 2.5)
        q = (creatives[1][each] + 0.5) / (3_000 + 2.5)
        index += (p - q) * log(p / q)
        distance += abs(creatives[0][each] / 20_000 - creatives[1][each] / 3_000) / 2
    assert found["creative"].psi == pytest.approx(index, abs=1e-9)
    assert found["creative"].distance == pytest.approx(distance)
    table = [[side[each] for each in range(1, 6)] for side in creatives]
    assert found["creative"].p_value == pytest.approx(stats.chi2_contingency(table).pvalue, abs=1e-9)
    gap = stats.ks_2samp(score, recent_score).statistic
    assert 0.8 * gap < found["score"].distance <= gap + 1e-3
    known = set(values[:, 0].tolist())
    assert found["site"].unseen == pytest.approx(np.mean([each not in known for each in recent[:, 0].tolist()]))
    early = set(values[:16_000, 0].tolist())
    assert found["site"].unseen_before == np.mean([each not in early for each in values[16_000:, 0].tolist()])
    there = np.isnan(recent[:, 2].copy().view(np.float32))
    assert found["segments"].missing == pytest.approx(there.mean())


def test_chance_stays_within_its_bound_19_times_in_20() -> None:
    rng = np.random.default_rng(3)
    before = drift.sketch(*rows(1, 6_000)[:1], FEATURES, rng.random(6_000))
    beyond = total = 0
    for seed in range(60):
        for each in drift.compare(before, rows(100 + seed, 2_000)[0], FEATURES, rng.random(2_000)).drifts:
            if each.subject in ("creative", "score", "segments"):
                beyond += each.psi > each.psi_by_chance
                total += 1
    assert 0.005 < beyond / total < 0.12


def test_a_sketch_lies_beside_the_model_and_damage_is_told(tmp_path: Path) -> None:
    values, score = rows(1, 2_000)
    made = drift.sketch(values, FEATURES, score, np.full(2_000, 3.0))
    assert drift.read(tmp_path) is None
    (tmp_path / drift.FILE).write_bytes(drift.packed(made))
    assert drift.read(tmp_path) == made
    assert made.rows == 2_000
    for damaged in (drift.packed(made)[:-9], drift.packed(made).replace(b'"seen":"', b'"seen":"AA'), b"{}"):
        (tmp_path / drift.FILE).write_bytes(damaged)
        with pytest.raises(Damaged, match=drift.FILE):
            drift.read(tmp_path)
    with pytest.raises(Refused, match="version 2"):
        drift.compare(made, values, FeatureSet("few", 2, FEATURES.features))
    with pytest.raises(Refused, match="4 values"):
        drift.compare(made, values[:0], FEATURES)


def test_columns_with_nothing_in_them_say_nothing() -> None:
    empty = np.zeros((50, 4), np.uint32)
    empty[:, 2] = numbers(np.full(50, np.nan))
    full = rows(1, 500)[0]
    for before, after in ((empty, empty), (empty, full), (full, empty)):
        report = drift.compare(drift.sketch(before, FEATURES), after, FEATURES)
        assert all(each.psi == 0 for each in report.drifts)
    assert {found.text.split(" is ")[0] for found in report.findings} == {
        f"Feature {name}" for name in ("site", "segments", "creative")
    }
