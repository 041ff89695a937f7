"""``outbid credit products`` and ``outbid credit match``."""

import json
from pathlib import Path

import pytest

from cli.main import main

EXAMPLE = str(Path(__file__).parents[3] / "examples" / "products.yaml")
TAGS = [
    "credit.score=702",
    "identity.age=33",
    "identity.verified=yes",
    "device.fraud=20",
    "identity.phone_verified=yes",
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_a_file_is_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["credit", "products", "validate", EXAMPLE]) == 0
    text = capsys.readouterr().out
    assert "2 lenders, 3 products, all money in USD" in text and "10 conditions in 3 alternatives" in text
    assert main(["credit", "products", "validate", EXAMPLE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["products"][0]["key"] == "flex"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(Path(EXAMPLE).read_text().replace('credit.score: [">=620"]', "credit.score: [high]"))
    assert main(["credit", "products", "validate", str(wrong)]) == 2
    told = capsys.readouterr().err
    assert "lenders[0].products[0].eligibility.credit.score[0]: 'high' is not allowed; it must be a range" in told


def test_a_match_is_explained_and_nothing_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["credit", "match", "--products", EXAMPLE, "--amount", "3000", "--term", "12"]
    tags = [word for tag in TAGS for word in ("--tag", tag)]
    assert main([*asked, *tags, "--explain", "--json"]) == 0
    told = {one["product"]: one for one in json.loads(capsys.readouterr().out)["products"]}
    flex, prime, start = (told[path] for path in ("northbank/flex", "northbank/prime", "sunrise/start"))
    assert flex["share"] + start["share"] == pytest.approx(1) and flex["share"] > start["share"] > 0
    assert flex["payout"] == pytest.approx(64.0)
    assert flex["expected_value"] == pytest.approx(flex["p_approved"] * flex["payout"] - flex["expected_loss"])
    assert prime["reasons"][:2] == ["the amount is outside of the product's", "credit.score is not >=720"]
    assert list(tmp_path.iterdir()) == []
    assert main([*asked, *tags]) == 0
    text = capsys.readouterr().out
    assert "northbank/flex" in text and "prime" not in text
    assert main(asked) == 0
    assert "No product can be offered." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--tag", "credit.score"], "it must be FAMILY.NAME=VALUE"),
        (["--tag", "credit.score=good"], "it must be a number"),
        (["--tag", "credit.scor=7"], "the tags of credit are"),
        (["--tag", "credit.pd=1.5"], "it must be a probability"),
        (["--amount", "none"], "it must be an amount of money above 0"),
        (["--term", "900"], "it must be a number of months up to 600"),
    ],
)
def test_what_is_refused(arguments: list[str], allowed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["credit", "match", "--products", EXAMPLE, "--amount", "3000", *arguments]) == 2
    assert allowed in capsys.readouterr().err
