"""A day in a minute, on two bidder workers: every process is killed once in the middle of the traffic. In the end the
exchange's books, the ledger and the analytics store agree to the last event and the last nano, and a real ClickHouse
server that is filled from the same logs reports the same."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.books import totals
from tests.clickhouse_server import ClickHouseServer
from tests.deployment import EXAMPLES, Deployment

DAY_S = 60
RATE = 120
"""Requests a second, as a mean over the day."""

KILLED = ("bidder-0", "tracker", "control", "reporter", "bidder-1")
FIGURES = ("wins", "impressions", "clicks", "conversions", "billed", "spend")
REPORTS = ("exchange", "day,line_item", "hour,exchange", "advertiser,campaign,creative", "site")


@pytest.mark.timeout(300)
async def test_books_agree_after_every_process_was_killed(
    compressed_day: Callable[[float], Deployment], tmp_path: Path
) -> None:
    deployment = compressed_day(DAY_S)
    status, said = await deployment.outbid("campaigns", "import", str(EXAMPLES / "campaigns.yaml"))
    assert status == 0, said
    async with deployment.up(workers=2):
        exchange = await deployment.begin("simulate", "--for", str(DAY_S), "--rate", str(RATE), "--json")
        for name in KILLED:
            await deployment.billed_more(60)
            await deployment.kill(name)
        await deployment.billed_more(60)  # all are back, and earn money again
        printed, _ = await exchange.communicate()
        told = json.loads(printed.decode().splitlines()[-1])
        assert exchange.returncode == 0, json.dumps(told, indent=1)
        assert told["agree"]
        assert not told["faults"]

        theirs = {line.exchange: line for line in totals(deployment.data / "exchange" / "books.sqlite")}
        ledger = await deployment.get(f"{deployment.control}/v1/books")
        store = await deployment.get(f"{deployment.reporter}/v1/books")
        assert theirs.keys() == {"usx", "cnx"}
        assert all(getattr(line, name) > 0 for line in theirs.values() for name in FIGURES)
        assert {line["exchange"]: (line["billed"], line["spend"]) for line in ledger["exchanges"]} == {
            key: (line.billed, line.spend) for key, line in theirs.items()
        }
        assert {line["exchange"]: {name: line[name] for name in FIGURES} for line in store} == {
            key: {name: getattr(line, name) for name in FIGURES} for key, line in theirs.items()
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
