"""A real bidder beside real control: models come into service and go while exchanges ask, and no answer is missing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np

from domain.events import Bid, decode
from eventlog.reader import LogReader
from prediction.registry import Registry
from tests.bid_traffic import REQUEST
from tests.deployment import Deployment
from tests.exposition import Metrics
from tests.small_models import damage, keep, learnt, moved, scattered

FILE = """
exchanges:
  - {key: usx, currency: USD, billing: burl}
advertisers:
  - {key: bank, name: Bank, currency: USD, time_zone: UTC, domain: bank.example, categories: [IAB13]}
creatives:
  - {key: c1, advertiser: bank, size: 300x250, landing_url: "https://bank.example/", image_url: "https://bank.example/a.png"}
campaigns:
  - key: cards
    advertiser: bank
    name: Cards
    start: 2020-01-01
    end: 2099-12-31
    daily_budget: 100000
    line_items:
      - {key: clicks, name: Clicks, strategy: target_cpc, goal: 20, bid_cap_cpm: 50, explore: 0, creatives: [c1],
         pacing: asap}
"""
MODEL = scattered(learnt(), 4)
OTHER = moved(MODEL, 0.5)


class Exchange:
    """Asks as long as it runs. ``answers``: how many there were."""

    def __init__(self, here: Deployment) -> None:
        self.here, self.answers = here, 0
        self._answered = asyncio.Condition()

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """A request that fails, or is not answered as it should be, ends the block."""
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(self._ask(number)) for number in range(3)]
            yield
            for task in asking:
                task.cancel()

    async def more(self, count: int) -> None:
        """Returns when there are so many more answers."""
        wanted = self.answers + count
        async with self._answered:
            await self._answered.wait_for(lambda: self.answers >= wanted)

    async def _ask(self, number: int) -> None:
        while True:
            body = json.dumps(REQUEST | {"id": f"{number}-{self.answers}"})
            async with self.here.http.post(f"{self.here.bidder}/openrtb2/usx", data=body) as answer:
                assert answer.status in (200, 204), answer.status
                await answer.read()
            async with self._answered:
                self.answers += 1
                self._answered.notify_all()
            await asyncio.sleep(0.005)


async def test_models_are_exchanged_under_traffic(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http:
        here = Deployment(tmp_path, {}, http)
        (tmp_path / "campaigns.yaml").write_text(FILE)
        status, printed = await here.outbid("campaigns", "import", "campaigns.yaml")
        assert status == 0, printed
        registry = Registry(here.data)
        first, second, broken = (keep(registry, "ctr", model) for model in (MODEL, OTHER, MODEL))
        damage(registry.path("ctr", broken))
        processes = [await here.begin(*words) for words in (("control",), ("bidder", "--slot", "0"))]
        try:
            await here.answers(f"{here.bidder}/health")
            exchange = Exchange(here)

            async def in_use(role: str, version: int) -> None:
                """Returns when bids are made by that version, and some were."""
                while True:
                    async with http.get(f"{here.bidder}/metrics") as answer:
                        told = Metrics(await answer.text()).of("outbid_bidder_model_version", role=role)
                    if told == version:
                        break
                    await asyncio.sleep(0.05)
                await exchange.more(10)

            async with exchange.asking():
                for target, version in (("ctr", first), ("shadow", second), ("ctr", second), ("ctr", 0)):
                    if target == "shadow":
                        registry.shadow("ctr", version)
                    elif version:
                        registry.promote("ctr", version)
                    else:
                        assert [registry.rollback("ctr") for _ in range(2)] == [first, 0]
                    await in_use(target, version)
                registry.promote("ctr", first)
                registry.promote("ctr", broken)
                ready = await here.until(f"{here.bidder}/ready", lambda told: "models" in told["degraded"])
                assert ready["ready"] and "arrays.bin" in ready["degraded"]["models"]
        finally:
            for process in reversed(processes):
                process.terminate()
            said = [(await process.communicate())[0].decode() for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
        records = LogReader(here.data / "log" / "bids" / "0").read(1_000_000)[0]
        bids = [event for event in map(decode, records) if isinstance(event, Bid)]
        assert {0, first, second} <= {bid.model for bid in bids} and broken not in {bid.model for bid in bids}
        assert {bid.shadow_model for bid in bids} >= {0, second}
        for version, model in ((first, MODEL), (second, OTHER)):
            mine = [bid for bid in bids if bid.model == version]
            values = np.array([np.frombuffer(bid.features, "<u4") for bid in mine])
            assert [bid.ctr for bid in mine] == model.scores(values).tolist()
