"""Suppression where profiles are in Redis: by every id of a request, through aliases, and when Redis hangs."""

import asyncio
import json
import signal
from types import SimpleNamespace

from bidder.config import BidderSettings
from bidder.enrichment.profile import ProfileModule
from bidder.frequency import History
from bidder.http import BidConnection
from bidder.service import Service
from bidder.waiting_room import WaitingRoom
from targeting.identity_keys import parse_person
from targeting.redis_address import parse
from targeting.redis_lookup import RedisLookup
from targeting.redis_profiles import RedisProfiles
from tests.auction_table import Table, snapshot
from tests.redis_server import RedisServer
from tests.unit.bidder.test_http import REQUEST, post, read_answer

IFA = "6d92078a-8246-4ba4-ae5b-76104861e7dc"
LIST = 6


async def test_a_bid_port_suppresses_by_what_is_in_redis(redis_server: RedisServer) -> None:
    redis_server.ask("FLUSHALL")
    people = RedisProfiles(parse(redis_server.url))
    table = Table(snapshot({"advertisers[0]": {"suppress": [LIST]}}))
    lookup = RedisLookup(parse(redis_server.url), failures=1_000)
    table.auction.chain.modules = (ProfileModule(lookup), *table.auction.chain.modules[1:])
    table.auction.history = History(lookup)
    state = SimpleNamespace(view=table.view, version=3, workers=1)
    service = Service(table.auction, state, BidderSettings(shed_above_ms=1e9), WaitingRoom(lookup, 30.0))  # type: ignore[arg-type]
    running = asyncio.create_task(lookup.run())
    server = await asyncio.get_running_loop().create_server(lambda: BidConnection(service), "127.0.0.1", 0)

    async def bids(tmax: int = 60_000) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(post(json.dumps({**REQUEST, "device": {**REQUEST["device"], "ifa": IFA}, "tmax": tmax}).encode()))
        status, _, body = await read_answer(reader)
        writer.close()
        assert status == 200
        return "bid" in body.decode() and bool(json.loads(body)["seatbid"])

    async with asyncio.timeout(30):
        while not lookup.ask(1, 10.0, lambda record: None):  # noqa: ASYNC110  (until it is connected)
            await asyncio.sleep(0.01)
    device, cookie, card = (parse_person(text) for text in (f"ifa:{IFA}", "buyeruid:usx:ann", "first_party:bank:7"))
    assert await bids(), "nobody is known"
    await asyncio.to_thread(people.join, 5, [device])
    assert await bids(), "a member of another audience"
    await asyncio.to_thread(people.join, LIST, [cookie])
    assert not await bids(), "another id than the one that is known first"
    await asyncio.to_thread(people.leave, LIST, [cookie])
    await asyncio.to_thread(people.identity.join, cookie, card, "log-in", 1.0, 5)
    assert await bids()
    await asyncio.to_thread(people.join, LIST, [card])
    assert not await bids(), "an id that is joined with one on the list"
    await asyncio.to_thread(people.leave, LIST, [card])
    assert await bids()
    redis_server.signal(signal.SIGSTOP)
    try:
        assert not await bids(20), "nobody knows in time"
    finally:
        redis_server.signal(signal.SIGCONT)
    assert await bids()
    server.close()
    await service.drain(0.2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
