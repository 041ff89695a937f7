"""`outbid train` and `outbid evaluate` on files; scikit-learn measures the artefact's scores once more."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from cli.main import main
from prediction.artefact import describe, load
from prediction.feature_set import category, number

COLUMNS = ["--label", "clicked", "--time", "at", "--time-format", "unix", "--numbers", "age", "--categories", "site"]


def written(path: Path, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A file of rows; their values and labels."""
    rng = np.random.default_rng(seed)
    site, age = rng.integers(0, 6, count), rng.normal(size=count).round(3)
    label = (rng.random(count) < 1 / (1 + np.exp(1.2 - site / 3 + age))).astype(int)
    rows = zip(range(count), site, age, label, strict=True)
    path.write_text("at,site,age,clicked\n" + "".join(f"{seed * 10**6 + n},s{s},{a},{y}\n" for n, s, a, y in rows))
    return np.array([[number(a), category(f"s{s}")] for s, a in zip(site, age, strict=True)], np.uint32), label


def test_from_files_to_an_artefact_and_what_it_is_worth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "old.csv", 1200, 1)
    values, label = written(tmp_path / "new.csv", 800, 2)
    out = tmp_path / "model"
    asked = ["train", "--format", "csv", "--data", str(tmp_path / "old.csv"), "--model", "lr", "--out", str(out)]
    assert main([*asked, *COLUMNS, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"] == 360 and told["rows_learnt"] == 1200 and 0.5 < told["auc"] < 1
    assert {"card.md", "card.html", "dataset.json", "model.json"} <= {path.name for path in out.iterdir()}
    description = describe(out)
    assert description.target == "ctr" and description.trained_on.rows == 1200
    assert description.metrics["auc_low"] < description.metrics["auc"] == told["auc"]

    assert main(["evaluate", "--model", str(out), "--data", str(tmp_path / "new.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    scores = load(out).scores(values)
    assert list(found)[:7] == ["rows", "base_rate", "auc", "logloss", "ne", "ece", "seconds"]
    assert found["rows"] == 800 and found["base_rate"] == pytest.approx(label.mean())
    assert found["auc"] == pytest.approx(roc_auc_score(label, scores), abs=1e-9)
    assert found["logloss"] == pytest.approx(log_loss(label, scores), abs=1e-9)
    assert found["ne"] == pytest.approx(found["logloss"] / log_loss(label, np.full(800, label.mean())), abs=1e-9)

    alike = tmp_path / "alike.csv"  # one label only, and a bad line: what needs both is not told
    alike.write_text("at,site,age,clicked\n1,s1,0.5,0\n2,s2,old,0\n3,s1,,0\n")
    assert main(["evaluate", "--model", str(out), "--data", str(alike), "--json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert found["rows"] == 2 and found["auc"] is None and found["ne"] is None and found["bad_lines"] == 1
    assert "line 3" in printed.err

    assert main([*asked, *COLUMNS]) == 2 and "never changed" in capsys.readouterr().err
    refused = {
        "features must be those": ["--format", "criteo"],
        "they are csv version 1": ["--label", "clicked", "--numbers", "site", "--categories", "age"],
        "only csv has a mapping": ["--format", "criteo", "--label", "clicked"],
        "must be given": ["--label", "clicked"],
        "must be a file": ["--data", str(tmp_path / "none.csv")],
    }
    for said, more in refused.items():
        status = main(["evaluate", "--model", str(out), "--data", str(tmp_path / "new.csv"), *more])
        assert status == 2 and said in capsys.readouterr().err, said
    for name in ("dataset.json", "history.npz", "arrays.bin"):
        was = (out / name).read_bytes() if (out / name).exists() else None
        (out / name).write_bytes(b"{")
        assert main(["evaluate", "--model", str(out), "--data", str(tmp_path / "new.csv")]) == 2
        assert name in capsys.readouterr().err
        (out / name).unlink() if was is None else (out / name).write_bytes(was)


def test_what_cannot_be_trained_on_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "rows.csv"
    written(data, 300, 3)
    asked = ["train", "--format", "csv", "--data", str(data), "--out", str(tmp_path / "model"), "--model", "lr"]
    for said, more in {
        "--most-rows": [*COLUMNS, "--most-rows", "299"],
        "--test-share": [*COLUMNS, "--test-share", "1"],
        "csv needs one": [],
        "must not stand beside": [*COLUMNS, "--mapping", str(data)],
        "mapping": ["--mapping", str(data)],
        "its header": ["--label", "none", "--numbers", "age"],
        "target": [*COLUMNS, "--target", "c t r"],
    }.items():
        assert main([*asked, *more]) == 2, said
        assert said in capsys.readouterr().err
    assert not (tmp_path / "model").exists()
