"""A bidder worker's port, auction and scoring modules for the bench, without control: leases last for an hour.

enrichment_worker.py PORT CACHE_S RISK_PORT CREDIT_PORT        (CREDIT_PORT 0: nobody asks, and nobody is asked)
"""

import asyncio
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from bidder.config import BidderSettings, CreditModuleSettings, RiskModuleSettings
from bidder.enrichment.credit import CreditService
from bidder.enrichment.risk import RiskService
from bidder.http import BidConnection
from bidder.service import Service
from bidder.waiting_room import WaitingRoom
from bidder.worth import Worth
from pacing.protocol import Grant
from tests.auction_table import PLENTY, Table, snapshot

RULES = {"max_fraud": 950, "max_pd_ppm": 200_000, "block_listed": True}
"""They keep nobody out here: what is measured is the asking."""


class Quiet(Table):
    """Its log is not kept."""

    def append(self, record: bytes) -> int:
        return len(record)


def worker(cache_s: float, risk_port: int, credit_port: int) -> tuple[Service, list[RiskService | CreditService]]:
    table = Quiet(snapshot({"line_items[0]": {"risk": RULES}} if credit_port else None))
    for item in table.campaigns.line_items:
        table.leases.apply(Grant(9_000 + item.id, item.id, PLENTY, 3600.0), time.monotonic_ns())
    modules: list[RiskService | CreditService] = []
    if credit_port:
        table.auction.worth = Worth("remote", "remote")
        url = "http://127.0.0.1:{}"
        modules += [
            RiskService(RiskModuleSettings("remote", url=url.format(risk_port), cache_s=cache_s)),
            CreditService(CreditModuleSettings("remote", url=url.format(credit_port), cache_s=cache_s)),
        ]
    state = SimpleNamespace(view=table.view, version=1, workers=1)
    room = WaitingRoom(None, modules=modules) if modules else None
    return Service(table.auction, state, BidderSettings(), room), modules  # type: ignore[arg-type]


async def serve(port: int, cache_s: float, risk_port: int, credit_port: int) -> None:
    service, modules = worker(cache_s, risk_port, credit_port)
    running = [asyncio.create_task(module.service.run()) for module in modules]
    for module in modules:
        await module.service.ready.wait()
    await asyncio.get_running_loop().create_server(lambda: BidConnection(service), "127.0.0.1", port)
    await asyncio.gather(service.watch(), *running)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
