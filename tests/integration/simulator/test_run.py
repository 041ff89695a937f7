"""The simulator against a bidder whose books are computed otherwise: whatever the notices go through, they agree."""

import asyncio
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.clock import SystemClock
from domain.errors import Refused
from simulator import replay
from simulator.books import totals
from simulator.config import SimulatorSettings, Trouble
from simulator.exchange import Auction
from simulator.replay import replay_ipinyou
from simulator.requests import requests_in
from simulator.run import books_path, run_traffic, synthetic

TROUBLED = Trouble(audit=0.1, lost=0.1, repeated=0.2, late=0.3, late_s=(0.02, 0.2), forged=0.3)
PATIENT_MS = 20_000
"""Of exchanges that wait for the slowest machine: none of these tests is about time-outs."""
SETTINGS = SimulatorSettings(
    seed=11,
    persons=300,
    click_rate=0.3,
    conversion_rate=0.6,
    return_rate=0.0,
    trouble=TROUBLED,
    sellers=tuple(replace(seller, tmax_ms=PATIENT_MS) for seller in SimulatorSettings().sellers),
)
CALM = replace(SETTINGS, trouble=Trouble(audit=0, lost=0, repeated=0, late=0, forged=0))


def auctions(count: int) -> Iterator[Auction]:
    return islice(synthetic(SETTINGS, SystemClock(), random.Random(5)), count)


def books(dsp: Any) -> dict[str, dict[str, int]]:
    names = ("wins", "impressions", "clicks", "conversions", "billed", "spend")
    lines = totals(books_path(dsp.places))
    return {line.exchange: {name: getattr(line, name) for name in names if getattr(line, name)} for line in lines}


def told(dsp: Any) -> dict[str, dict[str, int]]:
    return {key: {name: value for name, value in book.items() if value} for key, book in dsp.books().items()}


async def test_books_agree_through_duplicates_late_lost_audited_and_forged_notices(dsp: Any) -> None:
    seen = await run_traffic(dsp.places, SETTINGS, source=auctions(300))
    assert books(dsp) == told(dsp)
    assert not seen.faults()
    assert seen.requests == sum(seen.answers.values()) == 300
    assert seen.forged == seen.forged_refused == dsp.refused > 0
    assert min(seen.audits, seen.lost, seen.late, seen.repeated, seen.losses["OUTBID"]) > 0
    assert all(book.keys() >= {"wins", "impressions", "clicks", "conversions", "spend"} for book in books(dsp).values())
    assert set(books(dsp)) == {"usx", "cnx"}
    assert sum(line.pending + line.refused for line in totals(books_path(dsp.places))) == 0


async def test_an_answer_that_gets_lost_is_asked_for_again_and_counted_once(dsp: Any) -> None:
    dsp.clumsy = 0.2
    seen = await run_traffic(dsp.places, SETTINGS, source=auctions(100))
    assert seen.retries > 0
    assert not seen.faults()
    assert books(dsp) == told(dsp)


async def test_a_simulator_that_was_stopped_brings_its_notices_to_an_end_in_the_next_run(dsp: Any) -> None:
    await run_traffic(dsp.places, CALM, source=auctions(60), drain_s=0)
    assert sum(line.pending for line in totals(books_path(dsp.places))) > 0
    await run_traffic(dsp.places, CALM, source=iter(()))
    assert sum(line.pending for line in totals(books_path(dsp.places))) == 0
    assert books(dsp) == told(dsp)


async def test_a_run_that_is_cancelled_ends_at_once_and_forgets_nothing(dsp: Any) -> None:
    dsp.clumsy = 0.5  # no notice gets through: there is much to drain
    running = asyncio.create_task(run_traffic(dsp.places, CALM, rate=200))
    await dsp.has_bid.wait()
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=30)
    assert done and running.cancelled()
    dsp.clumsy = 0.0
    await run_traffic(dsp.places, CALM, source=iter(()))
    assert sum(line.pending for line in totals(books_path(dsp.places))) == 0
    assert books(dsp) == told(dsp)


async def test_a_rate_and_a_time_end_by_themselves(dsp: Any) -> None:
    seen = await run_traffic(dsp.places, CALM, rate=200, seconds=0.5)
    assert seen.requests > 0
    assert books(dsp) == told(dsp)


async def test_invalid_bids_never_win_and_are_told_why(dsp: Any) -> None:
    dsp.spoil = {"w": 7}
    seen = await run_traffic(dsp.places, CALM, source=auctions(20))
    assert seen.sales == 0
    assert seen.bids > 0
    assert dsp.losses == [203] * seen.bids
    assert "size 7x" in seen.faults()[0]


ROW = (
    "{click}\t6\t11\t{bidid}\t20131019110113626\t1\tCookie{bidid}\twindows_chrome\t14.222.23.*\t216\t233\t1\tabcdef\tfedcba"
    "\tnull\tslot1\t300\t250\tFirstView\tNa\t{floor}\t7323\t294\t{market}\tnull\t2259\t10075,10083\n"
)


async def test_a_replayed_log_is_settled_at_its_recorded_prices(
    dsp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "TMAX_MS", PATIENT_MS)
    rows = [
        {"bidid": "a", "floor": 0, "market": 46, "click": 1},
        {"bidid": "b", "floor": 70, "market": 20, "click": 0},
        {"bidid": "b", "floor": 0, "market": 150, "click": 0},
        {"bidid": "c", "floor": 0, "market": 151, "click": 0},
        {"bidid": "d", "floor": 160, "market": 160, "click": 0},
    ]
    log = tmp_path / "log.tsv"
    log.write_text("".join(ROW.format(**row) for row in rows))
    seen = await run_traffic(dsp.places, CALM, source=replay_ipinyou(log, CALM.seller("cnx")))
    assert seen.requests == 5
    assert (seen.sales, seen.losses["OUTBID"], seen.no_bids["503"]) == (3, 1, 1)
    assert books(dsp) == told(dsp)
    book = books(dsp)["cnx"]
    assert (book["wins"], book["clicks"], book["spend"]) == (3, 1, 460_000 + 700_000 + 1_500_000)


async def test_a_row_that_is_none_is_refused_after_the_others_were_settled(
    dsp: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "TMAX_MS", PATIENT_MS)
    log = tmp_path / "log.tsv"
    log.write_text(
        ROW.format(bidid="a", floor=0, market=46, click=0) + ROW.format(bidid="b", floor=0, market="x", click=0)
    )
    with pytest.raises(Refused, match="line 2, payprice: 'x'"):
        await run_traffic(dsp.places, CALM, source=replay_ipinyou(log, CALM.seller("cnx")))
    assert books(dsp)["cnx"]["wins"] == 1


async def test_files_are_posted_as_they_are(dsp: Any, tmp_path: Path) -> None:
    folder = tmp_path / "requests"
    folder.mkdir()
    (folder / "1.json").write_text('{"id":"x","at":"1","imp":[{"id":"1","bidfloor":"0.5","banner":{"w":300,"h":250}}]}')
    (folder / "2.json").write_text("{not json")
    seen = await run_traffic(dsp.places, CALM, source=requests_in(folder, CALM.seller("usx"), random.Random(1)))
    assert seen.answers == {200: 1, 400: 1}
    assert seen.failures == 1
    assert seen.faults() == ["1 × status 400"]
    assert dsp.requests[0]["at"] == "1"


async def test_without_a_bidder_every_request_counts_as_dropped(dsp: Any) -> None:
    nowhere = replace(dsp.places, bidder_port=1)
    seen = await run_traffic(nowhere, CALM, source=auctions(5))
    assert (seen.requests, seen.dropped, seen.failures) == (5, 5, 5)
