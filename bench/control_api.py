"""How long the REST API takes with a large catalogue: pages of lists, single resources, and changes, over HTTP."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml
from aiohttp import ClientSession, web

from api.keys import KeyFile, Keys
from campaigns.api.service import Service
from campaigns.importing import import_file
from campaigns.store import Store
from domain.clock import from_env
from monitoring.health import Readiness
from monitoring.page import Page
from monitoring.process import LoopLag
from monitoring.web import Requests, Told, request_seconds


def content(advertisers: int, campaigns: int, line_items: int) -> dict[str, Any]:
    """A campaign file; one advertiser in ten has audiences made of others, and people that it suppresses."""

    def item(n: int, advertiser: int) -> dict[str, Any]:
        return {
            "key": f"l{n}", "name": f"Line item {n}", "bid_cpm": "1.25", "creatives": [f"k{advertiser}"],
            "daily_budget": str(10 + n % 90),
            "targeting": {"country": ["USA", "CAN"], "not": {"site": [f"bad{n % 100}.example"]}},
        }  # fmt: skip

    made = []
    per_campaign, per_advertiser = max(1, line_items // campaigns), max(1, campaigns // advertisers)
    for n in range(campaigns):
        advertiser = min(n // per_advertiser, advertisers - 1)
        made.append({
            "key": f"c{n}", "advertiser": f"a{advertiser}", "name": f"Campaign {n}", "start": "2026-01-01",
            "end": "2027-12-31", "daily_budget": "1000",
            "line_items": [item(n * per_campaign + i, advertiser) for i in range(per_campaign)],
        })  # fmt: skip
    return {
        "exchanges": [{"key": "usx", "currency": "USD", "billing": "burl"}],
        "advertisers": [
            {
                "key": f"a{n}", "name": f"Advertiser {n}", "currency": "USD", "time_zone": "America/New_York",
                "domain": f"a{n}.example", "categories": ["IAB13"], **({"suppress": [f"s{n}"]} if n % 10 == 0 else {}),
            }
            for n in range(advertisers)
        ],
        "audiences": [
            one for n in range(0, advertisers, 10) for one in (
                {"key": f"p{n}", "advertiser": f"a{n}", "name": "Prime"},
                {"key": f"s{n}", "advertiser": f"a{n}", "name": "Suppressed", "of": {"any": [f"p{n}"]}},
            )
        ],
        "creatives": [
            {
                "key": f"k{n}", "advertiser": f"a{n}", "size": "300x250", "landing_url": f"https://a{n}.example/",
                "image_url": "https://cdn.example/1.jpg",
            }
            for n in range(advertisers)
        ],
        "campaigns": made,
    }  # fmt: skip


class Caller:
    def __init__(self, http: ClientSession, base: str, token: str) -> None:
        self._http, self._base, self._told = http, base, {"Authorization": f"Bearer {token}"}

    async def timed(self, rounds: int, method: str, path: str, body: Any = None) -> dict[str, float]:
        """Milliseconds of an answer: in the median and at most; and of this process's processor time."""
        wall, cpu = [], []
        headers = self._told | {"If-Match": "*", "Content-Type": "application/json"}
        for n in range(rounds + 1):
            data = None if body is None else json.dumps(body(n))
            began, used = time.perf_counter(), time.process_time()
            async with self._http.request(method, f"{self._base}{path}", data=data, headers=headers) as answer:
                text = await answer.text()
                assert answer.status == 200, text
            if n:  # the first one warms up
                wall.append((time.perf_counter() - began) * 1e3)
                cpu.append((time.process_time() - used) * 1e3)
        return {"median_ms": round(median(wall), 1), "max_ms": round(max(wall), 1), "cpu_ms": round(median(cpu), 1)}


async def measure(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    store = Store(f"sqlite:///{folder / 'control.sqlite'}")
    store.migrate()
    file = folder / "file.yaml"
    with file.open("w") as opened:
        yaml.dump(content(asked.advertisers, asked.campaigns, asked.line_items), opened, yaml.CSafeDumper)
    began = time.perf_counter()
    import_file(store, file, profiles=folder / "profiles.lmdb")
    figures: dict[str, Any] = {"import_s": round(time.perf_counter() - began, 1)}
    family = request_seconds("api")

    async def page() -> Page:
        return Page([family])

    async def ready() -> Readiness:
        return Readiness("api")

    keys = KeyFile(folder / "keys.json")
    house, _ = keys.add("", ["*"])
    own, _ = keys.add("a0", ["read", "write"])
    service = Service(store, from_env())
    app = service.application(Keys(keys.path), Told(page, ready), Requests(family), LoopLag())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ClientSession() as http:
        began = time.perf_counter()
        caller = Caller(http, base, house)
        await caller.timed(1, "GET", "/v1/line_items?page_size=1")
        figures["load_s"] = round(time.perf_counter() - began, 2)
        r = asked.rounds
        wanted = 'advertiser = "a0" AND name : "item 1"'
        lists = f"/v1/line_items?page_size=100&filter={wanted}&order_by=daily_budget desc,name"
        figures["list"] = await caller.timed(r, "GET", "/v1/line_items?page_size=100")
        figures["list_filtered_sorted"] = await caller.timed(r, "GET", lists)
        figures["list_sorted"] = await caller.timed(r, "GET", "/v1/line_items?page_size=100&order_by=daily_budget,name")
        figures["get"] = await caller.timed(r, "GET", "/v1/line_items/l7")
        figures["patch_line_item"] = await caller.timed(
            r, "PATCH", "/v1/line_items/l7", lambda n: {"bid_cpm": f"{2 + n / 100}"}
        )
        figures["patch_campaign"] = await caller.timed(r, "PATCH", "/v1/campaigns/c0", lambda n: {"name": f"{n}"})
        figures["patch_advertiser"] = await caller.timed(r, "PATCH", "/v1/advertisers/a0", lambda n: {"name": f"{n}"})
        edits = [
            {"method": "update", "key": f"l{n}", "etag": "*", "body": {"daily_budget": "77"}}
            for n in range(min(100, asked.line_items))
        ]
        figures["batch_100"] = await caller.timed(2, "POST", "/v1/line_items:batch", lambda n: {"items": edits})
        tenant = Caller(http, base, own)
        figures["own_list"] = await tenant.timed(r, "GET", "/v1/line_items?page_size=100")
        figures["own_patch"] = await tenant.timed(
            r, "PATCH", "/v1/line_items/l7", lambda n: {"bid_cpm": f"{3 + n / 100}"}
        )
    await runner.cleanup()
    store.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--advertisers", type=int, default=200)
    parser.add_argument("--campaigns", type=int, default=2_000)
    parser.add_argument("--line-items", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), asked))
    figures |= {name: getattr(asked, name) for name in ("advertisers", "campaigns", "line_items", "rounds")}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
