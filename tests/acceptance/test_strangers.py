"""What strangers may post to the bid port, through a real bidder process over HTTP: every answer is judged by the
exchange's own checker and by rules written from the specification, neither of which knows the bidder.

``make soak`` makes it exhaustive. Captured requests are read where `tests.soak.CAPTURES` finds some: no request of
a real exchange is part of this repository.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from bidder.enrichment.chain import Chain
from bidder.enrichment.device import DeviceModule
from bidder.enrichment.geo import GeoModule
from bidder.market import Market
from bidder.reach import forecast, read_sample
from campaigns.catalogue import load
from campaigns.snapshot import compile_snapshot
from campaigns.store import Store
from domain.campaign import Targeting
from tests.deployment import Deployment
from tests.soak import CAPTURES, SOAK
from tests.strangers.bases import BASES, SITE
from tests.strangers.battery import Battery
from tests.strangers.campaigns import campaign_file
from tests.strangers.judge import CURRENCIES
from tests.strangers.made import requests
from tests.strangers.manners import TIMEOUT_S, manners
from tests.strangers.mutations import broken_bytes, broken_twice, mutants
from tests.strangers.transport import exchanges
from tests.strangers.wire import Wire

MADE = 5_000 if SOAK else 400
SHARE_OF_MUTANTS = 1 if SOAK else 6
"""One in so many is posted, so that every field and every kind of value has its turn."""
PAIRS = 50_000 if SOAK else 500
EXCHANGES = ("usx", "eux", "cnx")


@contextlib.asynccontextmanager
async def bid_port(deployment: Deployment, folder: Path) -> AsyncIterator[Battery]:
    """Control and one bidder with the campaigns of `tests.strangers.campaigns`; the bidder must end well."""
    deployment.environment |= {"OUTBID_BIDDER_SHED_ABOVE_MS": "1e9", "OUTBID_BIDDER_REQUEST_TIMEOUT_S": f"{TIMEOUT_S}"}
    deployment.environment |= {"OUTBID_BIDDER_REQUEST_SAMPLE": "1000000"}
    file = folder / "campaigns.yaml"
    file.write_text(campaign_file())
    status, said = await deployment.outbid("campaigns", "import", str(file))
    assert status == 0, said
    async with contextlib.AsyncExitStack() as stack:
        bidder = None
        for command in ("control", "bidder"):
            bidder = await deployment.begin(command)
            stack.push_async_callback(_end, bidder)
            await deployment.answers(f"{getattr(deployment, command)}/health")
        async with Wire(int(deployment.bidder.rpartition(":")[2])) as wire:
            battery = Battery(wire)
            await battery.warm_up(BASES)
            yield battery
            await battery.goes_on(SITE)
        assert bidder is not None and bidder.returncode is None
        async with deployment.http.get(f"{deployment.bidder}/metrics") as answer:
            assert 'outbid_bidder_failures_total{worker="0"} 0\n' in await answer.text()


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert b"Traceback" not in said, said.decode()


def captures() -> Iterator[tuple[str, Any]]:
    for path in sorted(CAPTURES.glob("*.json")):
        yield path.name, json.loads(path.read_text())


@pytest.mark.timeout(7_200 if SOAK else 300)
async def test_whatever_strangers_post(deployment: Deployment, tmp_path: Path) -> None:
    async with bid_port(deployment, tmp_path) as battery:
        for exchange in EXCHANGES:
            made = (payable(one, exchange) for one in requests(MADE))
            await battery.well_formed(((f"{one['id']} to {exchange}", one) for one in made), exchange)
        await battery.well_formed(captures())
        assert battery.met["well-formed"] >= len(EXCHANGES) * MADE
        assert battery.met["stopped before targeting"] <= battery.met["well-formed"] * 0.02, battery.report()
        assert battery.met["with a bid"] >= battery.met["well-formed"] * 0.8, battery.report()
        for place, base in enumerate(BASES):
            await battery.mutants(base, islice(mutants(base), place, None, SHARE_OF_MUTANTS))
            await battery.bytes(base, broken_bytes(base))
        for base, document in broken_twice(BASES, PAIRS):
            await battery.anything(f"{base['id']} broken twice", document)
        await battery.transport(exchanges(SITE))
        await manners(battery, SITE)
    assert not battery.wrong, battery.report()
    print(dict(battery.met))
    reach_of_what_was_kept(deployment.data)


def reach_of_what_was_kept(data: Path) -> None:
    """The bidder kept all that it may answer, for there is room, and a forecast reads it again as it did then."""
    strata = read_sample(data, time.time_ns())
    assert sum(stratum.seen for stratum in strata) > len(EXCHANGES) * MADE
    store = Store(f"sqlite:///{data / 'control.sqlite'}")
    with store.read() as conn:
        snapshot = compile_snapshot(load(conn), time.time_ns())
    store.close()
    chain = Chain([GeoModule(), DeviceModule()])
    found = forecast(strata, snapshot, snapshot.advertisers[0], Targeting(), 50_000_000, chain, Market([], {}))
    assert found.matching.value == found.sampled == found.requests
    assert found.impressions.value > 0


def payable(request: Any, exchange: str) -> Any:
    """The request as an exchange of another currency sends it: what it may be paid in stands first."""
    return {**request, "cur": [CURRENCIES[exchange], *request["cur"]]} if request.get("cur") else request
