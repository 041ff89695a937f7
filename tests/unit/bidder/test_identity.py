"""A person who has several ids, in an auction: by which they are found, and what is counted for whom."""

import json
from pathlib import Path
from typing import Any

import pytest

from bidder.auction import NoBid
from bidder.explain import explain
from domain.clock import SECOND
from domain.events import Bid, Kind
from openrtb.nobid import NoBidReason
from targeting.holds import Holds
from targeting.households import device_key
from targeting.identity_keys import parse_person
from tests.auction_table import NOW_NS, SEALER, People, Table, line_item_scope, merge, snapshot
from tests.unit.bidder.test_http import post, read_answer

REQUEST = json.loads((Path(__file__).parents[2] / "golden" / "request.json").read_text())
ANN, LOGIN = "buyeruid:usx:ann", "email:ann@example.com"
EID = {"source": "uidapi.com", "uids": [{"id": "T", "atype": 3}]}
CAPS = {"line_items[0]": {"frequency_caps": [{"impressions": 2, "seconds": 43_200}]}}
BY_DEVICE = {"line_items[0]": {"frequency_caps": [{"impressions": 2, "seconds": 43_200, "by": "device"}]}}


def shown(*ages: int) -> dict[int, list[int]]:
    return {line_item_scope(11): sorted(NOW_NS // SECOND - age for age in ages)}


def who(table: Table, patch: object) -> object:
    request = json.dumps(merge(REQUEST, patch)).encode()
    return explain(table.auction, request, table.view.sellers["usx"], table.view).request["person"]


def test_explain_tells_by_which_id_the_person_is_known() -> None:
    people = People()
    people.put(LOGIN, {}, {})
    people.join(LOGIN, ANN)
    people.put("uid2:U", {}, {})
    table = Table(people=people)
    assert who(table, {}) == "known by user.buyeruid, one of several keys of the person"
    assert who(table, {"user": {"id": "u"}}) == (
        "known by user.buyeruid (of user.buyeruid, user.id), one of several keys of the person"
    )
    unknown = {"buyeruid": "nobody", "eids": [{"source": "UIDAPI.com", "uids": [{"id": "U"}]}]}
    assert who(table, {"user": unknown}) == ("known by the eid of uidapi.com (of user.buyeruid, the eid of uidapi.com)")
    assert who(table, {"user": {"buyeruid": "bob", "eids": [EID]}}) == "new; to be known by user.buyeruid"
    assert who(table, {"user": {"buyeruid": None, "id": "u", "eids": [EID]}}) == "new; to be known by user.id"
    assert who(table, {"user": None}) == "unknown"
    assert who(table, {"device": {"lmt": 1}}) == "not to be used (lmt)"


def test_what_was_held_before_a_join_still_counts() -> None:
    table = Table(snapshot(CAPS), holds=Holds(None, 500))
    assert isinstance(table.decide(REQUEST), dict)
    table.people.join(LOGIN, ANN)
    assert isinstance(table.decide(REQUEST), dict), "held under the person's key"
    assert table.holds is not None
    assert [len(table.holds.held(parse_person(key))) for key in (ANN, LOGIN)] == [1, 1]
    assert table.decide(REQUEST) == NoBid(NoBidReason.FREQUENCY, "frequency")


def test_log_and_token_name_the_person_and_the_device() -> None:
    table = Table()
    table.people.join(LOGIN, ANN)
    answer = table.decide(REQUEST)
    assert isinstance(answer, dict)
    (bid,) = answer["seatbid"][0]["bid"]
    token = SEALER.open(bid["adm"].partition("/impression/")[2][:155], Kind.IMPRESSION)
    assert token.person == parse_person(LOGIN)
    assert device_key(token.device) == device_key(parse_person(ANN) & 0xFFFF_FFFF)
    (logged,) = [event for event in table.events() if isinstance(event, Bid)]
    assert logged.person == parse_person(LOGIN)


@pytest.mark.parametrize("known", ["uid2:T", ANN, "user:usx:u"])
def test_a_device_is_one_whoever_the_person_turns_out_to_be(known: str) -> None:
    """A phone that came with an id that somebody is known by comes with its own id alone, and is then joined."""
    people = People()
    people.put(known, {}, {})
    table = Table(snapshot(BY_DEVICE), people, holds=Holds(None, 500))
    user = {"buyeruid": "ann", "id": "u", "eids": [EID]}
    phone = merge(REQUEST, {"device": {"ifa": "phone"}, "user": None})
    number = parse_person("ifa:phone") & 0xFFFF_FFFF
    for request, person in ((merge(phone, {"user": user}), known), (phone, "ifa:phone")):
        answer = table.decide(request)
        assert isinstance(answer, dict)
        (bid,) = answer["seatbid"][0]["bid"]  # type: ignore[index]
        token = SEALER.open(bid["adm"].partition("/impression/")[2][:155], Kind.IMPRESSION)
        assert (token.person, token.device) == (parse_person(person), number)
    for request in (phone, merge(phone, {"user": user})):
        assert table.decide(request) == NoBid(NoBidReason.FREQUENCY, "frequency")
    people.join(known, "ifa:phone")
    assert table.decide(phone) == NoBid(NoBidReason.FREQUENCY, "frequency")
    assert isinstance(table.decide(merge(phone, {"user": user, "device": {"ifa": "tablet"}})), dict)


@pytest.mark.parametrize(("ages", "bids"), [((60,), 1), ((60, 70), 0)])
async def test_whoever_keeps_the_records_all_ids_are_asked_for(bid_port: Any, ages: tuple[int, ...], bids: int) -> None:
    """The browser's id is one of the person's keys; the device counts for itself, by its new advertising id."""
    people = People()
    people.put(LOGIN, {}, shown(60, 70, 80))
    people.join(LOGIN, ANN)
    people.put("device:ifa:new", {}, shown(*ages))
    async with bid_port(Table(snapshot(BY_DEVICE), people)) as port:
        reader, writer = await port.open()
        request = merge(REQUEST, {"device": {"ifa": "new"}, "user": {"id": "u", "eids": [EID]}})
        writer.write(post(json.dumps(request).encode()))
        _, _, body = await read_answer(reader)
        writer.close()
        assert len(json.loads(body)["seatbid"]) == bids
        assert port.service.failures == 0


async def test_wherever_bids_are_held_it_is_under_the_persons_key(bid_port: Any) -> None:
    """Which of their ids a request has does not matter: the cap is one."""
    people = People()
    people.put(LOGIN, {}, {})
    for key in (ANN, "ifa:phone", "user:usx:u"):
        people.join(LOGIN, key)
    found = []
    async with bid_port(Table(snapshot(CAPS), people, holds=Holds(None, 500))) as port:
        for patch in ({}, {"user": {"buyeruid": None}, "device": {"ifa": "phone"}}, {"user": {"id": "u"}}):
            reader, writer = await port.open()
            writer.write(post(json.dumps(merge(REQUEST, patch)).encode()))
            _, _, body = await read_answer(reader)
            writer.close()
            found.append(len(json.loads(body)["seatbid"]))
        assert port.service.failures == 0
    assert found == [1, 1, 0]
