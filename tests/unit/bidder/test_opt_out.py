"""Who opted out or was forgotten: the bid is by context, and nobody, the log included, knows whose request it is."""

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from bidder.auction import NoBid
from bidder.enrichment.profile import ProfileModule
from bidder.server import open_people
from domain.events import Bid
from domain.naming import person_key
from domain.settings import Places
from targeting import opt_outs
from targeting.forgotten import Forgotten
from targeting.profile_reader import Reader
from targeting.profiles import ProfileStore
from targeting.record import OPT_OUT, is_member
from tests.auction_table import People, Table

REQUEST: dict[str, Any] = json.loads((Path(__file__).parents[2] / "golden" / "request.json").read_text())
ANN = person_key("buyeruid", "ann", "usx")
NEVER = 2**32 - 1


def table(segments: dict[int, int], data: Path) -> tuple[Table, Forgotten]:
    people = People()
    people.put("buyeruid:usx:ann", segments, {})
    played, forgotten = Table(people=people), Forgotten(data)
    played.auction.chain.modules = (ProfileModule(people, forgotten), *played.auction.chain.modules[1:])
    return played, forgotten


def known(played: Table) -> tuple[bool, int, str | None]:
    """Whether the request is about a person, whom the log names, and the address that places are looked up by."""
    outcome = played.decide({**REQUEST, "device": {**REQUEST["device"], "ip": "203.0.113.77"}})
    assert not isinstance(outcome, NoBid)
    bid = played.events()[-1]
    assert isinstance(bid, Bid)
    request = played.auction.request
    assert (request.person == 0) == (request.record is None) == (not request.personal)
    return request.personal, bid.person, request.address


def test_opted_out(tmp_path: Path) -> None:
    played, _ = table({5: NEVER}, tmp_path)
    assert known(played) == (True, ANN, "203.0.113.77")
    played.people.put("buyeruid:usx:ann", {OPT_OUT: NEVER, 5: NEVER}, {})
    assert known(played) == (False, 0, "203.0.113.0")


def test_forgotten_until_remembered(tmp_path: Path) -> None:
    played, forgotten = table({5: NEVER}, tmp_path)
    teller = Forgotten(tmp_path)  # another process
    assert teller.add([ANN, 7], 1) == 2
    assert known(played)[0], "not looked at yet"
    assert forgotten.refresh() and not forgotten.refresh()
    assert known(played) == (False, 0, "203.0.113.0")
    assert teller.remove([ANN]) == 1 and forgotten.refresh()
    assert known(played)[1] == ANN


@pytest.mark.parametrize("record", [b"\0", b"\x02", b"\x63rubbish"])
def test_a_record_that_did_not_come_in_time_may_be_of_one_who_opted_out(tmp_path: Path, record: bytes) -> None:
    played, _ = table({}, tmp_path)
    played.people.records[ANN] = record
    assert known(played)[0] is (record != b"\0")


async def test_a_worker_that_finds_another_store_puts_the_opt_outs_back(tmp_path: Path) -> None:
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        opt_outs.opt_out(store, tmp_path, [ANN])
    shutil.rmtree(tmp_path / "profiles.lmdb")
    people = open_people(Places(data_dir=str(tmp_path)), asyncio.get_running_loop())
    people.keep.close()
    assert isinstance(people.source, Reader)
    assert is_member(people.source.get(ANN) or b"", OPT_OUT) and people.source.any_opted_out
    people.close()


def test_a_worker_knows_within_a_look_at_the_store_whether_anybody_opted_out(tmp_path: Path) -> None:
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        reader = store.reader()
        assert not reader.any_opted_out
        for at_s, change, there in ((1, store.join, True), (2, store.leave, False)):
            change(OPT_OUT, [ANN])
            reader.renew(time.monotonic() + at_s)
            assert reader.any_opted_out is there
        reader.close()
