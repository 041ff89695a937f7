"""Who wins, at what price, and why the others lose."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from simulator.checker import Answer, Bid, Loss
from simulator.exchange import Outcome, settle
from simulator.offer import read_offer


def outcome(bids: list[Bid], market: str, at: int = 2, **imp: Any) -> Outcome:
    request = {"id": "r", "at": at, "imp": [{"id": "1", "banner": {}} | imp]}
    offer = read_offer(request, currency="USD", auction_type=2)
    floor = offer.imps["1"].floor
    met = (replace(bid, floor=bid.deal.floor if bid.deal else floor) for bid in bids)  # as the checker found it
    return settle(Answer(tuple(met)), offer, Decimal(market))


def bid(name: str, price: str, deal: dict[str, Any] | None = None, refused: Loss = Loss.WON) -> Bid:
    offered = None
    if deal is not None:
        imp = {"id": "1", "pmp": {"deals": [{"id": "D"} | deal]}}
        offered = read_offer({"imp": [imp]}, currency="USD", auction_type=2).imps["1"].deals["D"]
    return Bid("", name, "1", "s", "", Decimal(price), "USD", (), offered, 1, "adm", "", "", "", refused, "")


@pytest.mark.parametrize(
    ("at", "price", "market", "floor", "paid"),
    [
        (2, "3", "1.5", 0, "1.5"),
        (2, "3", "1.5", 2, "2"),
        (2, "1.5", "1.5", 0, "1.5"),
        (2, "3", "1.4999999", 0, "1.5"),
        (2, "1.0000001", "1.00000009", 0, "1"),
        (1, "3", "1.5", 2, "3"),
        (1, "3.1234567", "1.5", 0, "3.123456"),
        (2, "1.49", "1.5", 0, None),
        (1, "1.49", "1.5", 0, None),
    ],
)
def test_the_price_of_an_open_bid(at: int, price: str, market: str, floor: float, paid: str | None) -> None:
    found = outcome([bid("a", price)], market, at, bidfloor=floor)
    assert [str(won.cpm.normalize()) for won in found.won] == ([paid] if paid else [])
    assert [(lost.reason, lost.min_to_win) for lost in found.lost] == ([] if paid else [(Loss.OUTBID, Decimal(market))])


@pytest.mark.parametrize(("deal", "paid"), [({"at": 3}, "2"), ({"at": 1}, "4"), ({"at": 2}, "2"), ({}, "2")])
def test_a_deal_meets_no_market(deal: dict[str, Any], paid: str) -> None:
    found = outcome([bid("a", "4", {"bidfloor": 2} | deal)], "9")
    assert [won.cpm for won in found.won] == [Decimal(paid)]


def test_a_deal_comes_before_a_higher_open_bid() -> None:
    found = outcome([bid("open", "9"), bid("deal", "4", {"bidfloor": 2})], "1")
    assert [won.bid.id for won in found.won] == ["deal"]
    assert [(lost.bid.id, lost.reason) for lost in found.lost] == [("open", Loss.LOST_TO_DEAL)]


def test_an_impression_has_one_winner_and_the_others_are_told_what_would_have_won() -> None:
    found = outcome([bid("low", "2"), bid("high", "3"), bid("bad", "9", refused=Loss.SIZE)], "1")
    assert [(won.bid.id, won.nanos) for won in found.won] == [("high", 1_000_000)]
    assert {(lost.bid.id, lost.reason, lost.min_to_win) for lost in found.lost} == {
        ("low", Loss.OUTBID, Decimal(3)),
        ("bad", Loss.SIZE, None),
    }


def in_group(name: str, imp: str, price: str, group: int | None) -> Bid:
    return replace(bid(name, price), imp=imp, group=group)


def settle_two(bids: list[Bid], market: str) -> Outcome:
    request = {"id": "r", "at": 1, "imp": [{"id": "1", "banner": {}}, {"id": "2", "banner": {}}]}
    return settle(Answer(tuple(bids)), read_offer(request, currency="USD", auction_type=2), Decimal(market))


def test_a_group_wins_all_its_impressions() -> None:
    found = settle_two([in_group("a", "1", "3", 0), in_group("b", "2", "2", 0)], "1")
    assert [won.bid.id for won in found.won] == ["a", "b"] and not found.lost


def test_a_group_that_wins_one_impression_loses_it() -> None:
    found = settle_two([in_group("a", "1", "3", 0), in_group("b", "2", "2", 0), in_group("c", "1", "2.6", None)], "2.5")
    assert [won.bid.id for won in found.won] == ["c"]
    assert {lost.bid.id: lost.reason for lost in found.lost} == {"a": Loss.OUTBID, "b": Loss.OUTBID}
