"""``outbid backtest bids`` and ``outbid backtest policy`` from file to table, JSON and picture."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from cli.main import main

STRATEGIES = ["const", "mcpc", "lin", "ortb1", "ortb2", "outbid"]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    spread = rng.normal(size=2000)
    rate = np.clip(0.03 * np.exp(spread - 0.5), 0, 0.5)
    market = np.round(np.exp(3.5 + 0.4 * spread + 0.9 * rng.normal(size=2000))).astype(int)
    clicks = (rng.random(2000) < rate).astype(int)
    path = tmp_path_factory.mktemp("replay") / "replay.txt"
    path.write_text("".join(f"{c} {m} {r:.8f}\n" for c, m, r in zip(clicks, market, rate, strict=True)))
    return path


def asked(replay: Path, *more: str) -> list[str]:
    return ["backtest", "bids", "--replay", str(replay), "--budgets", "2,8", "--bootstrap", "50", *more]


@pytest.mark.parametrize("auction", ["first", "second"])
def test_figures_of_bids(replay: Path, auction: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "bids.svg"
    assert main(asked(replay, "--auction", auction, "--json", "--plot", str(plot))) == 0
    found = json.loads(capsys.readouterr().out)
    rows = [line.split() for line in replay.read_text().splitlines()][1200:]
    assert found["budgets"] == [2, 8]
    assert list(found["clicks"]) == list(found["spend"]) == STRATEGIES
    assert found["cost_of_all"] == sum(int(row[1]) for row in rows)
    assert found["all_clicks"] == sum(int(row[0]) for row in rows)
    assert found["budget"] == pytest.approx([found["cost_of_all"] / 2, found["cost_of_all"] / 8], abs=1e-5)
    for name in STRATEGIES:
        for at in (0, 1):
            clicks, spend = found["clicks"][name][at], found["spend"][name][at]
            assert 0 <= clicks <= found["all_clicks"]
            assert spend <= found["budget"][at] + 1e-6
            assert found["ecpc"][name][at] == (pytest.approx(spend / clicks, abs=1e-3) if clicks else None)
            assert found["share_of_clairvoyant"]["clicks"][name][at] <= 1
    assert all(spend <= most for spend, most in zip(found["controller"]["spend"], found["budget"], strict=True))
    assert set(found["gain_interval"]) == set(STRATEGIES[:-1])
    assert found["best_single"] in STRATEGIES[:-1]
    assert len(ElementTree.fromstring(plot.read_text()).findall(".//{*}g")) == 4


def test_a_table_of_bids(replay: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(asked(replay)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Learned from 1200 auctions")
    assert sum(line.startswith("  outbid ") for line in lines) == 5
    assert "best baseline" in lines[-2]
    assert lines[-1].startswith("Paced by the controller")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--budgets", "2,x"], "budgets"),
        (["--budgets", "0.5"], "budgets"),
        (["--train-fraction", "1"], "train-fraction"),
        (["--bootstrap", "0"], "bootstrap"),
        (["--plot", "/nowhere/x.svg"], "/nowhere/x.svg"),
    ],
)
def test_bids_that_make_no_sense(
    replay: Path, wrong: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(asked(replay, *wrong)) != 0
    assert named in capsys.readouterr().err


def log_of(path: Path, seed: int, chances: dict[str, float], count: int = 3000) -> Path:
    """A log of a policy with those chances; "b" is clicked twice as often as "a"."""
    rng = np.random.default_rng(seed)
    names = list(chances)
    chosen = rng.choice(len(names), count, p=list(chances.values()))
    lines = ["action,reward,propensity,target:a,target:b"]
    for number in chosen.tolist():
        name = names[number]
        click = int(rng.random() < (0.2 if name == "a" else 0.4))
        lines.append(f"{name},{click},{chances[name]},0.1,0.9")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_policy_is_told_from_the_log_of_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = log_of(tmp_path / "log.csv", 1, {"a": 0.7, "b": 0.3})
    own = log_of(tmp_path / "own.csv", 2, {"a": 0.1, "b": 0.9})
    for policy, truth in (("target", 0.38), ("uniform", 0.3), ("always:b", 0.4), (f"logged:{own}", 0.38)):
        arguments = ["backtest", "policy", "--log", str(log), "--policy", policy, "--bootstrap", "50", "--json"]
        more = ["--truth", str(own), "--coverage", "5"] if truth == 0.38 else []
        assert main([*arguments, *more]) == 0
        found = json.loads(capsys.readouterr().out)
        for name in ("ips", "snips", "dm", "dr"):
            assert found["estimates"][name]["value"] == pytest.approx(truth, abs=0.05)
        low, high = found["estimates"]["dr"]["normal"]
        assert low <= truth <= high
        if more:
            assert found["truth"] == pytest.approx(0.38, abs=0.03)
            assert found["coverage"]["dr"]["normal"] >= 0.6
    assert main(["backtest", "policy", "--log", str(log), "--policy", "uniform", "--bootstrap", "20"]) == 0
    assert "of its own" in capsys.readouterr().out


def test_the_open_bandit_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    lines = [",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1"]
    for number in range(600):
        item, click = int(rng.integers(0, 4)), int(rng.random() < 0.3)
        lines.append(f"{number},2020,{item},{1 + number % 3},{click},0.25,u{number % 5},v")
    path = tmp_path / "obd.csv"
    path.write_text("\n".join(lines) + "\n")
    arguments = ["backtest", "policy", "--format", "obd", "--bootstrap", "20", "--model", "linear", "--json"]
    assert main([*arguments, "--log", str(path), "--policy", "uniform"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["effective_rows"] == 600
    assert found["estimates"]["ips"]["value"] == pytest.approx(found["logged_value"])
    for text, named in (("4,2020,x,1,0,0.25,u,v", "item_id"), ("4,2020,1,1,2,0.25,u,v", "click")):
        path.write_text("\n".join([lines[0], text]) + "\n")
        assert main([*arguments, "--log", str(path), "--policy", "uniform"]) != 0
        assert f"line 2, {named}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--policy", "always:c"], "policy"),
        (["--policy", "best"], "policy"),
        (["--policy", "uniform", "--clip", "0"], "clip"),
        (["--policy", "uniform", "--coverage", "3"], "coverage"),
    ],
)
def test_policies_that_make_no_sense(
    tmp_path: Path, arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = log_of(tmp_path / "log.csv", 1, {"a": 0.7, "b": 0.3}, 50)
    assert main(["backtest", "policy", "--log", str(log), *arguments]) != 0
    assert named in capsys.readouterr().err
