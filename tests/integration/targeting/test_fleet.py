"""A fleet on one Redis: what trackers, loading and bid ports do with it."""

import asyncio
import json
import signal
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

import trackers.joins
from bidder.config import BidderSettings
from bidder.enrichment.profile import ProfileModule
from bidder.http import BidConnection
from bidder.service import Service
from bidder.waiting_room import WaitingRoom
from domain.audience_rule import AllOf, Happened, Not
from domain.campaign import Audience
from domain.clock import SECOND
from domain.events import Kind, Mark, Visit
from domain.naming import person_key
from targeting.forgotten import Forgotten
from targeting.loading import load
from targeting.profile_tables import Table as People
from targeting.profiles import ProfileStore
from targeting.record import (
    OPT_OUT,
    advertiser_scope,
    audience_scope,
    campaign_scope,
    creative_scope,
    is_member,
    line_item_scope,
    live_segments,
)
from targeting.record_editor import Editor
from targeting.redis_address import Away, parse
from targeting.redis_lookup import RedisLookup
from targeting.redis_nodes import Command
from targeting.redis_profiles import RedisProfiles
from targeting.unpacked import unpack
from tests.auction_table import NOW_NS, Table, snapshot
from tests.redis_server import RedisServer
from tests.unit.bidder.test_http import REQUEST, post, read_answer
from tests.unit.trackers.test_counting import CONVERSION, NOTICE
from trackers.audience_rules import RuleBook
from trackers.joins import Joins
from trackers.memory import Memory

ANN = person_key("buyeruid", "ann", "usx")


@pytest.fixture
def people(redis_server: RedisServer) -> RedisProfiles:
    redis_server.ask("FLUSHALL")
    return RedisProfiles(parse(redis_server.url))


def test_rules_are_decided_on_what_any_tracker_heard(people: RedisProfiles, tmp_path: Path) -> None:
    """The visits come to one host, the conversion to another; then the cookie turns out to be somebody else, too."""
    rule = AllOf((Happened("visited", 3_600, 2), Not(Happened("converted", events=("application",)))))
    lapsed = AllOf((Happened("visited", 3_600), Not(Happened("visited", 60))))
    book = RuleBook([Audience(n, "a", 2, "A", 0, rule=one) for n, one in enumerate((rule, lapsed), 1)])
    applied = replace(CONVERSION, advertiser=2, event="application", received_ns=1_050 * SECOND, person=42)

    def visit(at_s: int, person: int = 42) -> Visit:
        return Visit(at_s * SECOND, 0, 2, "loans", "", 0, person)

    def there(person: int, now_s: int) -> list[int]:
        return live_segments(people.get_many([person])[0] or b"", now_s)

    with ProfileStore(tmp_path / "here") as here, ProfileStore(tmp_path / "there") as elsewhere:
        first, second = (Memory(own, "money/0", people, book=lambda: book) for own in (here, elsewhere))
        first.apply([visit(1_000)], 1)
        second.apply([visit(1_010)], 1)
        assert (there(42, 1_010), people.members(1), people.members(2)) == ([1], [42], [])
        assert first.look_again(1_070) == 1  # due since 1,060, and decided on the visit to the other host, too
        assert (there(42, 1_070), people.members(2)) == ([1, 2], [42])
        first.apply([applied], 2)
        assert (there(42, 1_070), people.members(1)) == ([2], [])

        first.apply([visit(1_100, 43), visit(1_101, 43)], 3)
        assert (there(43, 1_101), people.members(1)) == ([1], [43])
        joins = Joins(people, here.forgotten, here)
        assert asyncio.run(joins.join(42, 43, "sync", 1_102 * SECOND)) == "joined"
        assert 1 in there(42, 1_102)
        while first.look_again(1_103):
            pass
        assert (there(42, 1_103), there(43, 1_103), people.members(1)) == ([], [], [])
        second.apply([visit(1_104, 43)], 2)  # told under one key, decided on both
        assert 1 not in there(42, 1_104)


async def test_a_redis_that_lost_the_opt_outs_is_told_again_once_it_answers(
    people: RedisProfiles, redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    joins = Joins(people, Forgotten(tmp_path))
    people.identity.join(ANN, 5, "login", 1.0, 1)
    assert await joins.opt_out(5) == 2
    redis_server.ask("FLUSHALL")
    monkeypatch.setattr(trackers.joins, "RETRY_S", 0)
    away, ask = [Away("not yet"), Away("nor now")], people._nodes.ask

    def asking(commands: Sequence[Command]) -> list[object]:
        if away:
            raise away.pop()
        return ask(commands)

    monkeypatch.setattr(people._nodes, "ask", asking)
    await joins.restore()
    assert set(people.members(OPT_OUT)) == {ANN, 5}
    assert all(is_member(record or b"", OPT_OUT) for record in people.get_many([ANN, 5]))


def test_impressions_that_a_tracker_remembers_are_seen_by_all_hosts(people: RedisProfiles, tmp_path: Path) -> None:
    shown = replace(
        NOTICE, kind=Kind.IMPRESSION, marks=0, person=42, campaign=3, line_item=4, received_ns=1_000 * SECOND
    )
    unseen = replace(shown, marks=Mark.DUPLICATE), replace(shown, person=0), replace(shown, kind=Kind.WIN)
    with ProfileStore(tmp_path) as own:
        memory = Memory(own, "money/0", people)
        memory.apply([shown, *unseen, replace(shown, received_ns=1_007 * SECOND)], 77)
        assert memory.position() == 77
        assert own.reader().get(42) is None
    record = unpack(people.get(42) or b"")
    scopes = campaign_scope(3), line_item_scope(4), advertiser_scope(NOTICE.advertiser), creative_scope(NOTICE.creative)
    assert record.shown == {scope: [1_000, 1_007] for scope in scopes}
    assert record.relations[NOTICE.advertiser].shown_s == 1_007


def test_a_table_is_loaded_into_redis(people: RedisProfiles, tmp_path: Path) -> None:
    people.change([(7, lambda editor: editor.show(5, [audience_scope(1)]))])
    pq.write_table(pa.table({"person": [9, 7], "audiences": [[1, 2], [2]]}), tmp_path / "people.parquet")
    for _ in range(2):
        loaded = load(people, People(tmp_path / "people.parquet").batches())
        assert loaded.profiles == 2
        assert (people.members(1), people.members(2)) == ([9], [7, 9])
        assert unpack(people.get(7) or b"").shown == {audience_scope(1): [5]}


async def test_a_bid_port_caps_by_what_is_in_redis_and_bids_within_caps_without_it(
    people: RedisProfiles, redis_server: RedisServer
) -> None:
    """While Redis hangs the request is answered all the same, and caps count as reached."""
    table = Table(snapshot({"line_items[0]": {"frequency_caps": [{"impressions": 1, "seconds": 3_600}]}}))
    lookup = RedisLookup(parse(redis_server.url), failures=1_000)
    table.auction.chain.modules = (ProfileModule(lookup), *table.auction.chain.modules[1:])
    state = SimpleNamespace(view=table.view, version=3, workers=1)
    room = WaitingRoom(lookup, 30.0)
    service = Service(table.auction, state, BidderSettings(shed_above_ms=1e9), room)  # type: ignore[arg-type]
    running = asyncio.create_task(lookup.run())
    server = await asyncio.get_running_loop().create_server(lambda: BidConnection(service), "127.0.0.1", 0)

    async def shown(tmax: int) -> set[str]:
        """Line items that are bid for."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(post(json.dumps({**REQUEST, "tmax": tmax}).encode()))
        status, _, body = await read_answer(reader)
        writer.close()
        assert status == 200
        return {bid["crid"] for seat in json.loads(body)["seatbid"] for bid in seat["bid"]}

    async with asyncio.timeout(30):
        while not lookup.ask(1, 10.0, lambda record: None):  # noqa: ASYNC110  (until it is connected)
            await asyncio.sleep(0.01)
    before = await shown(60_000)
    item = table.campaigns.line_items[0]

    def show(editor: Editor) -> None:
        editor.show(NOW_NS // SECOND - 5, [line_item_scope(item.id)])

    await asyncio.to_thread(people.change, [(ANN, show)])
    capped = await shown(60_000)
    assert before != capped
    assert lookup.found == 1
    redis_server.signal(signal.SIGSTOP)
    try:
        assert await shown(20) == capped, "what the person has seen is not known, so the cap may be reached"
        assert lookup.late == 1
    finally:
        redis_server.signal(signal.SIGCONT)
    assert await shown(60_000) == capped
    assert f'outbid_bidder_profile_lookups_total{{worker="0",ended="found"}} {lookup.found}' in service.metrics()
    server.close()
    await service.drain(0.2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
