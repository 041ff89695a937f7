"""The loop by itself: bids are logged, shipped, joined with their clicks, a model is made of them, judged and put in
service, and the next bids are made by it, while nobody does anything.
"""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cli.store_rows import Source
from prediction.features import BID
from reporting import training_status
from simulator.books import chances
from tests.deployment import Deployment

SIZES = ("300x250", "728x90", "160x600", "320x50", "336x280")
TRAINING = {
    "OUTBID_TRAINING_ENABLED": "true",
    "OUTBID_TRAINING_TARGETS": "ctr",
    "OUTBID_TRAINING_FIRST_S": "2",
    "OUTBID_TRAINING_LOOK_S": "1",
    "OUTBID_TRAINING_LEAST_PAUSE_S": "1",
    "OUTBID_TRAINING_SETTLE_S": "0",
    "OUTBID_TRAINING_DAYS": "1",
    "OUTBID_TRAINING_TEST_SHARE": "0.3",
    "OUTBID_SIMULATOR_CLICK_RATE": "0.4",
    "OUTBID_SIMULATOR_AUDIENCES": "none",
}
PATIENCE_S = 60.0
DAY_NS = 86_400_000_000_000


def campaigns() -> dict[str, Any]:
    """Two advertisers who pay by the click."""
    names = ("alder", "birch")
    return {
        "exchanges": [{"key": "usx", "currency": "USD", "billing": "burl", "auction_type": 2}],
        "rates": [{"base": "CNY", "quote": "USD", "day": "2013-01-01", "rate": 0.141}],
        "advertisers": [
            {
                "key": name, "name": name, "currency": "USD", "time_zone": "UTC", "domain": f"{name}.example",
                "categories": ["IAB22"],
            }
            for name in names
        ],
        "creatives": [
            {
                "key": f"{name}-{size}", "advertiser": name, "size": size,
                "landing_url": f"https://{name}.example/", "image_url": f"https://cdn.{name}.example/{size}.png",
            }
            for name in names
            for size in SIZES
        ],
        "campaigns": [
            {
                "key": name, "advertiser": name, "name": name, "start": "2013-01-01", "end": "2039-12-31",
                "daily_budget": 10_000,
                "line_items": [
                    {
                        "key": f"{name}-clicks", "name": "Clicks", "strategy": "target_cpc", "goal": 5,
                        "bid_cap_cpm": 20, "daily_budget": 10_000, "pacing": "asap",
                        "creatives": [f"{name}-{size}" for size in SIZES],
                    }
                ],
            }
            for name in names
        ],
    }  # fmt: skip


async def test_the_bidder_learns_from_its_own_logs_unattended(deployment: Deployment, tmp_path: Path) -> None:
    deployment.environment |= TRAINING
    file = tmp_path / "campaigns.yaml"
    file.write_text(yaml.safe_dump(campaigns()))
    status, said = await deployment.outbid("campaigns", "import", str(file))
    assert status == 0, said
    traffic = ("simulate", "--exchange", "usx", "--clicks", "hidden", "--seed", "5", "--rate", "200", "--json", "--for")
    async with deployment.up(1):
        status, said = await deployment.outbid(*traffic, "8")
        assert status == 0, said
        until = time.monotonic() + PATIENCE_S
        while not (live := live_models(deployment.data)):
            assert time.monotonic() < until, [
                (run.state, run.text) for run in training_status.read(deployment.data).runs
            ]
            await asyncio.sleep(0.2)
        assert set(live) == {"ctr"}
        await asyncio.sleep(1.0)  # bidders look four times a second
        status, said = await deployment.outbid(*traffic, "3")
        assert status == 0, said
        run = next(run for run in training_status.read(deployment.data).runs if run.promoted)
        assert (run.target, run.why, run.version) == ("ctr", "first", live["ctr"])
        source = Source(deployment.reporter, "ctr", len(BID.features))
        told = await asyncio.to_thread(source.rows, run.started_ns - DAY_NS, run.started_ns + DAY_NS, 10**6)
    by_model, by_prior = told["model"] > 0, told["model"] == 0
    assert by_model.sum() > 100 < by_prior.sum()
    assert len(np.unique(told["ctr"][by_model])) > 50
    # the exchange alone knows the truth
    sold = chances(deployment.data / "exchange" / "books.sqlite")
    truth = np.mean([click for _, _, click, *_ in sold])
    assert abs(told["ctr"][by_model].mean() / truth - 1) < 0.25, (told["ctr"][by_model].mean(), truth)
    assert abs((told["clicked_ns"] > 0).sum() / sum(clicked for *_, clicked, _ in sold) - 1) < 0.05


def live_models(data: Path) -> dict[str, int]:
    file = data / "models" / "live.json"
    live: dict[str, int] = json.loads(file.read_bytes())["live"] if file.exists() else {}
    return live
