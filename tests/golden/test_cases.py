"""The folder ``openrtb/`` as a specification: each file is one sentence about what the bidder does.

``request`` is a merge patch (RFC 7396; ``"imp[0]"`` reaches into a list) on ``request.json``, ``campaigns`` one on
``campaigns.json``; ``files`` has what ads.txt, app-ads.txt and sellers.json of domains say (null: there is none; a
seller without an account is an inventory partner); ``people`` has segments and ages (in seconds) of impressions by line
item (``"12"``) or by ``campaign:1``, ``advertiser:1`` or ``creative:101``, ``stands`` (by advertiser a stage of its
lifecycle, and the age of the last visit) and ``scores``; of who is ``late`` it is not known in time; ``ip:203.0.113.7``
is a household, ``device:buyeruid:usx:ann`` what a device has counted for itself; a text is another key of the same
person. ``black`` are persons and addresses on a black list. ``expect`` is either
``{"no_bid": {"nbr", "stage"}}`` or ``{"bids": [...]}`` with the fields that matter of each bid, in order; null for one
that must not be there; ``seatbid`` beside it says that they are one ``group``.
"""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bidder.auction import NoBid
from bidder.explain import TITLES, explain
from cli.explain import as_text
from domain.person import STAGES, score_id
from targeting.record import Scored, Standing, advertiser_scope, campaign_scope, creative_scope, line_item_scope
from tests.auction_table import NOW_NS, PLENTY, People, Table, merge, snapshot

HERE = Path(__file__).parent
CASES = sorted((HERE / "openrtb").glob("*.json"))
KEYS = {"about", "exchange", "request", "campaigns", "people", "lease", "vendor", "files", "black", "expect"}


def scope_of(what: str) -> int:
    """Frequency scope of a case's word for it."""
    level, _, id_ = what.rpartition(":")
    scopes = {
        "": line_item_scope,
        "campaign": campaign_scope,
        "advertiser": advertiser_scope,
        "creative": creative_scope,
    }
    return scopes[level](int(id_))


def people_of(case: dict) -> People:
    people = People()
    for person, record in sorted(case.get("people", {}).items(), key=lambda item: isinstance(item[1], str)):
        if isinstance(record, str):
            people.join(record, person)
            continue
        shown = {
            scope_of(what): sorted(NOW_NS // 10**9 - age for age in ages)
            for what, ages in record.get("shown", {}).items()
        }
        parts = {
            "relations": {
                int(advertiser): Standing(STAGES[stage], 1, NOW_NS // 10**9 - visited)
                for advertiser, (stage, visited) in record.get("stands", {}).items()
            },
            "scores": {score_id(name): Scored(value, 1) for name, value in record.get("scores", {}).items()},
        }
        if record.get("late"):
            people.be_late(person)
            continue
        people.put(person, {int(s): 2**32 - 1 for s in record.get("segments", [])}, shown, **parts)
    return people


def holds(expected: object, found: object) -> bool:
    """Does ``found`` have everything that is expected of it? Null: it does not have that field."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            k not in found if v is None else k in found and holds(v, found[k]) for k, v in expected.items()
        )
    return expected == found


def test_there_are_cases() -> None:
    assert len(CASES) >= 150


def made(path: Path) -> tuple[dict, Table, dict]:
    """A case, the table it is played at, and its request."""
    case = json.loads(path.read_text())
    table = Table(
        snapshot(case.get("campaigns")), people_of(case), case.get("lease", PLENTY), vendor=case.get("vendor", 0)
    )
    table.files.put(case.get("files", {}))
    if "black" in case:
        table.blacken(case["black"])
    return case, table, merge(json.loads((HERE / "request.json").read_text()), case.get("request", {}))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case, table, request = made(path)
    assert set(case) <= KEYS and case["about"] and case["expect"]
    outcome = table.decide(request, case.get("exchange", "usx"))
    if "no_bid" in case["expect"]:
        assert isinstance(outcome, NoBid), outcome
        assert case["expect"]["no_bid"] == {"nbr": int(outcome.reason), "stage": outcome.stage}
        return
    assert not isinstance(outcome, NoBid), (outcome, outcome.reason.name)
    assert outcome["id"] == request["id"]
    (seatbid,) = outcome["seatbid"]
    assert seatbid.get("group", 0) == case["expect"].get("seatbid", {}).get("group", 0)
    bids = seatbid["bid"]
    assert len(bids) == len(case["expect"]["bids"]), bids
    for expected, bid in zip(case["expect"]["bids"], bids, strict=True):
        assert holds(expected, bid), {key: bid.get(key) for key in expected}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_is_explained(path: Path) -> None:
    """``outbid explain`` comes to the same, for people and as JSON, and says what the last stage had against all."""
    case, table, request = made(path)
    seller = table.view.sellers[case.get("exchange", "usx")]
    found = explain(table.auction, json.dumps(request).encode(), seller, table.view)
    text = as_text(found)
    json.dumps(asdict(found))
    assert all(TITLES[stage] in text for stage in found.stages)
    assert found.request["imps"] or not found.stages
    if "no_bid" in case["expect"]:
        nbr, stage = case["expect"]["no_bid"]["nbr"], case["expect"]["no_bid"]["stage"]
        assert f"No bid: nbr {nbr} at {stage}." in text
        assert stage not in TITLES or found.stages[stage] or not len(table.view)
    else:
        assert len(found.bids) == len(case["expect"]["bids"])
        assert all(f"Bid on imp {bid['imp']}:" in text for bid in found.bids)
