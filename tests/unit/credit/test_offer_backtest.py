"""The matching policy on made logs, whose truth is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from cli.main import main
from credit.offer_backtest import Inputs, both_ways, groups, learn, shares_of
from credit.policy import Policy
from prediction.off_policy import Logged
from prediction.reward_models import rates

ACTIONS, ROWS = 8, 6_000


def truth(slot: np.ndarray, feature: np.ndarray) -> np.ndarray:
    """(n, actions): the chance of an approval. Half of the actions are better for one kind of applicant."""
    base = np.linspace(-2.5, -0.5, ACTIONS)[None, :]
    kind = np.where(np.arange(ACTIONS) % 2 == 0, 1.0, -1.0)[None, :]
    return np.asarray(1 / (1 + np.exp(-(base + kind * feature[:, None] + 0.2 * slot[:, None]))))


def log(seed: int, even: bool) -> Logged:
    rng = np.random.default_rng(seed)
    slot, feature = rng.integers(0, 2, ROWS), rng.integers(0, 2, ROWS).astype(float)
    weights = np.ones(ACTIONS) if even else np.linspace(1, 4, ACTIONS)
    propensity = weights / weights.sum()
    action = rng.choice(ACTIONS, ROWS, p=propensity)
    chance = truth(slot, feature)[np.arange(ROWS), action]
    reward = (rng.random(ROWS) < chance).astype(float)
    return Logged(action, reward, propensity[action], slot, feature[:, None], ACTIONS)


def test_the_policy_gains_and_the_intervals_hold_the_truth() -> None:
    logs = {"even": log(1, True), "steep": log(2, False)}
    policy, of = Policy("thompson", 0.02), np.arange(ACTIONS) // 4
    found = both_ways(logs, of, {"thompson": policy}, rates, clip=float("inf"), resamples=100, seed=1)
    assert [(one.learnt_from, one.evaluated_on) for one in found] == [("even", "steep"), ("steep", "even")]
    for one in found:
        learnt, held = logs[one.learnt_from], logs[one.evaluated_on]
        inputs = Inputs(learnt)
        shares = shares_of(learn(learnt, of, inputs), inputs, held, policy)
        chances = truth(held.slot, held.features[:, 0])
        best = float(chances.max(axis=1).mean())
        value = float((shares * chances).sum(axis=1).mean())
        assert value > 0.9 * best, "it finds who wants what"
        logging = float((np.bincount(held.action, minlength=ACTIONS) / ROWS * chances).sum(axis=1).mean())
        for name in ("ips", "snips", "dr"):
            estimate = one.evaluation.estimates[name]
            assert estimate.low < value < estimate.high, name
        assert one.gain.low < value - logging < one.gain.high
        assert one.gain.low > 0
        assert one.logging.low < logging < one.logging.high


def test_only_frequent_values_are_inputs_and_groups_are_lenders() -> None:
    some = log(3, True)
    features = np.concatenate([np.zeros(5_000), np.full(800, 7.0), np.full(200, 9.0)])[:, None]
    inputs = Inputs(Logged(some.action, some.reward, some.propensity, some.slot, features, ACTIONS))
    assert inputs.width == 3, "one, a slot, and the value that more than a twentieth have"
    other = Logged(
        some.action[:2], some.reward[:2], some.propensity[:2], some.slot[:2], np.array([[7.0], [9.0]]), ACTIONS
    )
    assert inputs.of(other)[:, 2].tolist() == [1.0, 0.0]
    assert groups(["0", "1", "2", "3"], {"0": "a", "2": "a"}).tolist() == [0, 1, 0, 2]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, even in (("one", True), ("two", False)):
        made = log(4, even)
        lines = ["item_id,position,click,propensity_score,user_feature_0"]
        lines += [
            f"{a},{s},{r:.0f},{p},{'xy'[int(f)]}"
            for a, s, r, p, f in zip(
                made.action[:600], made.slot, made.reward, made.propensity, made.features[:, 0], strict=False
            )
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    (tmp_path / "items.csv").write_text("item_id,item_feature_1\n0,a\n1,a\n")
    assert main(["backtest", "offers", str(tmp_path), "--bootstrap", "20", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["directions"]
    assert [(one["learnt_from"], one["evaluated_on"], one["policy"]) for one in told] == [
        *(("one", "two", "thompson"), ("one", "two", "greedy")),
        *(("two", "one", "thompson"), ("two", "one", "greedy")),
    ]
    assert main(["backtest", "offers", str(tmp_path), "--bootstrap", "20", "--policy", "greedy"]) == 0
    text = capsys.readouterr().out
    assert "greedy, learnt from one (600 decisions" in text and text.count("gain, dr") == 2
    (tmp_path / "items.csv").write_text("item\n0\n")
    assert main(["backtest", "offers", str(tmp_path)]) == 2
    assert "there must be item_id and item_feature_1" in capsys.readouterr().err
    (tmp_path / "two.csv").unlink()
    assert main(["backtest", "offers", str(tmp_path)]) == 2
    assert "at least 2 logs" in capsys.readouterr().err
