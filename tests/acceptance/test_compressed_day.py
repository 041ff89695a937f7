"""A day in a minute and a bit, on two bidder workers: every process is killed once in the middle of the traffic, and in
the end the exchange's books, the ledger and the analytics store agree to the last event and the last nano."""

import json
from collections.abc import Callable

import pytest

from .conftest import EXAMPLES, Deployment

DAY_S = 75
RATE = 120
"""Requests a second, as a mean over the day."""

KILLED = ("bidder-0", "tracker", "control", "reporter", "bidder-1")
FIGURES = ("wins", "impressions", "clicks", "conversions", "billed", "spend")


@pytest.mark.timeout(240)
async def test_books_agree_after_every_process_was_killed(
    compressed_day: Callable[[float], Deployment],
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
        assert {books["exchange"] for books in told["books"]} == {"usx", "cnx"}
        for books in told["books"]:
            assert {name: books["theirs"][name] for name in FIGURES} == {name: books["store"][name] for name in FIGURES}
            assert {name: books["ledger"][name] for name in ("billed", "spend")} == {
                name: books["theirs"][name] for name in ("billed", "spend")
            }
            assert all(books["theirs"][name] > 0 for name in FIGURES)
