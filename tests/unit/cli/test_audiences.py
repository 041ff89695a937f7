"""``outbid audiences``: lists in, sizes and overlaps out, and what is refused."""

import json
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from cli import audience_import, known_audiences
from cli.main import main
from domain.audience import AudienceSet
from domain.campaign import Audience, Snapshot
from targeting.identity_keys import parse_person
from targeting.profiles import ProfileStore
from targeting.record import NEVER
from targeting.unpacked import unpack
from tests.auction_table import snapshot


def campaigns() -> Snapshot:
    made = (
        Audience(5, "seekers", 1, "Seekers", 0, ttl_s=3_600),
        Audience(6, "customers", 1, "Customers", 0),
        Audience(7, "new", 1, "New ones", 0, of=AudienceSet(all_of=(5,), none_of=(6,))),
    )
    return replace(snapshot(), audiences=made)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(known_audiences, "published", campaigns)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_lists_in_and_counts_out(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = data / "crm.csv"
    table.write_text("maid,cookie\n" + "".join(f"a{n},\n" for n in range(30)) + ",c1\n,\n")
    columns = ["--column", "ifa=maid", "--column", "user:usx=cookie"]
    assert main(["audiences", "import", "seekers", str(table), "--advertiser", "bank", *columns]) == 0
    said = capsys.readouterr().out
    assert "32 rows, 1 without an id: 31 different persons" in said
    assert "ifa: 30, of whom 0 are known (0.0%)" in said and "31 added, 0 removed" in said
    plain = data / "customers.txt"
    plain.write_text("".join(f"ifa:A{n}\n" for n in range(10)))
    assert main(["audiences", "import", "customers", str(plain)]) == 0
    assert "the audience has 10 members\nthose of this list are members for ever" in capsys.readouterr().out
    with ProfileStore(data / "profiles.lmdb", readonly=True) as store:
        record = unpack(store.reader().get(parse_person("ifa:a3")) or b"")
    assert record.segments[6] == NEVER and abs(record.segments[5] - time.time() - 3_600) < 60, "as its ttl says"
    assert main(["audiences", "list", "--format", "json"]) == 0
    rows = {row["audience"]: row for row in json.loads(capsys.readouterr().out)}
    assert {key: (row["members"], row["live"]) for key, row in rows.items()} == {
        "seekers": (31, 31), "customers": (10, 10), "new": (21, 21),
    }  # fmt: skip
    assert (rows["seekers"]["source"], rows["new"]["source"]) == (str(table), "set")
    assert main(["audiences", "overlap", "seekers", "customers", "new", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["shared"] == [[31, 10, 21], [10, 10, 0], [21, 0, 21]]
    assert found["share_of_row"][1] == [1.0, 1.0, 0.0]
    assert main(["audiences", "overlap", "seekers", "customers"]) == main(["audiences", "list"]) == 0
    assert "10 (32.3%)" in capsys.readouterr().out
    assert main(["audiences", "import", "seekers", str(plain), "--remove"]) == 0
    assert "0 added, 10 removed" in capsys.readouterr().out
    assert main(["audiences", "import", "seekers", str(plain), "--add", "--ttl", "30d"]) == 0
    assert "the audience has 31 members\nthose of this list are members until 20" in capsys.readouterr().out
    assert main(["audiences", "clean"]) == 0
    assert "0 members taken out of 2 audiences" in capsys.readouterr().out
    assert not list((data / "imports").glob("*[!k]"))


def test_bad_lines_are_told_and_change_nothing_unless_they_may_be_left_out(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = data / "list.txt"
    plain.write_text("ifa:a\nnobody\nifa:b\nuser:nowhere:1\n")
    for allowed in ("0", "1"):
        assert main(["audiences", "import", "customers", str(plain), "--max-bad", allowed]) == 2
        said = capsys.readouterr().err
        assert "line 2: 'nobody' is not allowed" in said and "line 4: 'user:nowhere:1'" in said
    assert main(["audiences", "list", "--format", "json"]) == 0
    assert [row["members"] for row in json.loads(capsys.readouterr().out)] == [0, 0, 0]
    assert main(["audiences", "import", "customers", str(plain), "--max-bad", "2"]) == 0
    assert "4 rows, 2 bad lines left out: 2 different persons" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["import", "nobodies", "x.txt"], "'nobodies' is not allowed; the audiences are customers, new, seekers"),
        (["import", "seekers", "x.txt", "--advertiser", "yin"], "the audiences of yin are none"),
        (
            ["import", "seekers", "x.txt", "--advertiser", "me"],
            "--advertiser: 'me' is not allowed; there are bank, yin",
        ),
        (["import", "new", "x.txt"], "it is made of other audiences"),
        (["import", "seekers", "x.txt"], "'No such file or directory'"),
        (["import", "seekers", "x.csv"], "which of its columns hold which ids"),
        (["import", "seekers", "x.csv", "--column", "maid"], "it must be KIND=NAME"),
        (["import", "seekers", "x.txt", "--ttl", "soon"], "--ttl: 'soon' is not allowed; it must be a time such as"),
        (["overlap", "seekers", "me"], "'me' is not allowed"),
        (["list", "--advertiser", "me"], "there are bank, yin"),
    ],
)
def test_what_is_refused(data: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["audiences", *words]) == 2
    assert said in capsys.readouterr().err


def test_one_import_into_an_audience_at_a_time(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = data / "list.txt"
    plain.write_text("ifa:a\n")
    with audience_import.alone(data / "imports", 6) as running:
        running.mkdir()
        (data / "imports" / "5").mkdir()
        assert main(["audiences", "import", "customers", str(plain)]) == 2
        assert running.is_dir() and not (data / "imports" / "5").exists(), "what one that was killed has left"
    assert "another import into this audience is running" in capsys.readouterr().err
    assert main(["audiences", "import", "customers", str(plain)]) == 0
    assert not running.exists()


def test_without_control_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OUTBID_OUTBID_CONTROL_URL", "http://127.0.0.1:9")
    assert main(["audiences", "list"]) == 1
    assert "is `outbid up` running?" in capsys.readouterr().err
