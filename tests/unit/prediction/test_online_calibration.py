"""The correction of a live model in a world that has moved away from it: conversions come late, the process dies."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from cython_ext.curves import keys_of
from domain.clock import SECOND
from domain.errors import Refused
from prediction import corrections, delays
from prediction.artefact import Damaged
from prediction.calibrated import Calibrated
from prediction.feature_set import Feature, FeatureSet
from prediction.online_calibration import HOUR, OnlineCalibration, OnlineSettings
from prediction.scorer import Scorer

DAY_S = 86_400.0
NOW = 500_000 * HOUR
LEVELS = (("advertiser",), ("advertiser", "exchange"))


class World:
    """Two days of impressions whose conversions take a day on average; all are worth 1.4 times what the model says,
    advertiser 3's 0.7 times."""

    def __init__(self, rows: int = 60_000) -> None:
        rng = np.random.default_rng(1)
        self.served = NOW - np.sort(rng.integers(0, 48 * HOUR, rows))[::-1]
        self.score = rng.beta(2, 40, rows)
        self.segments = {
            "advertiser": rng.integers(1, 4, rows).astype(np.uint32),
            "exchange": rng.integers(1, 3, rows).astype(np.uint32),
        }
        self.truth = self.score * np.where(self.segments["advertiser"] == 3, 0.7, 1.4)
        converts = rng.random(rows) < self.truth
        self.came = np.where(converts, self.served + (rng.exponential(DAY_S, rows) * SECOND).astype(np.int64), 0)

    def count(self, online: OnlineCalibration, begin: int, end: int, outcome: bool) -> bool:
        """What was served, or what outcome came, in (begin, end]."""
        at = self.came if outcome else self.served
        rows = np.flatnonzero((at > begin) & (at <= end))
        return online.count(
            "outcomes" if outcome else "served",
            begin,
            end,
            served_ns=self.served[rows],
            score=self.score[rows],
            segments={name: values[rows] for name, values in self.segments.items()},
            outcome=outcome,
        )


def test_late_conversions_and_a_restart_are_no_drift(tmp_path: Path) -> None:
    world, path = World(), tmp_path / "online"
    settings = OnlineSettings(prior_events=5)
    online = OnlineCalibration(7, LEVELS, settings)
    first, known = NOW - 50 * HOUR, delays.fit(np.random.default_rng(2).exponential(DAY_S, 5_000), [9e9] * 5_000, 9e8)
    for part in range(5):
        begin, end = first + part * 10 * HOUR, first + (part + 1) * 10 * HOUR
        for outcome in (False, True):
            assert world.count(online, begin, end, outcome)
        online.save(path)
        world.count(online, end, end + HOUR, True)  # and is killed before this is saved
        online = OnlineCalibration.load(path, settings)
        assert not world.count(online, begin, end, True), "the same again is not counted again"
    with pytest.raises(Refused, match=r"outcomes.begin: .*counting stopped"):
        world.count(online, NOW + HOUR, NOW + 2 * HOUR, True)
    made = online.corrections(NOW, known)
    keys = dict(zip(made.keys, made.offsets, strict=True))
    for advertiser, factor in ((1, 1.4), (2, 1.4), (3, 0.7)):
        own = keys.get(int(keys_of(0, np.array([[advertiser]], np.uint32))[0]), 0.0)
        mean = world.score[world.segments["advertiser"] == advertiser].mean()
        assert expit(logit(mean) + made.shift + own) / mean == pytest.approx(factor, rel=0.1)
    impatient = online.corrections(NOW)
    assert expit(logit(mean) + impatient.shift) / mean < 0.8, "as if all had come: too low by far"
    assert online.version == 7


def test_what_it_says_is_what_the_scorer_takes(tmp_path: Path) -> None:
    world = World(5_000)
    one = {"x": [0.0], "y": [0.0], "begins": [0, 1], "slopes": [[1.0, 1.0]], "keys": np.empty(0, np.uint64)}
    model = Calibrated(Scorer(1, 1), [(1,), (1, 0)], one)
    features = FeatureSet(
        "few", 1, (Feature("exchange", "category", "request"), Feature("advertiser", "category", "candidate"))
    )
    online = OnlineCalibration.of(1, model, features)
    values = np.column_stack([world.segments["exchange"], world.segments["advertiser"]])
    assert all(np.array_equal(each, world.segments[name]) for name, each in online.segments(values, features).items())
    world.count(online, 0, NOW, False)
    world.count(online, 0, NOW + 400 * 24 * HOUR, True)
    made = online.corrections(NOW)
    assert corrections.applied(model, 1, tmp_path) is model
    corrections.write(tmp_path, made)
    assert corrections.applied(model, 2, tmp_path) is model, "another version is another model"
    moved = corrections.applied(model, 1, tmp_path)
    assert isinstance(moved, Calibrated)
    keys = dict(zip(made.keys, made.offsets, strict=True))
    for advertiser in (1, 3, 9):
        for exchange in (1, 2):
            values = np.array([[exchange, advertiser]], np.uint32)
            wanted = made.shift + keys.get(int(keys_of(0, values[:, 1:])[0]), 0.0)
            wanted += keys.get(int(keys_of(1, np.ascontiguousarray(values[:, ::-1]))[0]), 0.0)
            assert logit(moved.scores(values)[0]) == pytest.approx(wanted, abs=1e-12)
    assert abs(moved.shift) > 0.05
    for damaged in ("{", '{"version":1,"made_ns":1,"keys":[1],"offsets":[9.5],"shift":0.0}'):
        (tmp_path / corrections.FILE).write_text(damaged)
        with pytest.raises(Damaged, match=corrections.FILE):
            corrections.applied(model, 1, tmp_path)


def test_few_outcomes_and_old_hours_move_little_and_nothing_moves_too_far() -> None:
    def asked(promised: float, rows: int, came: int, age_h: int, settings: OnlineSettings) -> float:
        online = OnlineCalibration(1, (), settings)
        for outcome, count in ((False, rows), (True, came)):
            online.count(
                "o" if outcome else "s",
                0,
                1,
                served_ns=np.full(count, NOW - age_h * HOUR),
                score=np.full(count, promised),
                segments={},
                outcome=outcome,
            )
        return online.corrections(NOW).shift

    settings = OnlineSettings(half_life_s=1e9)
    assert asked(0.01, 100, 3, 0, settings) == pytest.approx(np.log(33 / 31), abs=0.01)
    assert asked(0.01, 100_000, 1_300, 0, settings) == pytest.approx(np.log(1.3), abs=0.01)
    assert asked(0.01, 100_000, 50_000, 0, settings) == settings.most
    assert asked(0.01, 100_000, 0, 0, settings) == -settings.most
    assert asked(0.01, 100_000, 1_300, 24 * 8, settings) == 0
    assert 0 < asked(0.01, 100_000, 1_300, 6, OnlineSettings(half_life_s=1_800)) < 0.05


def test_hours_are_dropped_and_damage_is_told(tmp_path: Path) -> None:
    world, online = World(2_000), OnlineCalibration(1, LEVELS)
    world.count(online, 0, NOW, False)
    online.forget(NOW + 7 * 24 * HOUR - 24 * HOUR)
    assert 20 < len(online._state.hours) < 28
    online.save(tmp_path / "online")
    (tmp_path / "online").write_bytes((tmp_path / "online").read_bytes()[:-3])
    with pytest.raises(ValueError, match="online: "):
        OnlineCalibration.load(tmp_path / "online")
    for levels in ((("a",), ("b", "a")), ((),), (("a",), ("a",))):
        with pytest.raises(Refused, match="levels"):
            OnlineCalibration(1, levels)
