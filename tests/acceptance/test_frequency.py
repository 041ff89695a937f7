"""A cap holds against real workers, whatever an exchange does at the same time: 500 requests of one person at once,
losses, slow renders, notices told twice, and processes that are killed in between.
"""

import asyncio
import random
from pathlib import Path

import aiohttp
import pytest
import yaml

from domain.events import NOT_COUNTED, Kind, Notice, decode
from domain.naming import person_key
from eventlog.reader import LogReader
from targeting.profiles import ProfileStore
from targeting.record import campaign_scope, line_item_scope
from targeting.unpacked import unpack
from tests.crowd import AT_ONCE, CAMPAIGNS, CAP, Crowd
from tests.deployment import Deployment

WORKERS = 3


def counted(data: Path, person: str) -> list[int]:
    """How many impressions of the campaign are in the person's record; then of its line items together."""
    with ProfileStore(data / "profiles.lmdb", readonly=True) as store:
        record = unpack(store.reader().get(person_key("buyeruid", person, "usx")) or b"")
    campaigns = sum(len(times) for scope, times in record.shown.items() if scope >> 29 == campaign_scope(0) >> 29)
    items = sum(len(times) for scope, times in record.shown.items() if scope >> 29 == line_item_scope(0) >> 29)
    return [campaigns, items]


def logged(data: Path, person: str) -> int:
    """Impressions in the money log that count."""
    reader, found = LogReader(data / "log/money/0"), 0
    while records := reader.read()[0]:
        for event in map(decode, records):
            if isinstance(event, Notice) and event.kind == Kind.IMPRESSION and not event.marks & NOT_COUNTED:
                found += event.person == person_key("buyeruid", person, "usx")
    return found


@pytest.mark.timeout(600)
async def test_a_cap_holds_under_requests_at_once(deployment: Deployment, tmp_path: Path) -> None:
    file = tmp_path / "campaigns.yaml"
    file.write_text(yaml.safe_dump(CAMPAIGNS))
    status, said = await deployment.outbid("campaigns", "import", str(file))
    assert status == 0, said
    connector = aiohttp.TCPConnector(limit=60)
    async with aiohttp.ClientSession(connector=connector) as session, deployment.up(WORKERS):
        bidders = [deployment.bidder]
        crowds = {name: Crowd(bidders, session, name, random.Random(name)) for name in ("ann", "bob", "eve")}
        async with asyncio.timeout(60):  # until leases are there
            probe = Crowd(bidders, session, "probe", random.Random(0))
            while not probe.bids:
                await probe.ask(0)
                await asyncio.sleep(0.1)
        await crowds["ann"].until_capped()
        await asyncio.gather(crowds["bob"].until_capped(), deployment.kill("bidder-1"))
        await asyncio.gather(crowds["eve"].until_capped(), deployment.kill("tracker"))
        for crowd in crowds.values():  # they have seen enough
            bids = crowd.bids
            await crowd.rush()
            assert (crowd.shown, crowd.bids) == (CAP, bids) and crowd.refused >= AT_ONCE
        while probe.flying:
            await asyncio.gather(*probe.flying)
    for name in crowds:
        assert counted(deployment.data, name) == [CAP, CAP] and logged(deployment.data, name) == CAP
