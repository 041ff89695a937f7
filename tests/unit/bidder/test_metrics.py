"""What a worker tells Prometheus: it parses, adds up, and has every stage of the story; workers tell for each other."""

import ast
import asyncio
import inspect
import json
import textwrap
from bisect import bisect_left
from pathlib import Path

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from bidder import auction as story
from bidder.auction import Auction
from bidder.metrics import FAMILIES, LOG_SHUT, REQUESTS, Worker
from bidder.neighbouring_workers import PATIENCE_S, Neighbours
from bidder.stopwatch import STAGES, Stopwatch
from bidder.tally import BOUNDS_S, Tally
from monitoring.page import Page
from tests.auction_table import Table
from tests.exposition import Metrics
from tests.unit.bidder.test_http import BODY, post, read_answer


async def test_what_came_in_is_what_was_answered(bid_port) -> None:
    short = json.dumps({**json.loads(BODY), "tmax": 3}).encode()
    async with bid_port() as port:
        reader, writer = await port.open()
        for body in (BODY, BODY, short, b"{"):
            port.service._decide = port.service._timed  # as after a look at the clock
            writer.write(post(body))
            await read_answer(reader)
        told = Metrics(port.service.metrics())
    of = {"exchange": "usx", "worker": "0"}
    assert told.of("outbid_bidder_requests_total", **of) == 4
    assert told.of("outbid_bidder_bids_total", **of) == 2
    assert told.of("outbid_bidder_exchange_no_bids_total", **of) == 1
    assert told["outbid_bidder_malformed_total"] == 1
    assert told.of("outbid_bidder_answer_seconds_count", **of) == 4
    assert told.of("outbid_bidder_answer_seconds_sum", **of) > 0
    assert told["outbid_bidder_no_bids_total"] == 1
    timed = told.by("outbid_bidder_stage_seconds_count", "stage")
    assert timed["read"] == 3 and timed["choose"] == 2 and timed["answer"] == 2


def _there(table: Table) -> tuple[object, object]:
    return table.view.sellers["usx"], table.view


def test_every_stage_of_the_story_has_a_stopwatch() -> None:
    """Whatever the story calls by name and asks for its outcome, from a module of a stage, is timed, in its order."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(Auction.decide)))
    called = [
        (node.lineno, node.col_offset, node.func.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    stages = [
        name
        for _, _, name in sorted(called)
        if getattr(getattr(story, name, None), "__module__", "").startswith(("bidder.", "openrtb.decode"))
    ]
    assert stages == list(STAGES)


def test_a_timed_request_is_answered_as_any_other() -> None:
    tables = Table(), Table()
    plain = tables[0].auction.decide(BODY, *_there(tables[0]))
    timed = Stopwatch(tables[1].auction).decide(BODY, *_there(tables[1]))
    assert isinstance(plain, bytes) and isinstance(timed, bytes)
    prices = [[bid["price"] for bid in json.loads(body)["seatbid"][0]["bid"]] for body in (plain, timed)]
    assert prices[0] == prices[1]


@given(st.lists(st.integers(-1, 2_000_000_000)))
def test_latencies_fall_into_their_buckets(taken: list[int]) -> None:
    tally, wanted = Tally("usx"), [0] * (len(BOUNDS_S) + 1)
    for ns in taken:
        tally.answered(ns)
        wanted[bisect_left(BOUNDS_S, max(ns, 1) / 1e9)] += 1
    counts, total = tally.latencies()
    assert counts == wanted
    assert total == pytest.approx(sum(max(ns, 1) for ns in taken) / 1e9)


def test_workers_tell_for_each_other(tmp_path: Path) -> None:
    """On the loop that they run on. One that is stopped is waited for no longer than is said, and not counted."""

    def page(slot: int) -> Page:
        told = Page(FAMILIES, {"worker": str(slot)})
        told.add(REQUESTS, 10 + slot, 'an "exchange"')
        told.add(LOG_SHUT, slot == 1)
        return told

    async def ask() -> tuple[str, str]:
        workers = [Neighbours(Worker(slot, tmp_path), lambda slot=slot: page(slot)) for slot in range(3)]
        running = [asyncio.create_task(worker.run()) for worker in workers[1:]]
        await asyncio.sleep(0.05)
        whole = (await workers[0].gather(page(0))).render()
        running[0].cancel()
        await asyncio.gather(running[0], return_exceptions=True)
        without = (await workers[0].gather(page(0))).render()
        running[1].cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return whole, without

    whole, without = (Metrics(text) for text in uvloop.run(ask()))
    assert whole.by("outbid_bidder_requests_total", "worker") == {"0": 10, "1": 11, "2": 12}
    assert whole["outbid_bidder_workers"] == 3
    assert without.by("outbid_bidder_requests_total", "worker") == {"0": 10, "2": 12}
    assert without["outbid_bidder_workers"] == 2
    assert PATIENCE_S < 1
