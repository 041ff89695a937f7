"""Scores learnt from worlds of which the truth is known: from installs that did not come, and from outcomes."""

import asyncio
import csv
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cli.main import main
from domain.errors import Refused
from prediction.datasets.lines import Bad
from prediction.metrics import auc
from risk import click_learning
from risk.card_files import read_cards
from risk.cards import Scorecard
from risk.click_learning import learn_from_clicks
from risk.click_rows import COUNTED, read_clicks
from risk.decisions import Decision, DecisionLog, nonce
from risk.fitting import binned, design, fit, merged, steps_of, strengths
from risk.inputs import FACTS, inputs_of
from risk.label_learning import learn_from_labels
from risk.labelled_rows import LabelledRows, read_decisions
from risk.people import BLACK_LISTED, People, write_people
from risk.published import published
from risk.shortfall import Clicks, bands, learn
from targeting.forgotten import Forgotten
from tests.click_world import START, write_clicks


@pytest.fixture
def few_penalties(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of those that are tried take half the time."""
    monkeypatch.setattr(click_learning, "STRENGTHS", (1.0, 4.0))


@pytest.mark.usefixtures("few_penalties")
def test_fraud_is_told_from_installs_that_did_not_come(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    machine = np.array(write_clicks(path, 3_000, 0.5, 1))
    rows = read_clicks([path])
    assert len(rows.app) == 3_000 and rows.apps and not rows.bad.count
    trained = learn_from_clicks(rows, "fraud", 1_001)
    card, judged = trained.card, trained.judged
    assert card is not None and judged.gain > 20 and 0.5 < judged.scale <= 1.5
    scorecard = Scorecard(card)
    told = [
        scorecard.score(msgspec.structs.astuple(inputs_of(_known(facts)))).probability
        for facts in rows.facts[1_500:].tolist()
    ]
    later = machine[1_500:]
    assert auc(later, np.array(told)) > 0.95
    assert np.mean(np.array(told)[later]) > 0.7  # never told of a single click that it was a machine's
    assert np.mean(np.array(told)[~later]) < 0.2
    assert sum(band.clicks for band in judged.bands) == judged.clicks == 810
    for band in judged.bands:
        assert band.low <= band.shortfall <= band.high
        assert band.low - 0.1 <= band.told <= band.high + 0.1
    kept = published("fraud").facts
    assert all(card.facts[name] == kept[name] for name in kept if name not in COUNTED)
    assert {name for name in card.facts if name in COUNTED} >= {"ip_idle_clicks"}


@pytest.mark.usefixtures("few_penalties")
def test_clicks_without_fraud_teach_nothing(tmp_path: Path) -> None:
    write_clicks(tmp_path / "clicks.csv", 1_200, 0.0, 2)
    rows = read_clicks([tmp_path / "clicks.csv"])
    trained = learn_from_clicks(rows, "device_risk", 1_001)
    assert trained.card is None and trained.judged.gain < 2
    with pytest.raises(Refused, match="clicks tell of device_risk and fraud"):
        learn_from_clicks(rows, "loan_intent", 1_001)


def test_a_share_is_the_shortfall_of_installs() -> None:
    """One app, one step, no penalty: the share is 1 - rate beyond the step / rate before it, exactly."""
    facts = np.repeat([0, 3], [400, 600]).astype(np.float32)[:, None]
    installed = np.zeros(1_000)
    installed[:100], installed[400:430] = 1, 1
    clicks = Clicks(design(("ip_clicks_1h",), {"ip_clicks_1h": True}, facts), installed, np.zeros(1_000, np.int64))
    learnt = learn(clicks, 1, 0.0)
    steps = steps_of(learnt.columns, learnt.parameters)["ip_clicks_1h"]
    assert steps.rising[-1] == (3, pytest.approx(1 - (30 / 600) / (100 / 400), abs=0.01))
    assert learnt.rates[0] == pytest.approx(0.25, abs=0.01)
    (whole,) = bands(np.zeros(1_000, np.int64), np.full(1_000, 0.5), np.full(1_000, 0.25), installed)
    assert (whole.clicks, whole.expected, whole.installs) == (1_000, 250, 130) and whole.shortfall == 1 - 130 / 250
    assert whole.low == pytest.approx(1 - 154.37 / 250, abs=1e-3)  # Poisson's 95 % interval of 130: 108.62 to 154.37
    assert whole.high == pytest.approx(1 - 108.62 / 250, abs=1e-3)


def test_facts_of_a_click_are_of_what_was_before_it(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    write_clicks(path, 40, 1.0, 3)
    with open(path) as file:
        rows = list(csv.DictReader(file))
    rows[0] |= {"is_attributed": "1", "attributed_time": rows[10]["click_time"]}
    rows[5]["click_time"] = "noon"
    rows[7]["is_attributed"] = "perhaps"
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    found = read_clicks([path])
    assert found.bad.count == 2 and found.bad.first[0].startswith("line 7: click_time: 'noon'")
    good = [row for at, row in enumerate(rows) if at not in (5, 7)]
    places = {name: place for place, name in enumerate(COUNTED)}
    for at, row in enumerate(good):
        before = [one for one in good[:at] if one["ip"] == row["ip"]]
        assert found.facts[at, places["ip_clicks_24h"]] == len(before)
        devices = {(one["device"], one["os"]) for one in before}
        assert found.facts[at, places["ip_devices_24h"]] == len(devices)
        if row["ip"] == rows[0]["ip"] and found.time_s[at] > START + 10 * 30:
            since = [one for one in before if one["click_time"] > rows[10]["click_time"] or one is rows[10]]
            assert found.facts[at, places["ip_idle_clicks"]] <= len(since) + 1
    with pytest.raises(Refused, match="its header must have each of ip, device, os, click_time, is_attributed"):
        (tmp_path / "other.csv").write_text("a,b\n1,2\n")
        read_clicks([tmp_path / "other.csv"])


def _known(facts: list[float]) -> dict[str, float]:
    return {name: value for name, value in zip(COUNTED, facts, strict=True) if value == value}


def labelled(rows: int, seed: int) -> tuple[LabelledRows, np.ndarray]:
    """A noisy OR whose shares are known: 2 % of nothing, 30 % of an emulator, 10 % from 5 clicks on, 50 % from 20."""
    rng = np.random.default_rng(seed)
    facts = np.full((rows, len(FACTS)), np.nan, np.float32)
    places = {name: place for place, name in enumerate(FACTS)}
    emulator = rng.random(rows) < 0.2
    clicks = np.floor(rng.exponential(8, rows))
    facts[:, places["emulator"]] = emulator
    facts[:, places["device_clicks_1h"]] = clicks
    facts[:, places["rooted"]] = rng.random(rows) < 0.3
    shares = np.where(clicks >= 20, 0.5, np.where(clicks >= 5, 0.1, 0.0))
    true = 1 - 0.98 * (1 - 0.3 * emulator) * (1 - shares)
    return LabelledRows(facts, (rng.random(rows) < true).astype(float), Bad(), 0), true


def test_shares_are_learnt_from_outcomes() -> None:
    rows, true = labelled(6_000, 1)
    trained = learn_from_labels(rows, "device_risk", 1_002)
    card = trained.card
    assert trained.metrics.auc > auc(rows.label, true) - 0.02
    assert trained.metrics.ece <= trained.metrics.ece_null * 1.2
    assert card.facts["emulator"].rising[-1][1] == pytest.approx(0.3, abs=0.06)
    assert card.facts["device_clicks_1h"].rising[-1][1] == pytest.approx(0.5, abs=0.1)
    assert dict(card.facts.get("rooted", published("device_risk").facts["rooted"]).rising).get(1.0, 0) < 0.03
    assert card.facts["proxy"] == published("device_risk").facts["proxy"]  # nothing was told of it
    scorecard = Scorecard(card)
    told = [
        scorecard.score(msgspec.structs.astuple(inputs_of(_all(facts)))).probability for facts in rows.facts.tolist()
    ]
    assert np.abs(np.array(told) - true).mean() < 0.02


def test_an_index_keeps_its_points_and_gets_a_probability() -> None:
    rng = np.random.default_rng(4)
    facts = np.full((3_000, len(FACTS)), np.nan, np.float32)
    place = list(FACTS).index("lenders_30d")
    facts[:, place] = rng.integers(0, 14, 3_000)
    true = 0.02 + 0.04 * facts[:, place]
    rows = LabelledRows(facts, (rng.random(3_000) < true).astype(float), Bad(), 0)
    card = learn_from_labels(rows, "multi_lender", 1_003).card
    assert card.facts == published("multi_lender").facts
    found = [Scorecard(card).score(msgspec.structs.astuple(inputs_of({"lenders_30d": n}))) for n in (0, 4, 13)]
    assert [one.score for one in found] == [0, 80, 260]
    for one, low, high in zip(found, (0.02, 0.1, 0.4), (0.12, 0.25, 0.62), strict=True):
        assert one.probability is not None and low < one.probability < high


def _all(facts: list[float]) -> dict[str, float]:
    return {name: value for name, value in zip(FACTS, facts, strict=True) if value == value}


def test_the_fit_is_where_no_change_of_a_share_would_be_better() -> None:
    rng = np.random.default_rng(5)
    values = np.where(rng.random((800, 2)) < 0.2, np.nan, rng.integers(0, 6, (800, 2))).astype(np.float32)
    came = (rng.random(800) < 0.1 + 0.1 * np.nan_to_num(values[:, 0])).astype(float)
    names, rising = ("ip_clicks_1h", "device_age_h"), {"ip_clicks_1h": True, "device_age_h": False}
    made = design(names, rising, values)

    def loss(strength: np.ndarray) -> tuple[float, np.ndarray]:
        p = -np.expm1(-strength)
        yes, no = made.total(came), made.total(1 - came)
        return float((no * strength - yes * np.log(p)).sum()), no - yes * (1 - p) / p

    def cost(parameters: np.ndarray, leak: float) -> float:  # row by row
        p = -np.expm1(-(strengths(made, parameters) + leak))
        return float(-(came * np.log(p) + (1 - came) * np.log1p(-p)).sum() + 0.5 * parameters.sum())

    found, leak = fit(made, loss, 0.5, leak=True)
    best = cost(found, leak)
    for at in range(len(found)):
        for step in (-1e-3, 1e-3):
            tried = found.copy()
            tried[at] = max(tried[at] + step, 0.0)
            assert cost(tried, leak) >= best - 1e-6
    assert cost(found, leak + 1e-3) >= best - 1e-6 and cost(found, leak - 1e-3) >= best - 1e-6
    steps = steps_of(made.columns, found)
    again = binned(made.columns, names, values)
    assert np.allclose(strengths(again, found), strengths(made, found))
    told = strengths(made, found)
    for row in range(0, 800, 37):
        shares = [
            steps[name].missing
            if np.isnan(value)
            else [much for start, much in steps[name].steps if start <= value][-1]
            for name, value in zip(names, values[row], strict=True)
            if name in steps
        ]
        assert 1 - np.prod([1 - share for share in shares]) == pytest.approx(1 - np.exp(-told[row]), abs=2e-4)


def test_where_rows_do_not_reach_the_published_steps_stay() -> None:
    kept = published("device_risk").facts
    clicks = merged(None, kept["device_clicks_1h"], 0, 12)
    assert clicks is not None and clicks.rising == ((0, 0), (30, 0.3), (100, 0.6))
    age = merged(None, kept["device_age_h"], 2, 500)
    assert age is not None and age.falling == ((0, 0.08), (1, 0.05), (2, 0))
    assert merged(None, kept["emulator"], 0, 1) is None


def test_decisions_with_outcomes_are_rows(tmp_path: Path) -> None:
    async def record() -> list[str]:
        log = DecisionLog(tmp_path)
        ids = []
        for number in range(4):
            facts = {"emulator": number % 2 == 0, "ip_clicks_1h": float(number), "purpose": "car"}
            made = Decision(
                nonce(), number, "bank", "loan", "v", "approve", (), 0.0, b"", (), f"case-{number}", facts, {}, (), {}
            )
            ids.append(await log.record(made))
        log.close()
        return ids

    ids = asyncio.run(record())
    path = tmp_path / "outcomes.csv"
    path.write_text(
        f"decision_id,reference,outcome\n{ids[0]},,fraud\n,case-1,good\n{ids[2]},,maybe\n{ids[3]},,0\n{ids[3]},,1\n"
        ",unknown,1\n,,1\n"
    )
    rows = read_decisions(tmp_path, [path])
    assert rows.label.tolist() == [1, 0, 1] and rows.unknown == 1 and rows.bad.count == 2
    places = {name: place for place, name in enumerate(FACTS)}
    assert rows.facts[:, places["emulator"]].tolist() == [1, 0, 0]
    assert rows.facts[:, places["ip_clicks_1h"]].tolist() == [0, 1, 3]
    assert np.isnan(rows.facts[:, places["rooted"]]).all()


def test_the_command_learns_scores_and_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path / "var"))
    rows, _ = labelled(800, 6)
    path = tmp_path / "facts.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("emulator", "device_clicks_1h", "bad", "shoe"))
        for facts, label in zip(rows.facts.tolist(), rows.label.tolist(), strict=True):
            known = _all(facts)
            writer.writerow((int(known["emulator"]), known["device_clicks_1h"], "yes" if label else "no", 44))
    assert main(["risk", "train", str(path), "--target", "bad", "--score", "device_risk", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["device_risk"]
    assert told["rows"] == 800 and 0.6 < told["auc"] < 0.9
    assert list(read_cards(tmp_path / "var/risk/cards/all.yaml")) == ["device_risk"]
    assert main(["risk", "cards"]) == 0
    assert "learnt from facts.csv" in capsys.readouterr().out

    people = tmp_path / "people.csv"
    people.write_text(
        "ids,ip,user_agent,emulator\n"
        "key:00000000000000aa cookie:x,203.0.113.9,curl/8.0,1\nkey:00000000000000bb,,,0\nifa:,,,\n"
        "key:00000000000000cc,,,7\nkey:00000000000000dd,,,1\n"
    )
    Forgotten(tmp_path / "var").add([0xDD], 1)
    table = tmp_path / "var/risk/people.table"
    assert main(["risk", "score", str(people)]) == 0
    shown = capsys.readouterr()
    assert "3 keys of 3 lines" in shown.out and "line 4" in shown.err and "line 5" in shown.err
    found = People.open(table)
    risky, harmless = found.get(0xAA), found.get(0xBB)
    assert risky is not None and harmless is not None and found.get(0xCC) is found.get(0xDD) is None
    assert risky.device_risk > harmless.device_risk and risky.fraud > harmless.fraud and harmless.scored_at > 0
    assert main(["risk", "score", str(path), "--out", str(table)]) == 2
    assert "its header must have each of ids" in capsys.readouterr().err
    write_clicks(tmp_path / "honest.csv", 700, 0.0, 7)
    own = tmp_path / "own.yaml"
    assert main(["risk", "train", str(tmp_path / "honest.csv"), "--score", "device_risk", "--out", str(own)]) == 1
    assert "the card in use stays" in capsys.readouterr().out and not own.exists()
    assert main(["risk", "train", str(path), "--score", "wealth"]) == 2
    assert "one of device_risk, fraud" in capsys.readouterr().err


def test_a_table_of_people_says_what_was_written(tmp_path: Path) -> None:
    keys = np.array([9, 3, 7], np.uint64)
    write_people(tmp_path / "t", keys, [1000, -1, 0], [5, 6, -1], [BLACK_LISTED, 0, 0], 1_700_000_000)
    found = People.open(tmp_path / "t")
    assert [found.get(key) for key in (9, 3, 7, 8)] == [
        (1000, 5, 1, 1_700_000_000), (-1, 6, 0, 1_700_000_000), (0, -1, 0, 1_700_000_000), None,
    ]  # fmt: skip
    with pytest.raises(Refused, match=r"fraud\[1\]: 1001 is not allowed; -1 to 1000 are"):
        write_people(tmp_path / "t", keys, [1, 1001, 2], 0, 0, 0)
