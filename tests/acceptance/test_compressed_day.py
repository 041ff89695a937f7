"""A day in less than a minute, on four bidder workers, two exchanges, two billing bases and two currencies, while
processes are killed at random: twenty times, each at least twice, ready or not. In the end the exchange's books, the
ledger and the analytics store agree to the last event and the last nano, and a real ClickHouse server that is filled
from the same logs reports the same."""

import asyncio
import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from simulator.books import totals, totals_by_format
from tests.clickhouse_server import ClickHouseServer
from tests.deployment import EXAMPLES, Deployment

DAY_S = 50
RATE = 120
"""Requests a second, as a mean over the day."""

WORKERS = 4
KILLED = ("control", "tracker", "reporter", *(f"bidder-{slot}" for slot in range(WORKERS)))
KILLS = 20
GAP_S = 2.0
"""Mean time between two of them."""
SEED = int(os.environ.get("KILLS_SEED", "20270316"))

EAGER = {"OUTBID_SIMULATOR_CLICK_RATE": "0.2", "OUTBID_SIMULATOR_CONVERSION_RATE": "0.5"}
"""So that a minute has clicks and conversions on both exchanges, whatever is drawn."""

BASES = {
    "usx": ({"banner": "burl", "native": "burl", "video": "impression", "audio": "impression"}, "USD"),
    "cnx": ("impression", "CNY"),
}
FORMATS = ("banner", "video", "audio", "native")
PLAYED = ("starts", "completes", "measured", "viewable")
FIGURES = ("wins", "impressions", "clicks", "conversions", "billed", *PLAYED, "spend")
REPORTS = ("exchange", "exchange,format", "day,line_item", "hour,exchange", "advertiser,campaign,creative", "site")


async def kill_at_random(deployment: Deployment) -> None:
    """Each process of `KILLED` twice or three times, in any order, at any moment: while another is still coming back,
    or itself."""
    draw = random.Random(SEED)
    print(f"KILLS_SEED={SEED}")
    for name in draw.sample(KILLED * 3, KILLS):
        await asyncio.sleep(draw.uniform(0, 2 * GAP_S))
        await deployment.strike(name)
        print(f"killed {name}")


async def all_figures(deployment: Deployment) -> None:
    """Returns when both exchanges have something of every figure to compare, and one of them of every format, however
    slow the machine is.
    """
    path = deployment.data / "exchange" / "books.sqlite"
    while True:
        books, formats = totals(path), totals_by_format(path)
        sold = {name for (_, name), figures in formats.items() if figures["billed"]}
        whole = all(getattr(line, name) for line in books for name in FIGURES)
        if len(books) == len(BASES) and sold == set(FORMATS) and whole:
            return
        await asyncio.sleep(0.5)


@pytest.mark.timeout(400)
async def test_books_agree_after_every_process_was_killed(
    compressed_day: Callable[[float], Deployment], tmp_path: Path
) -> None:
    defined = yaml.safe_load((EXAMPLES / "campaigns.yaml").read_text())["exchanges"]
    assert {each["key"]: (each["billing"], each["currency"]) for each in defined} == BASES
    deployment = compressed_day(DAY_S)
    status, said = await deployment.outbid("campaigns", "import", str(EXAMPLES / "campaigns.yaml"))
    assert status == 0, said
    async with deployment.up(WORKERS):
        exchange = await deployment.begin("simulate", "--rate", str(RATE), "--json", **EAGER)
        await asyncio.gather(kill_at_random(deployment), asyncio.sleep(DAY_S))
        await deployment.billed_more(60)  # all are back, and earn money again
        await all_figures(deployment)
        exchange.send_signal(signal.SIGINT)
        printed, _ = await exchange.communicate()
        said = json.loads(printed.decode().splitlines()[-1])
        assert exchange.returncode == 0, json.dumps(said, indent=1)
        assert said["agree"]
        assert not said["faults"]

        print(*said["books"], sep="\n")
        theirs = {line.exchange: line for line in totals(deployment.data / "exchange" / "books.sqlite")}
        ledger = await deployment.get(f"{deployment.control}/v1/books")
        store = await deployment.get(f"{deployment.reporter}/v1/books")
        assert {key: line.currency for key, line in theirs.items()} == {key: of for key, (_, of) in BASES.items()}
        assert all(getattr(line, name) > 0 for line in theirs.values() for name in FIGURES)
        assert {line["exchange"]: (line["billed"], line["spend"]) for line in ledger["exchanges"]} == {
            key: (line.billed, line.spend) for key, line in theirs.items()
        }
        assert {line["exchange"]: {name: line[name] for name in FIGURES} for line in store} == {
            key: {name: getattr(line, name) for name in FIGURES} for key, line in theirs.items()
        }

        report = await deployment.get(f"{deployment.reporter}/v1/report?by=exchange,format")
        told = ("wins", "impressions", "clicks", "billed", *PLAYED)  # conversions are in the report unattributed, too
        by_format = totals_by_format(deployment.data / "exchange" / "books.sqlite")
        assert {name for _, name in by_format} == set(FORMATS)
        nothing = dict.fromkeys(told, 0)
        found: dict[tuple[str, str], dict[str, int]] = {}
        for row in report["rows"]:
            if row["format"]:  # a row for each currency of the advertisers
                figures = found.setdefault((row["exchange"], row["format"]), dict(nothing))
                for name in told:
                    figures[name] += row[name]
        theirs_by_format = {key: {name: figures[name] for name in told} for key, figures in by_format.items()}
        assert {key: figures for key, figures in found.items() if figures != nothing} == {
            key: figures for key, figures in theirs_by_format.items() if figures != nothing
        }

        checked = ("quality", "--from", "2027-03-16", "--to", "2027-03-18", "--format", "json")
        quality = json.loads((await deployment.outbid(*checked))[1])
        lossy = ("wins_without_bid", "clicks_without_impression", "completes_without_start")  # killed workers lost bids
        assert [one for one in quality["findings"] if one["check"] not in lossy] == []
        assert quality["hours"] > 20 and set(quality["pending"].values()) <= {
            "the ledger has not booked beyond the hour"
        }

        server = ClickHouseServer(tmp_path / "clickhouse")
        server.start()
        try:
            async with deployment.reporter_on(server.address("outbid")) as other:
                assert await deployment.get(f"{other}/v1/books") == store
                for by in REPORTS:
                    report = await deployment.get(f"{deployment.reporter}/v1/report?by={by}")
                    assert report["rows"]
                    assert await deployment.get(f"{other}/v1/report?by={by}") == report
        finally:
            server.kill()
        status, told = await deployment.outbid("replay", "store")
        assert (status, "the reporter runs" in told) == (2, True), told

    for projection in ("memory", "ledger", "store"):  # each is what its logs say, to the last entry
        status, told = await deployment.outbid("replay", projection, "--dry-run")
        assert status == 0, told
