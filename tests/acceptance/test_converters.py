"""A converter stops seeing the ad within a second: the other bound that is promised in seconds, so a test times it.

People click, and become customers; meanwhile their browsers go on asking for ads of two workers. An audience by a rule
(who converted) is excluded by the dear line item; the cheap one shows that the person is bid for all the same, and a
person who does not convert that the dear one is still sold. As for pauses (`test_pause`), on a busy machine single
conversions are held to three times the promise and their median to the promise itself.
"""

import asyncio
import hashlib
import hmac
import json
import re
import statistics
import time
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
import yaml

from domain.keys import load_keys, postback_secret
from tests.deployment import Deployment

WORKERS = 2
PROMISE_S, LONGEST_S = 1.0, 3.0
CONVERTERS = ("ann", "bea", "cid", "dan")
STEADY = "eve"
PAUSE_S = 0.02
CLICK = re.compile(r'href="([^"]+/click/[^"]+)"')
DEAR, CHEAP = "dear.example", "cheap.example"


def campaigns() -> dict[str, Any]:
    item = {"pacing": "asap", "creatives": ["dear"], "targeting": {"not": {"audience": ["customers"]}}}
    return {
        "exchanges": [{"key": "usx", "currency": "USD", "billing": "burl", "auction_type": 2}],
        "advertisers": [
            {
                "key": name, "name": name, "currency": "USD", "time_zone": "UTC", "domain": f"{name}.example",
                "categories": ["IAB13"],
            }
            for name in ("dear", "cheap")
        ],
        "audiences": [
            {
                "key": "customers", "advertiser": "dear", "name": "Customers",
                "rule": {"converted": {"event": ["application", "approved"]}},
            },
        ],
        "creatives": [
            {
                "key": name, "advertiser": name, "size": "300x250", "landing_url": f"https://{name}.example/",
                "image_url": f"https://{name}.example/a.png",
            }
            for name in ("dear", "cheap")
        ],
        "campaigns": [
            {
                "key": name, "advertiser": name, "name": name, "start": "2020-01-01", "end": "2039-12-31",
                "daily_budget": 100_000, "line_items": [{"key": name, "name": name, "bid_cpm": cpm} | rest],
            }
            for name, cpm, rest in (
                ("dear", 9, item), ("cheap", 1, {"pacing": "asap", "creatives": ["cheap"], "targeting": {}}),
            )
        ],
    }  # fmt: skip


class Browser:
    """One person's, which asks for ads all the time; ``bids`` is when which advertiser bid."""

    def __init__(self, deployment: Deployment, http: aiohttp.ClientSession, person: str) -> None:
        self.deployment, self.http, self.person = deployment, http, person
        self.bids: list[tuple[float, str]] = []
        self.click, self.asked = "", asyncio.Event()

    async def ask(self) -> None:
        while True:
            request = {
                "id": f"{self.person}-{time.monotonic_ns()}", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}],
                "site": {"domain": "news.example"}, "device": {"ua": "Mozilla/5.0", "ip": "203.0.113.7"},
                "user": {"buyeruid": self.person},
            }  # fmt: skip
            url, anew = f"{self.deployment.bidder}/openrtb2/usx", {"Connection": "close"}
            begun = time.monotonic()
            async with self.http.post(url, json=request, headers=anew) as answer:
                told = await answer.json() if answer.status == 200 else {}
            for bid in (bid for seat in told.get("seatbid", ()) for bid in seat["bid"]):
                self.bids.append((begun, bid["adomain"][0]))
                found = CLICK.search(bid["adm"])
                if bid["adomain"] == [DEAR] and found:
                    self.click = unescape(found[1])
                async with self.http.get(bid["lurl"]):  # the bid is let go of: nothing is ever held
                    pass
            self.asked.set()
            await asyncio.sleep(PAUSE_S)

    async def sees(self, domain: str) -> None:
        """Returns when the advertiser's next bid has come."""
        since = len(self.bids)
        async with asyncio.timeout(60):
            while domain not in [told for _, told in self.bids[since:]]:
                self.asked.clear()
                await self.asked.wait()

    async def convert(self, by: str, tracker: str) -> float:
        """Follows the last ad's link and becomes a customer; when the advertiser was told that it is known."""
        async with self.http.get(self.click, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            obclid = parse_qs(urlsplit(answer.headers["Location"]).query)["obclid"][0]
        facts = {"event": "application", "order": self.person, "obclid": obclid}
        if by == "pixel":
            query = urlencode({"advertiser": "dear"} | facts)
            async with self.http.get(f"{tracker}/conversion?{query}") as answer:
                assert answer.status == 200
        else:
            body, at = json.dumps(facts), str(int(time.time()))
            secret = postback_secret(load_keys(self.deployment.data), "dear")
            signature = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
            headers = {"X-Outbid-Timestamp": at, "X-Outbid-Signature": signature}
            async with self.http.post(f"{tracker}/postback/dear", data=body, headers=headers) as answer:
                assert answer.status == 200 and (await answer.json())["attributed"]
        return time.monotonic()


@pytest.mark.timeout(300)
async def test_a_converter_gets_no_bid_a_second_later(deployment: Deployment, tmp_path: Path) -> None:
    file = tmp_path / "campaigns.yaml"
    file.write_text(yaml.safe_dump(campaigns()))
    status, said = await deployment.outbid("campaigns", "import", str(file))
    assert status == 0, said
    async with deployment.up(WORKERS):
        browsers = {name: Browser(deployment, deployment.http, name) for name in (*CONVERTERS, STEADY)}
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(browser.ask()) for browser in browsers.values()]
            converted = {}
            for number, name in enumerate(CONVERTERS):
                await browsers[name].sees(DEAR)
                by = "postback" if number % 2 else "pixel"
                converted[name] = await browsers[name].convert(by, deployment.tracker)
                await browsers[name].sees(CHEAP)
            await asyncio.sleep(LONGEST_S)
            for browser in browsers.values():
                await browser.sees(CHEAP if browser.person in CONVERTERS else DEAR)
            for task in asking:
                task.cancel()
    last = {name: max(at for at, told in browsers[name].bids if told == DEAR) for name in CONVERTERS}
    lasted = [last[name] - converted[name] for name in CONVERTERS]
    told = f"the last bids were asked for {', '.join(f'{s:.3f}' for s in lasted)} s after the conversion was known"
    print(told)
    assert statistics.median(lasted) <= PROMISE_S, told
    assert max(lasted) <= LONGEST_S, told
