"""A cap holds over two hosts that share a Redis Cluster: each has bidders and a tracker of its own, and a person's
requests and notices meet either of them. A bidder and a tracker are killed meanwhile.
"""

import asyncio
import contextlib
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from domain.keys import load_keys
from domain.naming import person_key
from targeting.record import campaign_scope, line_item_scope
from targeting.redis_address import parse
from targeting.redis_profiles import RedisProfiles
from targeting.unpacked import unpack
from tests.acceptance.test_frequency import logged
from tests.crowd import AT_ONCE, CAMPAIGNS, CAP, Crowd
from tests.deployment import Deployment
from tests.redis_server import RedisCluster

WORKERS = 2


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """Address of a cluster; of the same holds in a Redis that is alone see tests/integration/targeting."""
    server = RedisCluster(tmp_path / "redis")
    server.start()
    yield server.url
    server.kill()


@contextlib.asynccontextmanager
async def processes(host: Deployment, *commands: str) -> AsyncIterator[dict[str, asyncio.subprocess.Process]]:
    """Processes of a host without control, by their commands; to their clean end."""
    running = {command: await host.begin(*command.split()) for command in commands}
    try:
        yield running
    finally:
        for process in running.values():
            process.terminate()
        said = await asyncio.gather(*(process.communicate() for process in running.values()))
    assert [process.returncode for process in running.values()] == [0] * len(running), said


@pytest.mark.timeout(300)
async def test_a_cap_holds_over_hosts(redis: str, tmp_path: Path, http: aiohttp.ClientSession) -> None:
    fleet = {"OUTBID_PROFILES_STORE": redis, "OUTBID_PROFILES_TIMEOUT_MS": "1000"}  # this machine is a busy one
    second = Deployment(tmp_path / "second", dict(fleet), http)
    first = Deployment(tmp_path / "first", {**fleet, "OUTBID_CONTROL_TRACKERS": second.tracker}, http)
    second.environment["OUTBID_OUTBID_CONTROL_URL"] = first.control
    first.folder.mkdir()
    file = tmp_path / "campaigns.yaml"
    file.write_text(yaml.safe_dump(CAMPAIGNS))
    status, said = await first.outbid("campaigns", "import", str(file))
    assert status == 0, said
    connector = aiohttp.TCPConnector(limit=60)
    second.data.mkdir(parents=True)
    load_keys(first.data)
    shutil.copy(first.data / "keys.json", second.data / "keys.json")
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        processes(second, "tracker") as there,  # first: control is not ready before it has seen its log
        first.up(WORKERS),
        processes(second, *(f"bidder --slot {slot}" for slot in range(WORKERS))),
    ):
        bidders, trackers = [first.bidder, second.bidder], [first.tracker, second.tracker]

        def crowd(name: str) -> Crowd:
            return Crowd(bidders, session, name, random.Random(name), trackers)

        await second.answers(f"{second.bidder}/health")
        async with asyncio.timeout(60):  # until leases are there, on both hosts
            probes = [Crowd([bidder], session, f"probe-{bidder}", random.Random(0)) for bidder in bidders]
            for probe in probes:
                while not probe.bids:
                    await probe.ask(0)
                    await asyncio.sleep(0.1)
        ann, bob, eve = crowds = [crowd(name) for name in ("ann", "bob", "eve")]
        await ann.until_capped()
        await asyncio.gather(bob.until_capped(), first.kill("bidder-1"))

        async def tracker_is_killed() -> None:
            await asyncio.sleep(0.2)
            there["tracker"].kill()
            await there["tracker"].wait()
            there["tracker"] = await second.begin("tracker")

        await asyncio.gather(eve.until_capped(), tracker_is_killed())
        for each in crowds:  # they have seen enough
            bids = each.bids
            await each.rush()
            assert (each.shown, each.bids) == (CAP, bids) and each.refused >= AT_ONCE
        while any(probe.flying for probe in probes):
            await asyncio.gather(*(task for probe in probes for task in probe.flying))
    with RedisProfiles(parse(redis)) as store:
        for each in crowds:
            record = unpack(store.get(person_key("buyeruid", each.person, "usx")) or b"")
            for kind in (campaign_scope(0), line_item_scope(0)):
                counted = sum(len(times) for scope, times in record.shown.items() if scope >> 29 == kind >> 29)
                assert counted == CAP, (each.person, record)
            assert logged(first.data, each.person) + logged(second.data, each.person) == CAP
