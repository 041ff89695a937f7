"""``outbid people show`` and ``forget`` where bids are held in a real Redis."""

import asyncio
import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from cli import forgetting
from cli.person_export import export
from credit.people import write_people as write_credit
from cython_ext.key_table import KeyTable, write_key_table
from domain.clock import SystemClock
from domain.naming import person_key
from domain.settings import Places
from risk import decisions
from risk.counters import Counters, Event
from risk.list_files import Edit
from risk.list_writer import ListWriter
from risk.people import write_people as write_risk
from targeting.households import device_key
from targeting.identity_keys import written_key
from targeting.redis_address import parse
from targeting.redis_holds import RedisHolds
from targeting.stores import open_store
from tests.redis_server import RedisServer

ANN, HER_IFA, BEN = person_key("buyeruid", "ann", "usx"), person_key("ifa", "A-1"), person_key("buyeruid", "ben", "usx")


NOW_S = 1_795_000_000
SCORED = {
    "scored": {
        written_key(ANN): {"score": 712, "pd": 0.25, "p_approved": 0.5, "scored_at": "2026-11-18T11:06:40+00:00"}
    }
}


def a_decision_about(root: Path, *persons: int) -> Path:
    """The risk service's directory, where each of them has applied for credit, and was decided about."""
    (root / "counters").mkdir(parents=True)
    with contextlib.closing(Counters.open(root / "counters", slots=1024)) as counters:
        for person in persons:
            counters.observe(Event("application", NOW_S - 60, (("key", person),), 0, 1))

    async def record() -> None:
        log = decisions.DecisionLog(root)
        for person in persons:
            key = decisions.packed([person])
            await log.record(
                decisions.Decision(
                    decisions.nonce(), 1, "bank", "f", "v", "approve", (), 0.0, key, ("key",), "", {}, {}, (), {}
                )
            )
        log.close()

    asyncio.run(record())
    return root


def test_of_a_fleet_the_bids_in_flight_are_shown_and_go(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    redis_server: RedisServer,
) -> None:
    redis_server.ask("FLUSHALL")
    monkeypatch.setenv("OUTBID_PROFILES_STORE", redis_server.url)
    monkeypatch.setattr(forgetting, "SETTLE_S", 0)
    place = Places(data_dir=str(tmp_path), holds=500, reporter_port=1, risk_port=1, control_url="http://127.0.0.1:1")
    with open_store(tmp_path) as store:
        store.join(7, [ANN, BEN])
        store.identity.join(ANN, HER_IFA, "login", 1.0, 1_700_000_000)
    with RedisHolds(parse(redis_server.url)) as holds:
        for bid, key in enumerate((ANN, ANN, HER_IFA, device_key(HER_IFA & 0xFFFF_FFFF), BEN)):
            holds.report(key, (bid, 2, 1, 3, 4))
    lists = ListWriter(tmp_path / "risk" / "lists", SystemClock())
    lists.edit("add", "black", "bank", [Edit(written_key(ANN), "fraud"), Edit(written_key(BEN), "fraud")], "desk")
    risk = a_decision_about(tmp_path / "risk", ANN, BEN)
    elsewhere = [tmp_path_factory.mktemp("elsewhere") / name for name in ("risk", "bid", "service")]
    for path, width in zip(elsewhere, (12, 16, 16), strict=True):
        write_key_table(path, np.array([ANN, BEN], np.uint64), bytes(2 * width), width)
    monkeypatch.setenv("OUTBID_RISK_MODULE_TABLE", str(elsewhere[0]))
    monkeypatch.setenv("OUTBID_CREDIT_MODULE_TABLE", str(elsewhere[1]))
    monkeypatch.setenv("OUTBID_CREDIT_PEOPLE", str(elsewhere[2]))
    both = np.array([ANN, BEN], np.uint64)
    write_risk(risk / "people.table", both, [640, 1], [-1, 5], 0, NOW_S)
    (tmp_path / "credit").mkdir()
    write_credit(tmp_path / "credit" / "people.table", both, [712, 300], [0.25, 0], 0.5, NOW_S)
    with RedisHolds(parse(redis_server.url)) as holds:
        shown = json.loads(export(place, HER_IFA))
        assert len(shown["bids_in_flight"]) == 4 and len(shown["keys"]) == 2
        (decided,), (entry,) = shown["risk"]["decisions"], shown["risk"]["lists"]
        assert decided["subject"] == [written_key(ANN)] and decided["institution"] == "bank"
        assert (entry["list"], entry["institution"], entry["reason"]) == ("black", "bank", "fraud")
        assert shown["risk"]["counted"]["applications_30d"] == 1
        assert (shown["risk"]["scored"][written_key(ANN)]["fraud"], shown["credit"]) == (640, SCORED)
        said: list[str] = []
        with monkeypatch.context() as patched:
            patched.setattr(forgetting, "_let_go", lambda place, keys: 0)
            assert not forgetting.forget(place, ANN, said.append) and "bids in flight: held under" in said[-1]
        assert forgetting.forget(place, ANN, said.append), said
        assert any("1 entries stay" in one for one in said)
        assert [KeyTable(path).keys().tolist() for path in elsewhere] == [[BEN]] * 3
        assert [decisions.keys_of(found.decision) for found in decisions.recorded(risk)] == [(0,), (BEN,)]
        with contextlib.closing(Counters.open(risk / "counters", readonly=True)) as counters:
            applied = [counters.facts([("key", key)], 0, NOW_S)["applications_7d"] for key in (ANN, BEN)]
        assert applied == [0, 1]
        assert "bids in flight: 4 taken out" in said and len(holds.held(BEN)) == 1 and holds.held(ANN) == []
        shown = json.loads(export(place, ANN))
        assert shown["bids_in_flight"] == [] and shown["credit"] == {} and shown["risk"].keys() == {"lists"}
