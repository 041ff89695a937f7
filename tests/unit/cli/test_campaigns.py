"""Importing campaigns, and an advertiser's secret, as typed on the command line."""

from pathlib import Path

import pytest

from cli.main import main
from domain.keys import load_keys, postback_secret

EXAMPLES = Path(__file__).parents[3] / "examples" / "consumer-finance" / "campaigns.yaml"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    return tmp_path


def test_an_import_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["campaigns", "import", str(EXAMPLES)]) == 0
    first = capsys.readouterr().out
    assert first.endswith("published as version 1\n")
    assert main(["campaigns", "import", str(EXAMPLES)]) == 0
    again = capsys.readouterr().out
    assert again.endswith("nothing changed; still version 1\n")
    kinds = {line[:12].strip(): line[12:].split() for line in first.splitlines()[:-1]}
    assert kinds.keys() >= {"advertisers", "campaigns", "line items", "creatives", "audiences", "deals", "exchanges"}
    assert int(kinds["line items"][0]) >= 25


def test_a_mistake_in_a_file_is_answered_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("advertisers:\n  - {key: one, currency: dollars}\n")
    assert main(["campaigns", "import", str(broken)]) == 2
    said = capsys.readouterr().err
    assert "advertisers[0].currency: 'dollars' is not allowed" in said


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["campaigns", "import", "no/such.yaml"]) == 2
    assert capsys.readouterr().err == "outbid: there is no file 'no/such.yaml'\n"


def test_a_secret_is_the_advertisers_own(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["campaigns", "import", str(EXAMPLES)])
    capsys.readouterr()
    assert main(["secret", "northgate"]) == 0
    assert capsys.readouterr().out == f"{postback_secret(load_keys(data), 'northgate')}\n"


def test_there_is_no_secret_of_an_advertiser_that_is_not_defined(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["secret", "northgat"]) == 2
    assert "there is no advertiser 'northgat'; known: none is defined yet" in capsys.readouterr().err
