"""The reach forecast where profiles are in Redis: persons are who they are on the bid path."""

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
from targeting.redis_address import parse
from targeting.redis_profiles import RedisProfiles
from tests.auction_table import NOW_NS, Table, snapshot
from tests.redis_server import RedisServer


def test_who_has_several_keys_is_one_person(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whichever of the keys their requests have, that of the person or others."""
    redis_server.ask("FLUSHALL")
    table = Table()
    table.auction.sample = RequestSample()
    for number in range(12):
        table.decide(
            {
                "id": str(number), "user": {"buyeruid": f"k{number % 4}"}, "site": {"domain": "news.example"},
                "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
            }
        )  # fmt: skip
    SampleFiles(tmp_path / "requests", 0, table.auction.sample, table.clock, 10_000).write()
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("OUTBID_CLOCK", f"{NOW_NS},{time.time_ns()},1")
    monkeypatch.setenv("OUTBID_PROFILES_STORE", redis_server.url)
    monkeypatch.setattr(ask, "ask", lambda url: msgspec.msgpack.encode(snapshot()))
    keys = [person_key("buyeruid", f"k{n}", "usx") for n in range(4)]
    card = person_key("first_party", "7", "bank")
    with RedisProfiles(parse(redis_server.url)) as people:
        people.join(5, [keys[0], keys[3], card])
        people.identity.join(keys[0], keys[1], "login", 1.0, 5)
        people.identity.join(card, keys[2], "login", 1.0, 5)
    (tmp_path / "targeting.yaml").write_text("audience: [seekers]\n")
    asked = ["reach", "--targeting", str(tmp_path / "targeting.yaml"), "--bid", "9", "--advertiser", "bank", "--json"]
    assert main(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["matching"]["value"], found["people"]["value"]) == (12, 3)
