"""What a pace does to bids, and what the worker tells of what it could have bid on."""

import json
from pathlib import Path
from typing import Any

import pytest

from bidder.auction import NoBid
from bidder.explain import explain
from openrtb.nobid import NoBidReason
from pacing.protocol import PaceOrder, Supplied
from tests.auction_table import Table, merge, snapshot

REQUEST = json.loads((Path(__file__).parents[2] / "golden" / "request.json").read_text())
LINES = [item.id for item in snapshot().line_items]


def ask(number: int = 1, patch: object = None) -> Any:
    return merge({**REQUEST, "id": f"auction-{number}"}, patch or {})


@pytest.fixture
def table() -> Table:
    return Table()


def order(table: Table, multiplier: float = 1.0, share: float = 1.0) -> None:
    for line in LINES:
        table.auction.paces.apply(PaceOrder(line, multiplier, share))


def price(table: Table, request: object) -> float:
    answer = table.decide(request)
    assert isinstance(answer, dict), answer
    return float(answer["seatbid"][0]["bid"][0]["price"])  # type: ignore[index]


def test_without_an_order_the_whole_price_is_bid_in_every_auction(table: Table) -> None:
    assert table.auction.paces.pace(LINES[0]) == (1.0, 1.0)
    assert price(table, ask()) > 0


def test_the_multiplier_lowers_the_price_and_what_is_reserved(table: Table) -> None:
    whole = price(table, ask())
    taken = {use.lease: use.reserved for use in table.leases.uses() if use.reserved}
    order(table, multiplier=0.5)
    assert price(table, ask(2)) == pytest.approx(whole / 2, rel=1e-5)
    after = {use.lease: use.reserved for use in table.leases.uses() if use.reserved}
    assert sum(after.values()) == pytest.approx(1.5 * sum(taken.values()), rel=1e-5)


def test_a_price_below_the_floor_is_not_bid(table: Table) -> None:
    whole = price(table, ask())
    order(table, multiplier=0.5)
    outcome = table.decide(ask(2, {"imp": [{**REQUEST["imp"][0], "bidfloor": whole * 0.75, "bidfloorcur": "USD"}]}))
    assert outcome == NoBid(NoBidReason.PACING, "pricing")


def test_the_share_is_kept_and_the_same_auction_is_always_the_same(table: Table) -> None:
    order(table, share=0.25)
    outcomes = [table.decide(ask(n)) for n in range(4_000)]
    bids = [isinstance(outcome, dict) for outcome in outcomes]
    assert {outcome for outcome in outcomes if isinstance(outcome, NoBid)} == {NoBid(NoBidReason.PACING, "pacing")}
    lines = len(table.auction.paces.supplied())  # each is drawn for by itself
    assert sum(bids) == pytest.approx(4_000 * (1 - 0.75**lines), rel=0.08)
    assert [isinstance(table.decide(ask(n)), dict) for n in range(500)] == bids[:500]


def test_what_could_have_been_bid_on_is_counted_whatever_pacing_and_leases_say() -> None:
    table = Table(lease=0)  # no lease at all
    order(table, share=0.5)
    for n in range(100):
        table.decide(ask(n))
    paces = table.auction.paces
    counted = paces.supplied()
    assert counted and {one.auctions for one in counted} == {100}
    paces.heard(counted)
    assert paces.supplied() == []
    table.decide(ask(101))
    assert {one.auctions for one in paces.supplied()} == {101}
    paces.heard([Supplied(counted[0].line_item, 100)])  # an answer that came late
    assert {one.auctions for one in paces.supplied()} == {101}
    paces.restart()
    assert paces.supplied() == []


def test_what_could_not_be_bid_on_is_not_counted(table: Table) -> None:
    table.decide(ask(1, {"imp": [{**REQUEST["imp"][0], "bidfloor": 1_000.0, "bidfloorcur": "USD"}]}))
    assert table.auction.paces.supplied() == []


def test_explain_says_what_pacing_did(table: Table) -> None:
    order(table, share=1e-9)
    told = explain(table.auction, json.dumps(ask()).encode(), table.view.sellers["usx"], table.view)
    assert told.no_bid == NoBid(NoBidReason.PACING, "pacing")
    assert "to keep to its plan" in told.stages["pacing"][0].why
    order(table, multiplier=1e-9)
    told = explain(table.auction, json.dumps(ask()).encode(), table.view.sellers["usx"], table.view)
    assert told.no_bid == NoBid(NoBidReason.PACING, "pricing")
    assert "below the floor" in told.stages["pricing"][0].why
