"""``outbid identity``: a file of joins, what is shown of them, and splits."""

from pathlib import Path

import pytest

from cli import identity
from cli.main import main
from targeting.forgotten import Forgotten
from targeting.identity_keys import parse_person, written_key
from targeting.profiles import ProfileStore
from targeting.record import live_segments

ANN, PHONE = "buyeruid:usx:ann", "phone:+44 20 7946 0000"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(identity, "_known", lambda: ({"usx"}, {"bank"}))
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        store.join(7, [parse_person(ANN)])
    return tmp_path


def members(data: Path, *written: str) -> list[bool]:
    with ProfileStore(data / "profiles.lmdb", readonly=True) as store:
        return [live_segments(record or b"", 0) == [7] for record in store.get_many([parse_person(x) for x in written])]


def test_good_lines_are_joined_and_bad_ones_named_by_number(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = data / "joins.csv"
    file.write_text(
        f'# log-ins of June\n{ANN},email:Ann@Example.com,1,login\n\n{ANN},"{PHONE}"\n'
        f"cookie:c,{ANN},0.6,graph\ncookie:d,{ANN},0.2,graph\n"
        f"{ANN}\n{ANN},email:ann.example.com\n{ANN},{ANN}\n{ANN},user:nobody:1\n{ANN},cookie:e,1.5\n{ANN},cookie:e,x\n"
    )
    assert main(["identity", "join", str(file)]) == 2
    said = capsys.readouterr()
    assert "10 lines, 4 of them new joins, 6 refused" in said.out
    problems = said.err.splitlines()
    assert [line.partition(": ")[0].rpartition(" ")[2] for line in problems] == ["7", "8", "9", "10", "11", "12"]
    for line, reason in zip(
        problems, ("1 fields", "NAME@DOMAIN", "the same", "no exchange 'nobody'", "up to 1", "up to 1"), strict=True
    ):
        assert reason in line
    assert "ann.example.com" not in said.err and "7946" not in said.err
    assert members(data, ANN, "email:ann@example.com", PHONE, "cookie:c", "cookie:d") == [True] * 4 + [False]
    assert main(["identity", "join", str(file)]) == 2
    assert "10 lines, 0 of them new joins" in capsys.readouterr().out


def test_lines_of_who_was_forgotten_are_passed_over(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Forgotten(data).add([parse_person("cookie:gone")], 1)
    (data / "joins.csv").write_text(f"cookie:gone,{ANN}\n" * 101 + f"cookie:c,{ANN}\n")
    assert main(["identity", "join", str(data / "joins.csv")]) == 0
    assert "102 lines, 1 of them new joins, 0 refused, 101 of forgotten persons passed over" in capsys.readouterr().out
    assert members(data, "cookie:gone", "cookie:c") == [False, True]


def test_what_is_shown(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "joins.csv").write_text(f"email:ann@example.com,{ANN},0.9,login\n")
    assert main(["identity", "join", str(data / "joins.csv")]) == 0
    capsys.readouterr()
    assert main(["identity", "show", ANN]) == 0
    said = capsys.readouterr().out
    ann, mail = written_key(parse_person(ANN)), written_key(parse_person("email:ann@example.com"))
    assert f"  {ann}  asked for\n" in said and f"  {mail}  the person's\n" in said
    assert f"  {mail} and {ann}: login, confidence 0.9, 20" in said and "There is a profile." in said
    assert main(["identity", "show", mail]) == 0
    assert f"  {mail}  asked for, the person's" in capsys.readouterr().out
    assert main(["identity", "show", "cookie:nobody"]) == 0
    assert "Nothing was joined with it.\nThere is no profile." in capsys.readouterr().out
    assert main(["identity", "show", "user:nobody:1"]) == 2


def test_split(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "joins.csv").write_text(f"cookie:c,{ANN}\ncookie:c,cookie:d\ncookie:d,{ANN}\n")
    assert main(["identity", "join", str(data / "joins.csv")]) == 0
    assert main(["identity", "split", ANN, "cookie:c"]) == 1
    assert "by way of other keys" in capsys.readouterr().err
    assert main(["identity", "split", "cookie:d", ANN]) == 0
    assert members(data, ANN, "cookie:c", "cookie:d") == [True, False, False]
    assert main(["identity", "split", "cookie:d", ANN]) == 1
    assert main(["identity", "rebuild"]) == 0
    assert "2 joined keys looked at" in capsys.readouterr().out


def test_a_file_that_is_not_there(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identity", "join", str(data / "none.csv")]) == 2
    assert "it must be a file that can be read" in capsys.readouterr().err


def test_without_control_names_are_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OUTBID_OUTBID_CONTROL_URL", "http://127.0.0.1:9")
    (tmp_path / "joins.csv").write_text("user:anything:1,cookie:c\n")
    assert main(["identity", "join", str(tmp_path / "joins.csv")]) == 0
    assert "are not checked" in capsys.readouterr().err
