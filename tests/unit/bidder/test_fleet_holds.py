"""Auctions that are set aside until a fleet holds their bids: what becomes of them, and of others in between."""

import json
from pathlib import Path
from typing import Any

import pytest

from bidder.auction import Aside, NoBid
from bidder.explain import Explanation, explain
from bidder.frequency import History
from domain.naming import person_key
from openrtb.nobid import NoBidReason
from targeting.held_words import bid_of, word
from targeting.households import device_key, household_key, household_of
from targeting.identity_keys import parse_person
from targeting.redis_lookup import NOT_HELD
from tests.auction_table import PLENTY, Table, merge, snapshot
from tests.fleet_twin import FleetTwin, Record

GOLDEN = Path(__file__).parents[2] / "golden"
REQUEST = json.loads((GOLDEN / "request.json").read_text())
POD = json.loads((GOLDEN / "openrtb" / "pods_frequency_counts_all_of_them.json").read_text())
ANN = person_key("buyeruid", "ann", "usx")
HOUSE = household_key(household_of("203.0.113.7"))
CAPS = {"line_items[0]": {"frequency_caps": [{"impressions": 2, "seconds": 43_200}]}}
LOGIN = "email:ann@example.com"
HER = parse_person(LOGIN)
CAPPED = NoBid(NoBidReason.FREQUENCY, "frequency")


class Faster(FleetTwin):
    """Another worker's bids are there before ours."""

    def __init__(self, *others: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.others = others

    def take(self, aside: Aside, record: Record) -> dict[int, tuple[bytes | None, list[bytes]]]:
        for bid, ad in enumerate(self.others, start=1):
            self.hold(ANN, *ad, bid, 60)
        return super().take(aside, record)


def table(patch: object, fleet: FleetTwin | None = None, **changes: Any) -> Table:
    return Table(snapshot(patch), fleet=fleet or FleetTwin(), **changes)


def aside(made: Table, request: object = REQUEST) -> Aside:
    outcome = made.auction.decide(json.dumps(request).encode(), made.view.sellers["usx"], made.view)
    assert isinstance(outcome, Aside)
    return outcome


def bids(outcome: Any) -> list[dict[str, Any]]:
    return [bid for seat in outcome["seatbid"] for bid in seat["bid"]]


def test_bids_are_held_under_their_ids_until_notices_cannot_come_any_more() -> None:
    caps = [{"impressions": 9, "seconds": 60, "by": by} for by in ("person", "device", "household")]
    fleet = FleetTwin()
    made = table({"line_items[0]": {"frequency_caps": caps}, "exchanges[0]": {"bid_expiry_s": 40}}, fleet)
    request = merge(REQUEST, {"device": {"ip": "203.0.113.7"}, "imp[0]": {"exp": 30}})
    (bid,) = bids(made.decide(request))
    held = word(b"h", int(bid["id"]), 1, 11, 1, 101)
    assert sorted(fleet.taken) == sorted((key, held, 35_000) for key in (ANN, device_key(ANN & 0xFFFF_FFFF), HOUSE))
    assert len(bids(made.decide(request))) == 1 and fleet.held_ads(ANN) == [(1, 11, 1, 101)] * 2


def test_all_workers_together_keep_the_cap() -> None:
    fleet = FleetTwin()
    one, other = table(CAPS, fleet), table(CAPS, fleet)
    other.auction.answer.start(8)
    assert [len(bids(worker.decide(REQUEST))) for worker in (one, other)] == [1, 1]
    assert [worker.decide(REQUEST) for worker in (one, other)] == [CAPPED, CAPPED] and len(fleet.taken) == 2
    assert len(bids(one.decide(merge(REQUEST, {"user": {"buyeruid": "bob"}})))) == 1


def test_who_was_slower_withdraws_and_reserves_nothing() -> None:
    fleet = Faster(*[(1, 11, 1, 101)] * 2)
    made = table(CAPS, fleet)
    before = made.leases.available(11)
    assert made.decide(REQUEST) == CAPPED
    assert sorted(map(bid_of, fleet.held(ANN))) == [1, 2] and made.leases.available(11) == before


def joined(fleet: FleetTwin, *, held: bool = True) -> Table:
    """Her browser's id turns out to be one more key of somebody; held: one bid is in flight under it."""
    made = table(CAPS, fleet)
    assert not held or len(bids(made.decide(REQUEST))) == 1
    made.people.join(LOGIN, "buyeruid:usx:ann")
    return made


def test_what_was_held_before_a_join_still_counts() -> None:
    fleet = FleetTwin()
    made = joined(fleet)
    assert len(bids(made.decide(REQUEST))) == 1
    assert [fleet.held_ads(key) for key in (ANN, HER)] == [[(1, 11, 1, 101)]] * 2, "held under the person's key"
    assert made.decide(REQUEST) == CAPPED and len(fleet.taken) == 2

    class Other(FleetTwin):
        def take(self, aside: Aside, record: Record) -> dict[int, tuple[bytes | None, list[bytes]]]:
            if aside.asked.keys() == {HER}:
                self.hold(HER, 1, 11, 1, 101, 1, 60)
            return super().take(aside, record)

    fleet = Other()
    assert joined(fleet).decide(REQUEST) == CAPPED, "what is held under the former key counts to the end"
    assert len(fleet.taken) == 2 and list(map(bid_of, fleet.held(HER))) == [1]


def test_who_is_joined_while_the_bid_is_to_be_held_gets_none() -> None:
    """What is known of them lies under another key now, and what is held under this one is not all."""
    fleet = FleetTwin()
    made = table(CAPS, fleet)
    waiting = aside(made)
    made.people.join(LOGIN, "buyeruid:usx:ann")
    assert made.auction.resume(waiting, fleet.take(waiting, made.people.get)) == CAPPED


def test_a_roadblock_is_withdrawn_as_a_whole() -> None:
    roadblock = {"line_items[0]": {**CAPS["line_items[0]"], "roadblock": "request"}}
    imps = [{"id": str(n), "banner": {"w": 300, "h": 250}} for n in (1, 2)]
    assert len(bids(table(roadblock).decide({**REQUEST, "imp": imps}))) == 2
    fleet = Faster((1, 11, 1, 101))
    assert table(roadblock, fleet).decide({**REQUEST, "imp": imps}) == CAPPED and len(fleet.held(ANN)) == 1


def test_of_a_pod_only_those_are_withdrawn_that_have_no_room_left() -> None:
    caps = {"campaigns[0]": {"frequency_caps": [{"impressions": 3, "seconds": 60}]}}
    request = merge(REQUEST, POD["request"])
    fleet = Faster((1, 99, 1, 1), (1, 99, 1, 1))
    made = table({**POD["campaigns"], **caps}, fleet)
    sent = bids(made.decide(request))
    assert sorted(bid["crid"] for bid in bids(table({**POD["campaigns"], **caps}).decide(request))) == [
        "104", "105", "201",
    ]  # fmt: skip
    assert len(sent) == 2 and {bid["crid"] for bid in sent} > {"201"}, "no cap, and the one that was left room for"
    own = {bid_of(each) for each in fleet.held(ANN)} - {1, 2}
    assert own < {int(bid["id"]) for bid in sent} and len(own) == 1


def test_what_redis_did_not_hold_is_not_bid() -> None:
    caps = {"line_items[4]": {"frequency_caps": [{"impressions": 1, "seconds": 60}]}, "campaigns[0]": {}}
    made = table({**POD["campaigns"], **caps})
    for answers in ({}, {ANN: NOT_HELD}):
        outcome = made.auction.resume(aside(made, merge(REQUEST, POD["request"])), answers)  # type: ignore[arg-type]
        assert isinstance(outcome, bytes)
        assert sorted(bid["crid"] for bid in bids(json.loads(outcome))) == ["105", "201"]
    made = table(CAPS)
    assert made.auction.resume(aside(made), {}) == CAPPED


@pytest.mark.parametrize("left", [1, 2])
def test_what_others_took_from_the_lease_meanwhile_is_not_bid(left: int) -> None:
    fleet = FleetTwin()
    made = table(CAPS, fleet)
    waiting = aside(made)
    assert made.leases.take(11, PLENTY - left)
    outcome = made.auction.resume(waiting, fleet.take(waiting, made.people.get))
    fleet.let_go(waiting)
    assert outcome == NoBid(NoBidReason.BUDGET, "gate") and fleet.held(ANN) == []
    assert made.leases.available(11) == left


def test_others_are_decided_in_between() -> None:
    """Each answer is what it would have been alone, but for ids that are drawn in turn."""
    others = [merge(REQUEST, {"id": f"r{n}", "user": {"buyeruid": f"p{n}"}}) for n in range(4)]
    alone = [table(CAPS).decide(other) for other in others]
    made, fleet = table(CAPS), FleetTwin()
    waiting = [aside(made, other) for other in others]
    assert len({id(one.request) for one in waiting}) == 4
    for place in (2, 0, 3, 1):
        outcome = made.auction.resume(waiting[place], fleet.take(waiting[place], made.people.get))
        assert isinstance(outcome, bytes)
        said, expected = json.loads(outcome), alone[place]
        assert isinstance(expected, dict) and (said["id"], len(bids(said))) == (others[place]["id"], 1)  # type: ignore[index]
        for bid in (*bids(said), *bids(expected)):
            for part in ("id", "adm", "nurl", "burl", "lurl"):  # these have the bid's id or token in them
                del bid[part]
        assert bids(said) == bids(expected)
    one = aside(made, others[0])
    assert made.auction.candidates is not one.candidates and one.request in [w.request for w in waiting], "used again"


def test_explain_knows_what_is_held_and_holds_nothing() -> None:
    made, fleet = table(CAPS), FleetTwin()
    made.auction.history = History(made.people, looking_only=True, fleet=fleet)

    def explained() -> Explanation:
        return explain(made.auction, json.dumps(REQUEST).encode(), made.view.sellers["usx"], made.view)

    assert explained().bids and not fleet.taken
    for bid in (1, 2):
        fleet.hold(ANN, 1, 11, 1, 101, bid, 60)
    assert explained().no_bid == CAPPED and [removal.why for removal in explained().stages["frequency"]] == [
        "a frequency cap is reached: at most 2 in 12h by person, of line item open"
    ]


def test_nothing_waits_that_has_no_cap_or_is_a_test() -> None:
    made = table({})
    assert isinstance(made.decide(REQUEST), dict) and made.fleet is not None and made.fleet.taken == []
    made = table(CAPS)
    assert isinstance(made.decide({**REQUEST, "test": 1}), dict)
    assert made.fleet is not None and made.fleet.taken == []
