"""What an exchange rules beyond OpenRTB: explained, and without cost where there is no such rule."""

import json

from bidder.explain import explain
from tests.auction_table import Table, snapshot
from tests.unit.bidder.test_answer import REQUEST


def explained(patch: dict[str, object], request: dict[str, object] = REQUEST):
    table = Table(snapshot(patch))
    return explain(table.auction, json.dumps(request).encode(), table.view.sellers["usx"], table.view)


def test_explain_tells_the_status_and_the_exchanges_reasons():
    found = explained({"approvals": [[101, 1, "disapproved", ["malware", "no border"]]]})
    assert [(r.why, r.line_items) for r in found.stages["exchange"]] == [
        ("the exchange has not approved the creative, it is disapproved: malware; no border", ("open",))
    ]
    assert found.no_bid is not None and (found.no_bid.reason, found.no_bid.stage) == (531, "exchange")
    missing = explained({"exchanges[0]": {"approval": "required"}})
    assert [r.why for r in missing.stages["exchange"]] == [
        "the exchange wants to approve creatives, and this one was not submitted"
    ]


def test_explain_tells_what_the_requests_own_extensions_keep_out():
    google = {"exchanges[0]": {"adapter": "google", "billing_id": "77"}}
    for ext, why in (
        ({"billing_id": ["1"]}, "the imp is not open to our billing id"),
        ({"excluded_creatives": [{"buyer_creative_id": "101"}]}, "the publisher has excluded the creative"),
    ):
        found = explained(google, {**REQUEST, "imp": [{**REQUEST["imp"][0], "ext": ext}]})
        assert [r.why for r in found.stages["exchange"]] == [why]


def has_rules(table: Table) -> bool:
    seller = table.view.sellers["usx"]
    return seller.narrows or seller.reviews


def test_an_exchange_without_such_rules_has_no_such_stage():
    assert not has_rules(Table())
    assert not has_rules(Table(snapshot({"approvals": [[101, 1, "approved", []]]})))
    assert not has_rules(Table(snapshot({"approvals": [[101, 2, "disapproved", []]]})))
