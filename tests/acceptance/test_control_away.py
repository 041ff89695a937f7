"""Control is away for longer than leases last: workers bid on from their leases, then stop and say so. When it is back
they bid again, and every budget is spent to its last bid and not beyond.

Two campaigns. The small one has a budget of `BIDS` bids and goes first wherever a lease covers it; nothing that it
reserves comes back within the test (what is billed costs what was bid, what is lost nobody tells), so exactly so many
of its bids may ever be sent. The large one has more than there is traffic for.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openrtb.nobid import NoBidReason
from tests.bid_traffic import BidTraffic, Sent
from tests.deployment import Deployment

BIDS = 500
CAMPAIGNS = f"""
exchanges:
  - {{key: usx, currency: USD, billing: burl, auction_type: 1, bid_expiry_s: 3600}}
advertisers:
  - {{key: one, name: One, currency: USD, time_zone: UTC, domain: one.example, categories: [IAB13]}}
  - {{key: two, name: Two, currency: USD, time_zone: UTC, domain: two.example, categories: [IAB13]}}
creatives:
  - {{key: banner-one, advertiser: one, size: 300x250, landing_url: "https://one.example/", image_url: "https://one.example/a.png"}}
  - {{key: banner-two, advertiser: two, size: 300x250, landing_url: "https://two.example/", image_url: "https://two.example/a.png"}}
campaigns:
  - key: small
    advertiser: one
    name: Small
    total_budget: {BIDS * 2 / 1000}
    start: 2020-01-01
    end: 2039-12-31
    line_items:
      - {{key: last, name: Last, bid_cpm: 2, pacing: asap, creatives: [banner-one], targeting: {{}}}}
  - key: large
    advertiser: two
    name: Large
    daily_budget: 1000000
    start: 2020-01-01
    end: 2039-12-31
    line_items:
      - {{key: wide, name: Wide, bid_cpm: 1, pacing: even, creatives: [banner-two], targeting: {{}}}}
"""
WORKERS = 2


def of_small_budget(sent: Sent) -> bool:
    return sent.advertiser == "one.example"


async def end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()


@contextlib.asynccontextmanager
async def started(deployment: Deployment, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """One process of the deployment, without a supervisor that would start it again."""
    process = await deployment.begin(*command)
    try:
        yield process
    finally:
        if process.returncode is None:
            await end(process)


class Billing:
    """An exchange that bills every fifth bid, at the price that was bid, by its ``burl``."""

    def __init__(self, traffic: BidTraffic) -> None:
        self.traffic, self.billed, self._next = traffic, 0, 0

    async def go_on(self) -> None:
        """Bills what has come since the last call. The tracker answers, whoever else is away."""
        for sent in self.traffic.bids[self._next :: 5]:
            url = sent.bid["burl"].replace("${AUCTION_PRICE}", f"{sent.bid['price']}")
            async with self.traffic.http.get(url.replace("${AUCTION_CURRENCY}", "USD")) as answer:
                assert answer.status == 204, await answer.text()
            self.billed += round(sent.bid["price"] * 1_000_000)
            self._next += 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["stands still", "is killed"])
async def test_bids_go_on_from_leases_then_stop_then_come_back(
    deployment: Deployment, tmp_path: Path, how: str
) -> None:
    deployment.environment["OUTBID_CONTROL_LEASE_S"] = "10"  # so that it is over soon
    file = tmp_path / "campaigns.yaml"
    file.write_text(CAMPAIGNS)
    status, said = await deployment.outbid("campaigns", "import", str(file))
    assert status == 0, said
    traffic = BidTraffic(deployment.http, f"{deployment.bidder}/openrtb2/usx")
    billing = Billing(traffic)
    async with contextlib.AsyncExitStack() as stack:
        control = await stack.enter_async_context(started(deployment, "control"))
        await deployment.get(f"{deployment.control}/health")
        await stack.enter_async_context(started(deployment, "tracker"))
        for slot in range(WORKERS):
            await stack.enter_async_context(started(deployment, "bidder", "--slot", str(slot)))
        await deployment.answers(f"{deployment.bidder}/health")
        await stack.enter_async_context(traffic.running())
        await traffic.workers(WORKERS, of_small_budget)
        await traffic.workers(WORKERS, lambda sent: not of_small_budget(sent))

        control.send_signal(signal.SIGSTOP if how == "stands still" else signal.SIGKILL)
        gone = time.monotonic()
        await traffic.until(lambda: silent_for(traffic) > 2)
        lasted = max(sent.at for sent in traffic.bids) - gone
        assert lasted > 1  # longer than an answer that control gave before can have been on its way
        await billing.go_on()

        if how == "stands still":
            control.send_signal(signal.SIGCONT)
        else:
            await stack.enter_async_context(started(deployment, "control"))
        await traffic.workers(WORKERS)
        await traffic.until(lambda: sum(map(of_small_budget, traffic.bids)) >= BIDS)
        await traffic.workers(WORKERS)
        await asyncio.sleep(2)
        await billing.go_on()
        books = await deployment.until(f"{deployment.control}/v1/books", lambda books: books["behind"] == 0)
        assert [line["spend"] for line in books["exchanges"]] == [billing.billed]
        assert sum(map(of_small_budget, traffic.bids)) == BIDS
        print(f"bids went on for {lasted:.1f} s")


def silent_for(traffic: BidTraffic) -> float:
    """Seconds since anything else was answered than that control is away (or, by a worker that runs late, nothing)."""
    reasons = (NoBidReason.CONTROL_AWAY, NoBidReason.OVERLOAD)
    others = [sent.at for sent in traffic.bids] + [at for at, told in traffic.no_bids if told not in reasons]
    return max((at for at, told in traffic.no_bids if told == NoBidReason.CONTROL_AWAY), default=0) - max(others)
