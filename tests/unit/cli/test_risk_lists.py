"""``outbid risk lists`` as a person runs it."""

import json
import os
from pathlib import Path

import pytest

from cli.main import main
from targeting.identity_keys import parse_person, written_key


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOGNAME", "ann")
    monkeypatch.setattr(os, "fsync", lambda file: None)


def test_a_list_is_imported_looked_up_exported_and_audited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, black, north = tmp_path / "list.csv", ["--list", "black"], ["--institution", "north"]
    file.write_text("id,reason\nphone:+49 171 5550123\ncard:4111111111111112\nip:10.0.0.0/8,hosting,feed,never\n")
    terms = ["--reason", "fraud", "--source", "desk", "--expires", "90d"]
    assert main(["risk", "lists", "import", str(file), *black, *north, *terms]) == 2
    assert "line 3" in (refused := capsys.readouterr().err) and "4111" not in refused
    assert main(["risk", "lists", "import", str(file), *black, *north, *terms, "--max-bad", "1"]) == 0
    told = capsys.readouterr()
    assert "3 rows, 1 of them bad: 2 added" in told.out and "line 3" in told.err
    assert main(["risk", "lists", "add", "device:a", *black, "--reason", "seen"]) == 0
    assert main(["risk", "lists", "look", "phone:+491715550123", "ip:10.1.1.1", "device:b", *north]) == 0
    told = capsys.readouterr()
    assert "1 added" in told.out and "black list of north by 10.0.0.0/8: hosting (from feed), for ever" in told.out
    assert "device:b: on no list" in told.out and "black list of north: fraud (from desk), until" in told.out
    assert main(["risk", "lists", "look", "device:a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["standing"] == "black"
    assert main(["risk", "lists", "look", "phone:+491715550123"]) == 1

    out = tmp_path / "out.csv"
    assert main(["risk", "lists", "export", *black, *north, "--out", str(out)]) == 0
    key = written_key(parse_person("phone:+491715550123"))
    ranges, id_ = out.read_text().splitlines()
    assert ranges == "ip:10.0.0.0/8,hosting,feed,never" and id_.startswith(f"{key},fraud,desk,1")
    capsys.readouterr()
    assert main(["risk", "lists", "import", str(out), *black, *north, "--replace"]) == 0
    assert "2 rows: 0 added, 2 changed, 0 removed" in capsys.readouterr().out
    assert main(["risk", "lists", "remove", "device:a", "device:b", *black]) == 1
    assert main(["risk", "lists", "import", str(out), *black, *north, "--remove"]) == 0
    assert "2 removed, 0 expired; the list has 0 entries" in capsys.readouterr().out
    assert main(["risk", "lists", "show"]) == 0

    assert main(["risk", "lists", "audit"]) == 0
    told_out = capsys.readouterr().out
    assert told_out.count("  ann@") == 7 and f"import of {out} (replace, SHA-256 " in told_out
    assert main(["risk", "lists", "audit", "--id", "device:a", "--json"]) == 0
    assert [json.loads(line)["action"] for line in capsys.readouterr().out.splitlines()] == ["add", "remove"]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["add", "device:a", "--list", "black"], "--reason"),
        (["add", "device:a", "--list", "black", "--reason", "x" * 201], "--reason"),
        (["add", "device:a", "--list", "black", "--reason", "x", "--expires", "2020-01-01"], "expired already"),
        (["add", "device:a", "--list", "black", "--reason", "x", "--expires", "soon"], "a time is written"),
        (["look", "tel:+49 171 5550123"], "a person is written"),
        (["import", "/nowhere", "--list", "black"], "No such file"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["risk", "lists", *arguments]) == 2
    assert wrong in (told := capsys.readouterr().err) and "5550123" not in told
