"""``outbid reach``: what it refuses, and what it prints."""

import json
import time
from pathlib import Path

import msgspec
import pytest

from bidder.request_sample import RequestSample
from bidder.request_sample_files import SampleFiles
from cli import ask
from cli.main import main
from domain.naming import person_key
from targeting.profiles import ProfileStore
from targeting.record import NEVER
from tests.auction_table import NOW_NS, Table, snapshot


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with 60 kept requests of ten people, three of whom are card seekers."""
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OUTBID_CLOCK", f"{NOW_NS},{time.time_ns()},1")
    monkeypatch.setattr(ask, "ask", lambda url: msgspec.msgpack.encode(snapshot()))
    with ProfileStore(tmp_path / "profiles.lmdb") as store, store.write() as txn:
        store.add_segments(txn, [person_key("buyeruid", f"p{n}", "usx") for n in range(3)], 5, NEVER)
    table = Table()
    table.auction.sample = RequestSample()
    for number in range(60):
        table.decide(
            {
                "id": f"a{number}", "at": 1, "user": {"buyeruid": f"p{number % 10}", "id": f"u{number % 10}"},
                "site": {"domain": "news.example"},
                "imp": [{"id": "1", "bidfloor": 1 if number < 30 else 3, "banner": {"w": 300, "h": 250}},
                        {"id": "2", "bidfloor": 4, "video": {"mimes": ["video/mp4"]}}],
            }
        )  # fmt: skip
    SampleFiles(tmp_path / "requests", 0, table.auction.sample, table.clock, 10_000).write()
    return tmp_path


def expression(folder: Path, text: str) -> str:
    (folder / "targeting.yaml").write_text(text)
    return str(folder / "targeting.yaml")


def test_figures(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = expression(data, "audience: [seekers]\n")
    asked = ["reach", "--targeting", file, "--bid", "2.5", "--advertiser", "bank"]
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    counts = {
        name: found[name]["value"] for name in ("matching", "impressions_offered", "people", "impressions", "cost")
    }
    assert counts == {"matching": 18, "impressions_offered": 36, "people": 3, "impressions": 9, "cost": 0.02}
    assert (found["requests"], found["sampled"], found["share"]["value"], found["currency"]) == (60, 60, 0.3, "USD")
    assert main([*asked, "--format", "video"]) == 0
    told = capsys.readouterr().out
    assert "Of 60 requests" in told
    assert "30.00%" in told
    assert "usx: floor only" in told
    assert main(["reach", "--targeting", expression(data, ""), "--bid", "5", "--advertiser", "bank", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["impressions"]["value"] == 60


def test_who_is_suppressed_under_another_id(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published = msgspec.msgpack.encode(snapshot({"advertisers[0]": {"suppress": [6]}}))
    monkeypatch.setattr(ask, "ask", lambda url: published)
    with ProfileStore(data / "profiles.lmdb") as store, store.write() as txn:
        store.add_segments(txn, [person_key("user", "u1", "usx")], 6, NEVER)
    file = expression(data, "audience: [seekers]\n")
    assert main(["reach", "--targeting", file, "--bid", "2.5", "--advertiser", "bank", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["matching"]["value"], found["people"]["value"]) == (12, 2)


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("audience: [nobody]", {}, "targeting.audience[0]: 'nobody' is not allowed; it must be the key of an audience"),
        ("country: [USA]\nnot: {country: [USA]}", {}, "targeting: "),
        ("colour: [red]", {}, "there is no such dimension"),
        ("country: [USA]", {"--bid": "much"}, "--bid: 'much' is not allowed"),
        ("country: [USA]", {"--bid": "0"}, "--bid: '0' is not allowed"),
        ("country: [USA]", {"--advertiser": "nobody"}, "--advertiser: 'nobody' is not allowed; there are bank, yin"),
        ("country: [USA", {}, "the file must be YAML"),
    ],
)
def test_what_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str], text: str, options: dict[str, str], said: str
) -> None:
    given = {"--targeting": expression(data, text), "--bid": "2", "--advertiser": "bank"} | options
    assert main(["reach", *(word for pair in given.items() for word in pair)]) == 2
    assert said in capsys.readouterr().err


def test_nothing_kept_yet(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in data.glob("requests/*/*"):
        path.unlink()
    assert main(["reach", "--targeting", expression(data, ""), "--bid", "5", "--advertiser", "bank"]) == 1
    assert "no requests are kept" in capsys.readouterr().err
