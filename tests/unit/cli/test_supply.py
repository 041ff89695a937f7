"""``outbid supply``: what it refuses, and what it says of the store."""

import time
from pathlib import Path

import pytest

from cli.main import main
from targeting import sellers
from targeting.seller_files import File, SellerFiles


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    now = int(time.time())
    until = now + 3_600
    with SellerFiles(tmp_path / "supply.lmdb") as files:
        files.put(
            [
                (
                    File("ads.txt", "news.example", "good", now, until, until, entries=2),
                    sellers.pack([("ssp.example", "1", sellers.DIRECT), ("ssp.example", "2", sellers.RESELLER)], until),
                ),
                (
                    File("ads.txt", "www.news.example", "alias", now, alias="news.example"),
                    sellers.pack_alias("x.example", until),
                ),
                (File("ads.txt", "slow.example", "failed", now, until, until, "no whole answer within 60 s", 3), None),
                (File("sellers.json", "ssp.example", "none", now, until, until), sellers.pack_none(until)),
            ]
        )
    return tmp_path


@pytest.mark.parametrize(
    ("seller", "said"), [("ssp.example:1", "direct"), ("SSP.example:2", "reseller"), ("ssp.example:3", "not listed")]
)
def test_show(store: Path, capsys: pytest.CaptureFixture[str], seller: str, said: str) -> None:
    assert main(["supply", "show", "www.news.example", "--seller", seller]) == 0
    told = capsys.readouterr().out
    assert "that of news.example counts" in told and "2 sellers" in told
    assert told.endswith(f"{seller}: {said}\n")


def test_show_of_what_is_not_known(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["supply", "show", "other.example"]) == 1
    assert "nothing is known about other.example" in capsys.readouterr().err


def test_status(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["supply", "status"]) == 0
    told = capsys.readouterr().out
    assert "ads.txt        failed   1" in told
    assert "no whole answer within 60 s" in told and "3 times in a row" in told and "the last copy counts until" in told


@pytest.mark.parametrize("options", [["--no-log"], ["--concurrency", "0"], ["--every", "-1"], ["none.txt", "--no-log"]])
def test_what_fetch_refuses(store: Path, options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBID_OUTBID_CONTROL_URL", "http://127.0.0.1:1")
    assert main(["supply", "fetch", *options]) == 2
