"""From an empty data folder to bids, as a new user goes: start, define, change."""

import asyncio
from pathlib import Path

from tests.deployment import Deployment

CAMPAIGNS = """
exchanges:
  - {key: usx, currency: USD, billing: burl, auction_type: 2}
advertisers:
  - {key: one, name: One Bank, currency: USD, time_zone: UTC, domain: one.example, categories: [IAB13]}
creatives:
  - {key: banner, advertiser: one, size: 300x250, landing_url: "https://one.example/", image_url: "https://one.example/a.png"}
campaigns:
  - key: spring
    advertiser: one
    name: Spring
    start: 2020-01-01
    end: 2039-12-31
    daily_budget: 100000
    line_items:
      - {key: all, name: All, bid_cpm: 2.50, pacing: asap, creatives: [banner], targeting: {country: [USA]}}
"""
REQUEST = {
    "id": "auction-1",
    "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
    "site": {"domain": "news.example"},
    "device": {"ua": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/130.0", "geo": {"country": "USA"}},
}


async def test_a_new_deployment_bids_as_soon_as_campaigns_are_defined(deployment: Deployment, tmp_path: Path) -> None:
    file = tmp_path / "campaigns.yaml"
    async with deployment.up(workers=1):
        status, said = await post(deployment)
        assert status == 404, said  # no exchange is known yet

        file.write_text(CAMPAIGNS)
        assert (await deployment.outbid("campaigns", "import", str(file)))[0] == 0
        assert await bids(deployment, 1) == [2.5]

        file.write_text(CAMPAIGNS.replace("bid_cpm: 2.50", "bid_cpm: 1.25"))
        assert (await deployment.outbid("campaigns", "import", str(file)))[0] == 0
        while await bids(deployment, 1) != [1.25]:
            pass

        file.write_text(CAMPAIGNS.replace("name: Spring", "name: Spring\n    status: paused"))
        assert (await deployment.outbid("campaigns", "import", str(file)))[0] == 0
        await bids(deployment, 0)

        file.write_text(CAMPAIGNS.replace("bid_cpm: 2.50", "bid_cpm: free"))
        status, text = await deployment.outbid("campaigns", "import", str(file))
        assert status == 2
        assert "campaigns[0].line_items[0].bid_cpm: 'free' is not allowed" in text


async def post(deployment: Deployment) -> tuple[int, bytes]:
    async with deployment.http.post(f"{deployment.bidder}/openrtb2/usx", json=REQUEST) as answer:
        return answer.status, await answer.read()


async def bids(deployment: Deployment, count: int) -> list[float]:
    """Prices of the bids on the request, as soon as there are so many of them."""
    while True:
        async with deployment.http.post(f"{deployment.bidder}/openrtb2/usx", json=REQUEST) as answer:
            if answer.status == 200:
                seats = (await answer.json()).get("seatbid", [])
                prices = [bid["price"] for seat in seats for bid in seat["bid"]]
                if len(prices) == count:
                    return prices
        await asyncio.sleep(0.05)
