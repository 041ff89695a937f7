"""A model from end to end: trained, judged, evaluated, asked; by the commands that users have."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cli.main import main
from credit import card, fairness
from credit.columns import Asked
from credit.evaluation import evaluate
from credit.model import CreditModel
from credit.people import People, write_people
from credit.table import read
from credit.training import Settings, in_service, train
from domain.errors import Refused
from targeting.identity_keys import parse_person
from tests.credit_sets import Made, german
from tests.unit.credit.conftest import ROWS


def area(label: Sequence[float], score: Sequence[float]) -> float:
    """AUC by its definition: how many pairs are in order."""
    bad = [s for y, s in zip(label, score, strict=True) if y]
    good = [s for y, s in zip(label, score, strict=True) if not y]
    return sum((b > g) + (b == g) / 2 for b in bad for g in good) / (len(bad) * len(good))


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, float]:
    capsys.readouterr()
    assert main(["credit", "evaluate", "--json", *arguments]) == 0
    found: dict[str, float] = json.loads(capsys.readouterr().out)
    return found


def test_rows_of_training_are_judged_out_of_fold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = str(folder / "model"), str(folder / "german.csv")
    found = told(capsys, "--model", model, "--data", data)
    flattered = told(capsys, "--model", model, "--data", data, "--in-sample")
    facts = CreditModel.load(folder / "model").facts
    assert found["rows"] == found["out_of_fold"] == ROWS and flattered["out_of_fold"] == 0
    assert found["auc"] == pytest.approx(facts.metrics[facts.served]["auc"], abs=1e-3)
    assert found["boosted"]["auc"] + 0.02 < flattered["boosted"]["auc"]  # type: ignore[index]


def test_other_rows_are_judged_by_the_model(
    folder: Path, model: CreditModel, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "--model", str(folder / "model"), "--data", str(folder / "later.csv"))
    made = german(ROWS, seed=11)
    columns = model.columns_of(read(folder / "later.csv"))
    pd = model.scores(columns).pd
    label = made.bad.astype(float)
    assert found["out_of_fold"] == 0 and found["rows"] == ROWS
    assert found["auc"] == pytest.approx(area(label.tolist(), pd.tolist()), abs=1e-9)
    cuts = np.unique(pd)
    gap = max(abs((pd[label == 1] <= cut).mean() - (pd[label == 0] <= cut).mean()) for cut in cuts)
    assert found["ks"] == pytest.approx(gap, abs=1e-9)
    truth = area(label.tolist(), made.pd.tolist())
    assert truth - 0.05 < found["auc"] < truth + 0.01
    assert found["ece"] < 0.07 and found["psi"] < 0.1


def test_noise_is_called_noise(folder: Path) -> None:
    """Were rows of training judged by a model that knows them, this would look like knowledge."""
    made = german(400, seed=3)
    columns = {**made.columns, "class": ["1", "2"] * 200}
    table = read(Made(columns, made.bad, made.pd).write(folder / "noise.csv", ","))
    trained = train(table, Settings("class"), source="noise", now_ns=10**18)
    found = evaluate(in_service(trained), table)
    assert 0.4 < found.auc < 0.6 and 0.4 < found.boosted.auc < 0.6
    assert found.mean_pd == pytest.approx(0.5, abs=0.05)


def test_a_model_of_nothing_says_the_base_rate(folder: Path) -> None:
    made = german(200, seed=4)
    columns = {"same": ["x"] * 199 + [""], "sex": [""] * 200, "class": ["1", "1", "1", "2"] * 50}
    table = read(Made(columns, made.bad, made.pd).write(folder / "nothing.csv", ","))
    trained = train(table, Settings("class"), source="nothing", now_ns=10**18)
    found = in_service(trained).assess([{}, {"same": "x"}], "applicants")
    assert not trained.model.facts.scorecard.characteristics and card.files(trained)
    assert [each.pd for each in found] == pytest.approx([0.25, 0.25], abs=0.02) and not found[0].reasons


def test_a_file_in_another_form_is_the_same_rows(
    folder: Path, model: CreditModel, capsys: pytest.CaptureFixture[str]
) -> None:
    made = german(ROWS)
    columns = {name.upper().replace("_", " "): cells for name, cells in reversed(made.columns.items())}
    columns["CREDIT AMOUNT"] = [cell.replace(",", ".") for cell in columns["CREDIT AMOUNT"]]
    Made(columns, made.bad, made.pd).write(folder / "other.csv", "\t")
    before = told(capsys, "--model", str(folder / "model"), "--data", str(folder / "german.csv"), "--in-sample")
    after = told(capsys, "--model", str(folder / "model"), "--data", str(folder / "other.csv"), "--in-sample")
    assert {**after, "psi": 0.0} == {**before, "psi": 0.0}


def test_what_is_protected_moves_no_score(model: CreditModel) -> None:
    assert set(model.facts.schema.protected) == {"personal_status", "age", "foreign_worker"}
    base = {"checking_status": "<0", "duration": 48, "credit_amount": "9000,50", "credit_history": "delayed previously"}
    one, other = model.assess([base, {**base, "age": 19, "personal_status": "female div/dep/mar"}], "applicants")
    assert one == other
    assert set(model.whole.challenger.names) & set(model.facts.schema.protected) == set()


def test_a_score_is_its_probability_and_has_reasons(model: CreditModel) -> None:
    worst, best = model.assess(
        [
            {"checking_status": "<0", "duration": 48, "credit_amount": 9000, "credit_history": "delayed previously"},
            {"checking_status": "no checking", "duration": 6, "credit_amount": 900, "credit_history": "existing paid"},
        ],
        "applicants",
    )
    assert 300 <= worst.score < best.score <= 900 and worst.pd > 0.5 > best.pd
    for each in (worst, best):
        scale = model.facts.scale
        odds = (1 - each.pd) / each.pd
        assert each.score == round(scale.base_points + scale.pdo * np.log2(odds / scale.base_odds))
        assert list(each.reasons) == sorted(each.reasons, key=lambda reason: -reason.points)
    assert worst.p_approved < best.p_approved
    assert {reason.code for reason in worst.reasons} >= {"checking_status", "duration"}
    assert sum(reason.points for reason in worst.reasons) > sum(reason.points for reason in best.reasons)


def test_reasons_of_trees_are_what_usual_columns_would_gain(folder: Path, model: CreditModel) -> None:
    import msgspec

    boosted = CreditModel(
        msgspec.structs.replace(model.whole, facts=msgspec.structs.replace(model.facts, served="boosted"))
    )
    base = {"checking_status": "<0", "duration": 48, "credit_amount": 9000, "credit_history": "delayed previously"}
    found = boosted.assess([base])[0]
    assert found.reasons
    for reason in found.reasons:
        changed = {**base, reason.code: model.facts.usual[reason.code]}
        exact = [
            boosted.facts.scale.exact(boosted.log_odds(boosted.columns_of_records([each])))[0]
            for each in (base, changed)
        ]
        assert reason.points == pytest.approx(exact[1] - exact[0], abs=0.06)


@pytest.mark.parametrize(
    ("applicant", "field"),
    [
        ({"duration": "long"}, "applicant.duration"),
        ({"duration": True and [1]}, "applicant.duration"),
        ({"durations": 3}, "applicant.durations"),
        ({"checking_status": {"a": 1}}, "applicant.checking_status"),
        ({"duration": 1e301}, "applicant.duration"),
    ],
)
def test_what_is_no_applicant_is_refused(model: CreditModel, applicant: dict[str, object], field: str) -> None:
    with pytest.raises(Refused) as refused:
        model.assess([applicant])
    assert [problem.path for problem in refused.value.problems] == [field]


def test_what_is_not_known_is_a_fact_too(model: CreditModel) -> None:
    nothing, null, new = model.assess([{}, {"duration": None}, {"checking_status": "never heard of"}], "applicants")
    assert nothing == null and 300 <= new.score <= 900


def test_the_four_fifths_rule_by_hand(folder: Path) -> None:
    table = read(folder / "german.csv")
    rng = np.random.default_rng(4)
    score, label = rng.integers(300, 900, table.rows).astype(float), german(ROWS).bad.astype(float)
    ages = [int(table.columns["age"].text(row) or 0) for row in range(table.rows)]
    score += 200 * (np.array(ages) >= 45)
    found = fairness.groups(table, {"age": "age"}, score, label * 0.5, label)
    cut = sorted(score, reverse=True)[round(0.7 * table.rows) - 1]
    assert sum(each.rows for each in found) == table.rows
    bands = {
        "under 25": (0, 24),
        "25 to 34": (25, 34),
        "35 to 44": (35, 44),
        "45 to 54": (45, 54),
        "55 to 64": (55, 64),
    }
    bands["65 and older"] = (65, 130)
    rates = {}
    for each in found:
        low, high = bands[each.name]
        own = [s for s, age in zip(score, ages, strict=True) if low <= age <= high]
        assert each.rows == len(own)
        rates[each.name] = sum(s >= cut for s in own) / len(own)
        assert each.approved == pytest.approx(rates[each.name], abs=0.02)
    best = max(rates.values())
    for each in found:
        assert each.ratio == pytest.approx(rates[each.name] / best, abs=0.03)
        assert each.adverse == (each.enough and each.ratio < 0.8)
    assert any(each.adverse for each in found)


def test_the_card_tells_all_of_it(folder: Path) -> None:
    for name in ("card.md", "card.html"):
        card = (folder / "model" / name).read_text()
        for words in ("Adverse impact", "personal", "Stability", "Scorecard", "Reliability", "male single", "KS"):
            assert words in card, words
    markdown = (folder / "model" / "card.md").read_text()
    for picture in re.findall(r"\]\((\w+\.svg)\)", markdown):
        assert (folder / "model" / picture).read_bytes().startswith(b"<svg")


def test_a_damaged_model_is_refused(folder: Path, tmp_path: Path) -> None:
    for name, change in (
        ("arrays.npz", lambda data: data[:-100]),
        ("model.json", lambda data: data[:-100]),
        ("model.json", lambda data: data.replace(b'"format": 1', b'"format": 9')),
    ):
        copy = tmp_path / "copy"
        copy.mkdir(exist_ok=True)
        for each in ("arrays.npz", "model.json"):
            (copy / each).write_bytes((folder / "model" / each).read_bytes())
        (copy / name).write_bytes(change((copy / name).read_bytes()))
        with pytest.raises(Refused, match=name):
            CreditModel.load(copy)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--target", "klass"], 2, "it must be a column"),
        (["--target", "class", "--drop", "nothing"], 2, "--drop"),
        (["--target", "class", "--protected", "nothing"], 2, "--protected"),
        (["--target", "credit_history"], 2, "two outcomes"),
        (["--target", "class", "--pdo", "0"], 2, "--pdo"),
        (["--target", "class", "--drop", "checking_status,duration,credit_history,credit_amount"], 2, "left to learn"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, words: str
) -> None:
    asked = ["credit", "train", str(folder / "german.csv"), "--out", str(tmp_path / "model"), *arguments]
    assert main(asked) == status
    assert words in capsys.readouterr().err and not (tmp_path / "model").exists()


def test_people_are_scored_into_the_table_of_the_bid(
    folder: Path, model: CreditModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = german(60, seed=5)
    people = [f"email:person{n}@example.com" for n in range(58)] + ["email:nobody", ""]
    del made.columns["class"]
    path = Made({"person": people, **made.columns}, made.bad, made.pd).write(tmp_path / "people.csv", ";")
    out = tmp_path / "people.table"
    assert main(["credit", "score", str(path), "--model", str(folder / "model"), "--out", str(out),
                 "--profiles", str(tmp_path / "people.parquet")]) == 0  # fmt: skip
    said = capsys.readouterr()
    assert "58 people" in said.out and "2 rows" in said.err and "nobody" not in said.err
    table = People.open(out)
    assert len(table) == 58 and table.table.width == 16
    for row in (0, 20, 57):
        record = {name: cells[row] for name, cells in made.columns.items()}
        expected, found = model.assess([record])[0], table.get(parse_person(people[row]))
        assert found is not None and found.score == expected.score
        assert found.pd == pytest.approx(expected.pd, rel=1e-6) and found.p_approved == pytest.approx(
            expected.p_approved
        )
    assert table.get(12345) is None
    found_rows = pq.read_table(tmp_path / "people.parquet").to_pylist()
    assert len(found_rows) == 58
    for row in found_rows:
        person = table.get(row["person"])
        assert person is not None and row["score_credit"] == person.score
        assert row["score_pd_ppm"] == pytest.approx(1e6 * person.pd, abs=1)
        assert row["score_p_approved_ppm"] == pytest.approx(1e6 * person.p_approved, abs=1)


def test_a_table_of_people_refuses_what_is_no_score(tmp_path: Path) -> None:
    keys = np.array([1, 2], np.uint64)
    for wrong in ({"score": [600, 299]}, {"pd": [0.1, np.nan]}, {"p_approved": [0.5, 1.01]}):
        values = {"score": 600, "pd": 0.1, "p_approved": 0.5, "scored_at": 1, **wrong}
        with pytest.raises(Refused, match=rf"{next(iter(wrong))}\[1\]"):
            write_people(tmp_path / "table", keys, **values)  # type: ignore[arg-type]
    assert not (tmp_path / "table").exists()


def test_columns_can_be_kept_in_or_left_out_by_hand(folder: Path) -> None:
    from credit.columns import schema

    found = schema(
        read(folder / "german.csv"),
        "class",
        Asked(drop=("credit_history",), protected=("duration",), not_protected=("foreign_worker",)),
    )
    assert {plan.name for plan in found.plans} == {"checking_status", "credit_amount", "foreign_worker"}
    assert found.protected["duration"] == "as asked" and found.left[-2].name == "credit_history"
