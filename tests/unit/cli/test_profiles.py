"""``outbid profiles``: what it refuses, and what it writes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli import profiles
from cli.main import main
from domain.person import Stage
from targeting.profiles import ProfileStore
from targeting.record import live_segments, standing
from tests.auction_table import snapshot


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(profiles, "published", snapshot)
    return tmp_path


def table(folder: Path, **columns: object) -> str:
    pq.write_table(pa.table(columns), folder / "people.parquet")
    return str(folder / "people.parquet")


def test_load(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaigns = snapshot()
    audience = campaigns.audiences[0]
    owner = next(found for found in campaigns.advertisers if found.id == audience.advertiser)
    file = table(data, person=[7, 8, 7], audiences=[[audience.key], None, None], stage=["active", None, None])
    assert main(["profiles", "load", file, "--advertiser", owner.key]) == 0
    assert "3 rows read, 2 profiles written" in capsys.readouterr().out
    with ProfileStore(data / "profiles.lmdb", readonly=True) as store:
        record = store.reader().get(7) or b""
    assert live_segments(record, 0) == [audience.id]
    found = standing(record, owner.id)
    assert found is not None and found.stage == Stage.ACTIVE


def test_what_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "load", str(data / "none.parquet")]) == 2
    file = table(data, person=[7], audiences=[["x"]])
    assert main(["profiles", "load", file, "--advertiser", "nobody"]) == 2
    assert main(["profiles", "load", file]) == 2
    said = capsys.readouterr().err
    assert "there is no file" in said
    assert "--advertiser nobody: there are" in said
    assert "audiences: 'x' is not allowed" in said


def test_without_control_keys_of_audiences_are_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OUTBID_OUTBID_CONTROL_URL", "http://127.0.0.1:9")
    assert main(["profiles", "load", table(tmp_path, person=[7]), "--advertiser", "a"]) == 1
    assert "is `outbid up` running?" in capsys.readouterr().err


def test_copy(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "load", table(data, person=[7], audiences=[[3]])]) == 0
    assert main(["profiles", "copy", str(data / "copy")]) == 0
    with ProfileStore(data / "copy", readonly=True) as store:
        assert live_segments(store.reader().get(7) or b"", 0) == [3]
    assert main(["profiles", "copy", str(data / "copy")]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_store_that_cannot_be_trusted_or_reached_is_said_in_words(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "profiles.lmdb").mkdir()
    (data / "profiles.lmdb" / "unsynced").write_text("another boot")
    assert main(["profiles", "load", table(data, person=[7])]) == 1
    assert "the machine stopped while it was written" in capsys.readouterr().err
    monkeypatch.setattr("targeting.redis_nodes.PATIENCE_S", 0.0)
    monkeypatch.setenv("OUTBID_PROFILES_STORE", "redis://127.0.0.1:9")
    assert main(["profiles", "load", table(data, person=[7])]) == 1
    assert "127.0.0.1:9: " in capsys.readouterr().err
