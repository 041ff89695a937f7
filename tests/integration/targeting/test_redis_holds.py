"""Bids in flight in a real Redis and a real cluster: what is held, how long, and that no more are out than allowed."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from bidder.config import BidderSettings
from bidder.enrichment.profile import ProfileModule
from bidder.frequency import History
from bidder.http import BidConnection
from bidder.service import Service
from bidder.waiting_room import WaitingRoom
from domain.events import Kind, Mark
from domain.naming import person_key
from targeting.held_words import HELD, REPORTED, bid_of, unpacked, word
from targeting.households import device_key
from targeting.people import impression
from targeting.profiles import ProfileStore
from targeting.record import campaign_scope
from targeting.redis_address import parse
from targeting.redis_holds import MOST, TAKE, RedisHolds, take_words
from targeting.redis_keys import holds_key
from targeting.redis_lookup import NOT_HELD, Held, RedisLookup
from targeting.redis_nodes import Nodes
from targeting.redis_profiles import RedisProfiles
from targeting.unpacked import unpack
from tests.auction_table import Table, snapshot
from tests.integration.targeting.test_lookup import Server, lookups, nodes, until
from tests.redis_server import RedisServer
from tests.unit.bidder.test_http import REQUEST
from tests.unit.trackers.test_counting import NOTICE
from trackers.memory import Memory

AD = (20, 30, 10, 40)
"""Campaign, line item, advertiser and creative."""
ANN = person_key("buyeruid", "ann", "usx")
WAIT_S = 30.0


@pytest.fixture(params=["redis_server", "redis_cluster"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    for node in nodes(server):
        node.ask("FLUSHALL")
    return server


def take(lookup: RedisLookup, key: int, *bids: int, seconds: float = 60) -> asyncio.Future[Held]:
    answer: asyncio.Future[Held] = asyncio.get_running_loop().create_future()
    words: list[bytes | int] = []
    for bid in bids:
        words += [word(HELD, bid, *AD), int(seconds * 1_000)]
    assert lookup.take(key, words, WAIT_S, answer.set_result)
    return answer


async def look(lookup: RedisLookup, key: int) -> Held:
    answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    held: list[bytes] = []
    assert lookup.ask(key, WAIT_S, answer.set_result, held)
    return await answer, held


async def test_what_is_taken_is_seen_until_it_is_let_go_of_or_expires(server: Server) -> None:
    people, holds = RedisProfiles(parse(server.url)), RedisHolds(parse(server.url))
    people.change([(7, impression(1_000, *AD[:3]))])
    record = people.get(7)
    async with lookups(server) as lookup:
        assert await take(lookup, 7, 1) == (record, [word(HELD, 1, *AD)])
        assert await take(lookup, 8, 1, 2, seconds=0.2) == (None, [word(HELD, bid, *AD) for bid in (1, 2)])
        assert [bid_of(each) for each in (await take(lookup, 7, 2, 3, seconds=50))[1]] == [2, 3, 1], "first to expire"
        found = await look(lookup, 7)
        assert found[0] == record and unpacked(found[1]) == [AD] * 3 and (await look(lookup, 9))[1] == []
        await asyncio.to_thread(holds.release, [], [(7, (2, *AD)), (7, (99, *AD))])
        lookup.withdraw(7, [word(HELD, 3, *AD)])
        assert [bid_of(each) for each in (await look(lookup, 7))[1]] == [1]

        holds.report(7, (1, *AD))
        holds.report(8, (1, *AD))
        await until(lambda: holds.held(7)[0][:1] == REPORTED)
        await asyncio.to_thread(holds.release, [], [(7, (1, *AD))])
        assert await look(lookup, 7) == (record, [word(REPORTED, 1, *AD)]), "what is shown is not lost any more"
        await asyncio.sleep(0.3)
        assert (await look(lookup, 8))[1] == holds.held(8) == [word(REPORTED, 1, *AD)], "the other has expired"
        for key in (7, 8):
            await asyncio.to_thread(holds.release, [(key, (1, *AD))], [])
            assert (await look(lookup, key))[1] == []
        await take(lookup, 9, 5, seconds=0.05)
        await asyncio.sleep(0.1)
    assert not any(node.ask("EXISTS", holds_key(9)) == 1 for node in nodes(server)), "nothing is left behind"
    holds.close()
    people.close()


async def test_what_was_reported_just_now_is_not_held_again_once_it_is_counted(redis_server: RedisServer) -> None:
    holds = RedisHolds(parse(redis_server.url))
    for bid in range(500):
        holds.report(3, (bid, *AD))
    await asyncio.to_thread(holds.release, [(3, (bid, *AD)) for bid in range(500)], [])
    holds.close()
    assert redis_server.ask("EXISTS", holds_key(3)) == 0


def test_what_trackers_are_told_ends_holds_once_it_is_counted(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever one looks in between, the impression is held or counted; and a loss is let go of."""
    facts = {"marks": 0, "device": 5, "household": 0, "campaign": 20, "line_item": 30, "advertiser": 10, "creative": 40}
    shown = replace(NOTICE, kind=Kind.IMPRESSION, person=42, bid=1, received_ns=10**12, **facts)
    lost = replace(shown, kind=Kind.LOSS, bid=2)
    people, holds = RedisProfiles(parse(server.url)), RedisHolds(parse(server.url))
    nodes_of_holds, keys = Nodes(parse(server.url), [TAKE]), (42, device_key(5))
    for key in keys:
        words: list[bytes | int] = [word(HELD, 1, *AD), 60_000, word(HELD, 2, *AD), 60_000]
        nodes_of_holds.ask([(holds_key(key), take_words(key, words))])
    seen: list[tuple[int, int]] = []

    def look() -> None:
        held = [bid_of(each) for each in holds.held(42)].count(1)
        seen.append((held, len(unpack(people.get(42) or b"").shown.get(campaign_scope(20), ()))))

    change = people.change

    def changes(edits: Any) -> None:
        look()
        change(edits)
        look()

    monkeypatch.setattr(people, "change", changes)
    with ProfileStore(tmp_path) as own:
        memory = Memory(own, "money/0", people, holds)
        for event in (shown, lost, replace(shown, marks=Mark.DUPLICATE)):
            memory.see(event)
        memory.apply([shown, lost, replace(shown, marks=Mark.DUPLICATE)], 7)
        look()
    assert all(held + counted >= 1 for held, counted in seen) and seen[0][1] == 0 and seen[-1] == (0, 1)
    assert [holds.held(key) for key in keys] == [[], []]
    for each in (people, holds, nodes_of_holds):
        each.close()


async def test_there_is_room_for_so_many_and_forgotten_scripts_are_told_again(redis_server: RedisServer) -> None:
    redis_server.ask("FLUSHALL")
    async with lookups(redis_server, failures=1_000) as lookup:
        assert len((await take(lookup, 5, *range(MOST)))[1]) == MOST
        assert await take(lookup, 5, MOST + 1) == NOT_HELD and lookup.full == 1
        redis_server.ask("SCRIPT", "FLUSH")
        assert await take(lookup, 6, 1) == NOT_HELD and lookup.unanswered == 1
        assert (await take(lookup, 6, 1))[1] == [word(HELD, 1, *AD)]


async def test_no_more_are_out_than_allowed_whoever_asks(server: Server) -> None:
    """Five bidders, two trackers, three persons; what is out is counted after it was held and until it is let go."""
    cap, draw, out, most = 3, random.Random(4), dict.fromkeys((1, 2, 3), 0), dict.fromkeys((1, 2, 3), 0)
    people, holds = RedisProfiles(parse(server.url)), RedisHolds(parse(server.url))
    turn, refused = asyncio.Lock(), 0

    def shown(record: bytes | None) -> int:
        return len(unpack(record or b"").shown.get(campaign_scope(20), ()))

    async def end(key: int, bid: int) -> None:
        """Lost, or shown: then it stays out for ever."""
        await asyncio.sleep(draw.random() * 0.02)
        async with turn:
            if draw.random() < 0.85:
                out[key] -= 1
                await asyncio.to_thread(holds.release, [], [(key, (bid, *AD))])
                return
            holds.report(key, (bid, *AD))
            await asyncio.to_thread(people.change, [(key, impression(1_000, *AD[:3]))])
            await asyncio.to_thread(holds.release, [(key, (bid, *AD))], [])

    async def ask(lookup: RedisLookup, key: int, bid: int) -> None:
        nonlocal refused
        record, held = await look(lookup, key)
        if shown(record) + len(held) >= cap:
            refused += 1
            return
        record, held = await take(lookup, key, bid)
        if shown(record) + len(held) > cap:
            refused += 1
            lookup.withdraw(key, [word(HELD, bid, *AD)])
            return
        out[key] += 1
        most[key] = max(most[key], out[key])
        await end(key, bid)

    async with lookups(server) as one, lookups(server) as two, lookups(server) as three:
        bid = 0
        async with asyncio.timeout(60):
            while any(shown(people.get(key)) < cap for key in out):
                asked = []
                for _ in range(120):
                    bid += 1
                    asked.append(ask(draw.choice((one, two, three)), draw.choice((1, 2, 3)), bid))
                await asyncio.gather(*asked)
    assert set(most.values()) == {cap} and set(out.values()) == {cap} and refused
    assert all(shown(people.get(key)) == cap and holds.held(key) == [] for key in out)
    holds.close()
    people.close()


@asynccontextmanager
async def port(table: Table, lookup: RedisLookup) -> AsyncIterator[str]:
    """A bid port whose people and holds are in Redis."""
    table.auction.chain.modules = (ProfileModule(lookup), *table.auction.chain.modules[1:])
    table.auction.history = History(lookup, fleet=lookup)
    state = SimpleNamespace(view=table.view, version=3, workers=1)
    service = Service(table.auction, state, BidderSettings(shed_above_ms=1e9), WaitingRoom(lookup, WAIT_S))  # type: ignore[arg-type]
    listening = await asyncio.get_running_loop().create_server(lambda: BidConnection(service), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/openrtb2/usx"
    finally:
        listening.close()
        await service.drain(0.2)


async def test_a_redis_that_hangs_while_it_should_hold_costs_the_bid_and_no_more_time_than_there_is(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no cap is bid all the same; and what Redis holds when it goes on is let go of."""
    redis_server.ask("FLUSHALL")
    line = {"frequency_caps": [{"impressions": 5, "seconds": 3_600}], "bid_cpm": 90_000_000}
    imps = [{"id": str(n), "banner": {"w": 300, "h": 250}} for n in (1, 2)]
    table = Table(snapshot({"line_items[0]": line}))
    hangs = False

    def bids(answer: object) -> int:
        assert isinstance(answer, dict)
        return sum(len(seat["bid"]) for seat in answer.get("seatbid", ()))

    http = aiohttp.ClientSession()
    async with http, lookups(redis_server, failures=1_000) as lookup, port(table, lookup) as url:
        take_now = lookup.take

        def hang(*given: object) -> bool:
            if hangs:
                redis_server.signal(signal.SIGSTOP)
            return take_now(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(lookup, "take", hang)

        async def ask(tmax: int) -> int:
            async with http.post(url, json={**REQUEST, "tmax": tmax, "imp": imps}) as answer:
                assert answer.status == 200
                return bids(await answer.json())

        before = await ask(60_000)
        with RedisHolds(parse(redis_server.url)) as holds:
            assert unpacked(holds.held(ANN)) == [(1, 11, 1, 101)]
            hangs = True
            try:
                begun = time.monotonic()
                assert await ask(200) == before - 1
                assert time.monotonic() - begun < WAIT_S / 2
            finally:
                redis_server.signal(signal.SIGCONT)
            hangs = False
            assert lookup.late == 1
            await until(lambda: len(holds.held(ANN)) == 1)
        assert await ask(60_000) == before
