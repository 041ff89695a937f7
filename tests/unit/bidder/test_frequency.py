"""Frequency caps in an auction: what is said of them, and what becomes of bids that another worker was faster with."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from bidder import auction
from bidder.auction import NoBid
from bidder.explain import explain
from bidder.frequency import MOST_STALE_S
from domain.clock import SECOND
from domain.events import Kind
from domain.naming import person_key
from openrtb.nobid import NoBidReason
from targeting.holds import Holds
from targeting.households import household_key, household_of
from tests.auction_table import NOW_NS, PLENTY, SEALER, People, Table, line_item_scope, merge, snapshot
from tests.unit.bidder.test_http import post, read_answer

REQUEST = json.loads((Path(__file__).parents[2] / "golden" / "request.json").read_text())
ANN = person_key("buyeruid", "ann", "usx")
HOUSE = household_key(household_of("203.0.113.7"))
CAPS = {"line_items[0]": {"frequency_caps": [{"impressions": 2, "seconds": 43_200}]}}
HOUSEHOLD = {"line_items[0]": {"frequency_caps": [{"impressions": 1, "seconds": 3_600, "by": "household"}]}}


def table(patch: object, **changes: Any) -> Table:
    """With the open line item of the golden campaigns, 11, and no other that bids on the golden request."""
    made = Table(snapshot(patch), **{"holds": Holds(None, 500), **changes})
    assert made.holds is not None
    return made


def why(made: Table, request: object = REQUEST) -> list[str]:
    found = explain(made.auction, json.dumps(request).encode(), made.view.sellers["usx"], made.view)
    return [removal.why for removal in found.stages.get("frequency", ())]


def test_explain_names_the_cap() -> None:
    people = People()
    people.put("buyeruid:usx:ann", {}, {line_item_scope(11): [NOW_NS // SECOND - 60, NOW_NS // SECOND - 50]})
    assert why(table(CAPS, people=people)) == [
        "a frequency cap is reached: at most 2 in 12h by person, of line item open"
    ]
    assert why(table(CAPS), merge(REQUEST, {"user": None})) == [
        "nobody knows who this is, and it has a frequency cap: at most 2 in 12h by person, of line item open"
    ]


def test_bids_in_flight_count_for_all_workers() -> None:
    holds = Holds(None, 500)
    one, other = table(CAPS, holds=holds), table(CAPS, holds=holds)
    assert [type(worker.decide(REQUEST)) for worker in (one, other)] == [dict, dict]
    assert holds.held(ANN) == [(1, 11, 1, 101)] * 2
    for worker in (one, other):
        assert worker.decide(REQUEST) == NoBid(NoBidReason.FREQUENCY, "frequency")
        assert isinstance(worker.decide(merge(REQUEST, {"user": {"buyeruid": "bob"}})), dict)


def test_a_bid_is_held_under_its_id_by_whom_its_caps_count() -> None:
    made = table(HOUSEHOLD)
    answer = made.decide(merge(REQUEST, {"device": {"ip": "203.0.113.7"}}))
    assert isinstance(answer, dict) and made.holds is not None
    (bid,) = answer["seatbid"][0]["bid"]  # type: ignore[index]
    token = SEALER.open(bid["adm"].partition("/impression/")[2][:155], Kind.IMPRESSION)
    assert (token.person, token.device, household_key(token.household)) == (ANN, 0, HOUSE)
    assert made.holds.held(ANN) == [] and made.holds.lose(HOUSE, int(bid["id"])) and made.holds.live() == 0


def test_without_caps_nothing_is_held_and_the_token_names_no_household() -> None:
    made = table({})
    answer = made.decide(merge(REQUEST, {"device": {"ip": "203.0.113.7"}}))
    assert isinstance(answer, dict) and made.holds is not None and made.holds.live() == 0
    (bid,) = answer["seatbid"][0]["bid"]  # type: ignore[index]
    assert SEALER.open(bid["adm"].partition("/impression/")[2][:155], Kind.IMPRESSION).household == 0


def test_neither_a_test_nor_an_explanation_holds_anything() -> None:
    made = table(CAPS)
    assert isinstance(made.decide({**REQUEST, "test": 1}), dict)
    assert made.holds is not None and made.holds.live() == 0


def test_who_was_slower_withdraws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker bids between the two looks at what is held; no money is reserved for what is withdrawn."""
    made = table(CAPS)
    throttle = auction.throttle

    def meanwhile(*given: Any) -> int:
        assert made.holds is not None
        for bid in (1, 2):
            made.holds.hold(ANN, 1, 11, 1, 101, bid, 60)
        return throttle(*given)

    monkeypatch.setattr(auction, "throttle", meanwhile)
    before = made.leases.available(11)
    assert made.decide(REQUEST) == NoBid(NoBidReason.FREQUENCY, "frequency")
    assert made.holds is not None and made.holds.live() == 2 and made.leases.available(11) == before


def test_a_roadblock_is_withdrawn_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made = table({"line_items[0]": {**CAPS["line_items[0]"], "roadblock": "request"}})
    throttle = auction.throttle

    def meanwhile(*given: Any) -> int:
        assert made.holds is not None
        made.holds.hold(ANN, 1, 11, 1, 101, 1, 60)
        return throttle(*given)

    imps = [{"id": str(n), "banner": {"w": 300, "h": 250}} for n in (1, 2)]
    assert isinstance(made.decide({**REQUEST, "imp": imps, "user": {"buyeruid": "bob"}}), dict)
    monkeypatch.setattr(auction, "throttle", meanwhile)
    assert made.decide({**REQUEST, "imp": imps}) == NoBid(NoBidReason.FREQUENCY, "frequency")
    assert made.holds is not None and len(made.holds.held(ANN)) == 1


def test_each_ad_of_a_pod_is_held_and_let_go_of_by_itself() -> None:
    golden = Path(__file__).parents[2] / "golden" / "openrtb" / "pods_frequency_counts_all_of_them.json"
    case = json.loads(golden.read_text())
    caps = {"campaigns[0]": {"frequency_caps": [{"impressions": 2, "seconds": 60}]}}
    made, request = table({**case["campaigns"], **caps}), merge(REQUEST, case["request"])

    def bids() -> list[tuple[str, int]]:
        answer = made.decide(request)
        assert isinstance(answer, dict)
        return [(bid["crid"], int(bid["id"])) for seat in answer["seatbid"] for bid in seat["bid"]]  # type: ignore[attr-defined]

    first = bids()
    assert sorted(crid for crid, _ in first) == ["104", "105", "201"] and made.holds is not None
    assert sorted(made.holds.held(ANN)) == [(1, 15, 1, 104), (1, 16, 1, 105)]  # 201 has no cap
    assert [crid for crid, _ in bids()] == ["201"]
    assert made.holds.lose(ANN, dict(first)["105"])
    assert sorted(crid for crid, _ in bids()) == ["104", "201"]


def test_of_a_pod_only_those_are_withdrawn_that_have_no_room_left(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Path(__file__).parents[2] / "golden" / "openrtb" / "pods_frequency_counts_all_of_them.json"
    case = json.loads(golden.read_text())
    caps = {"line_items[4]": {"frequency_caps": [{"impressions": 1, "seconds": 60}]}, "campaigns[0]": {}}
    made, request = table({**case["campaigns"], **caps}), merge(REQUEST, case["request"])
    throttle = auction.throttle

    def meanwhile(*given: Any) -> int:
        assert made.holds is not None
        made.holds.hold(ANN, 1, 15, 1, 104, 1, 60)
        return throttle(*given)

    monkeypatch.setattr(auction, "throttle", meanwhile)
    answer, before = made.decide(request), made.leases.available(15)
    assert isinstance(answer, dict)
    assert sorted(bid["crid"] for bid in answer["seatbid"][0]["bid"]) == ["105", "201"]  # type: ignore[index]
    assert before == PLENTY and made.leases.available(16) < PLENTY


def test_where_there_is_no_room_to_hold_it_no_bid_is_made() -> None:
    made = table(CAPS, holds=Holds(None, 448))
    assert made.holds is not None
    for bid in range(made.holds.capacity):
        made.holds.hold(1, 0, 0, 0, 0, bid, 60)
    assert made.decide(REQUEST) == NoBid(NoBidReason.FREQUENCY, "frequency") and made.auction.history.full == 1


def test_a_record_that_is_too_old_is_not_gone_by() -> None:
    """A worker that stood still: what was counted since is let go of after a while, and it cannot know."""

    class Old(People):
        @property
        def taken_ns(self) -> int:
            return time.monotonic_ns() - (MOST_STALE_S + 1) * SECOND

    assert table(CAPS, people=Old()).decide(REQUEST) == NoBid(NoBidReason.FREQUENCY, "frequency")
    assert isinstance(table({}, people=Old()).decide(REQUEST), dict)


async def test_a_household_is_looked_up_wherever_its_record_is(bid_port: Any) -> None:
    """With a person, and without one; of another household nothing is known."""
    people = People()
    people.put("ip:203.0.113.7", {}, {line_item_scope(11): [NOW_NS // SECOND - 60]})
    async with bid_port(Table(snapshot(HOUSEHOLD), people)) as port:
        for user in (REQUEST["user"], {}):
            for address, expected in (("203.0.113.7", 0), ("203.0.113.8", 1), ("203.0.113.0", 0)):
                reader, writer = await port.open()
                request = merge(REQUEST, {"user": user, "device": {"ip": address}})
                writer.write(post(json.dumps({**request, "user": user}).encode()))
                _, _, body = await read_answer(reader)
                writer.close()
                assert len(json.loads(body)["seatbid"]) == expected, (user, address)
