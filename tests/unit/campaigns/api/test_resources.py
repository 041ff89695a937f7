"""Resources over HTTP: read, listed, made, changed, deleted and restored, by the rules of a campaign file."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from campaigns import catalogue, history
from campaigns.api.kinds import KINDS
from campaigns.store import Store
from campaigns.writing import Writing
from tests.json_schema import errors
from tests.unit.campaigns.api.conftest import Api, fill, served
from tests.unit.campaigns.test_importing import FILE

ITEM = {"key": "l2", "campaign": "cards", "name": "Second", "bid_cpm": 0.1, "creatives": ["c1"]}

CAMPAIGN = {name: value for name, value in FILE["campaigns"][0].items() if name != "line_items"}


def stored(store: Store) -> Any:
    """All that is defined, as a file has it; what is worked out is left out."""
    with store.read() as conn:
        return Writing(catalogue.load(conn)).file()


async def test_every_kind_is_listed_and_read_as_the_file_said_it(api: Api) -> None:
    for name, kind in KINDS.items():
        told = (await api("GET", f"/v1/{name}")).body
        expected = (
            [item for campaign in FILE["campaigns"] for item in campaign["line_items"]]
            if name == "line_items"
            else FILE[name]
        )
        assert [one["key"] for one in told["items"]] == [one["key"] for one in expected]
        assert told["total"] == len(expected) and told["next_page_token"] == ""
        for shown, said in zip(told["items"], expected, strict=True):
            one = await api("GET", f"/v1/{name}/{said['key']}")
            assert one.body == shown and one.headers["ETag"] == shown["etag"]
            for field, value in said.items():
                if field in kind.fields and field not in ("fees", "targeting"):
                    assert shown[field] == value, (name, field)
    assert (await api("GET", "/v1/advertisers/bank")).body["fees"] == ["platform", "serving"]


async def test_a_resource_is_made_changed_and_found_by_its_etag(api: Api) -> None:
    made = await api("POST", "/v1/line_items", ITEM)
    assert made.status == 201 and made.headers["Location"] == "/v1/line_items/l2"
    assert made.body["bid_cpm"] == "0.1" and made.body["status"] == "active" and made.body["version"] == 1
    assert (await api("POST", "/v1/line_items", ITEM)).status == 409
    etag = made.body["etag"]
    assert (await api("PATCH", "/v1/line_items/l2", {"name": "x"})).status == 428
    changed = await api.patch("/v1/line_items/l2", {"name": "Renamed", "daily_budget": "12.50"}, match=etag)
    assert changed.status == 200 and changed.body["daily_budget"] == "12.5" and changed.body["version"] == 2
    assert (await api.patch("/v1/line_items/l2", {"name": "Lost"}, match=etag)).status == 412
    assert (await api.patch("/v1/line_items/l2", {"name": "Lost", "etag": etag})).status == 412
    whole = (await api("GET", "/v1/line_items/l2")).body
    assert (await api.patch("/v1/line_items/l2", whole)).body == whole  # what was read can be written back
    bare = await api.patch("/v1/line_items/l2", {"daily_budget": None}, match=changed.headers["ETag"])
    assert "daily_budget" not in bare.body and bare.body["name"] == "Renamed"
    with api.store.read() as conn:
        known = catalogue.load(conn)
    assert (known.line_items["l2"].bid_cpm, known.line_items["l2"].limits.daily_budget) == (100_000, None)
    again = await api.patch("/v1/line_items/l2", {"frequency_caps": [{"impressions": 3, "per": "1d"}]})
    assert again.body["frequency_caps"] == [{"impressions": 3, "per": "1d"}]


async def test_exact_numbers_may_be_written_as_numbers_or_text(api: Api) -> None:
    goal = {"strategy": "target_roas", "goal": "2.5", "bid_cpm": None, "bid_cap_cpm": 3, "conversion_value": 1e1}
    told = await api.patch("/v1/line_items/l1", goal)
    assert told.status == 200, told.body
    assert (told.body["goal"], told.body["bid_cap_cpm"], told.body["conversion_value"]) == ("2.5", "3", "10")
    same = await api.patch("/v1/line_items/l1", told.body)
    assert same.body == told.body
    body = b'{"conversion_value": 0.123456789}'
    assert (await api.patch("/v1/line_items/l1", body)).body["conversion_value"] == "0.123456789"
    assert (await api.patch("/v1/line_items/l1", b'{"conversion_value": 0.1234567891}')).status == 422


WRONG: list[tuple[str, str, Any, int, str]] = [
    ("PATCH", "/v1/line_items/l1", {"bid_cpm": -1}, 422, "bid_cpm"),
    ("PATCH", "/v1/line_items/l1", {"targeting": {"country": ["US"]}}, 422, "targeting.country[0]"),
    ("PATCH", "/v1/line_items/l1", {"nope": None}, 422, "nope"),
    ("PATCH", "/v1/line_items/l1", {"key": "other"}, 422, "key"),
    ("PATCH", "/v1/line_items/l1", {"campaign": "other"}, 422, "campaign"),
    ("PATCH", "/v1/line_items/l1", {"creatives": ["c2"]}, 422, "creatives[0]"),
    ("PATCH", "/v1/line_items/l1", {"name": "a\0b"}, 422, "name"),
    ("PATCH", "/v1/line_items/l1", {"name": 10**40}, 422, "name"),
    ("PATCH", "/v1/line_items/l1", b'{"bid_cpm": 1e999999999}', 400, ""),
    ("PATCH", "/v1/line_items/l1", b'{"bid_cpm": 1e45}', 422, "[...]"),
    ("PATCH", "/v1/line_items/l1", b'{"name": "\\ud800"}', 400, ""),
    ("PATCH", "/v1/line_items/l1", b'{"targeting": ' + b'{"not": ' * 300 + b"1" + b"}" * 301, 422, ""),
    ("PATCH", "/v1/line_items/l1", b"[" * 100_000, 400, ""),
    ("PATCH", "/v1/line_items/l1", [], 422, ""),
    ("PATCH", "/v1/line_items/l1", b"{", 400, ""),
    ("PATCH", "/v1/line_items/none", {"name": "x"}, 404, ""),
    ("PATCH", "/v1/campaigns/cards", {"end": "2020-01-01"}, 422, "end"),
    ("PATCH", "/v1/campaigns/cards", {"daily_budget": None}, 422, "daily_budget"),
    ("PATCH", "/v1/campaigns/cards", {"line_items": []}, 422, "line_items"),
    ("PATCH", "/v1/campaigns/cards", {"special_category": "loans"}, 422, "special_category"),
    ("PATCH", "/v1/advertisers/bank", {"currency": "CNY"}, 422, "currency"),
    ("PATCH", "/v1/exchanges/usx", {"billing": "never"}, 422, "billing"),
    ("POST", "/v1/audiences", {"key": "x", "advertiser": "bank", "name": "X", "file": "/etc/passwd"}, 422, "file"),
    ("POST", "/v1/audiences", {"key": "x", "advertiser": "none", "name": "X"}, 422, "advertiser"),
    ("POST", "/v1/line_items", {"key": "x", "name": "X"}, 422, "campaign"),
    ("POST", "/v1/line_items", {"campaign": "cards", "name": "X", "bid_cpm": 1, "creatives": ["c1"]}, 422, "key"),
    ("POST", "/v1/deals", {"key": "d2", "advertiser": "loans", "exchange": "usx", "code": "X-1"}, 422, "code"),
    ("POST", "/v1/exchanges", {"key": "eux", "currency": "EUR", "billing": "burl"}, 422, "advertiser bank.currency"),
    ("POST", "/v1/line_items/l1:revert", {"version": 0}, 422, "version"),
    ("POST", "/v1/line_items/l1:revert", {"version": 77}, 404, ""),
    ("POST", "/v1/line_items/l1:restore", None, 409, ""),
    ("DELETE", "/v1/creatives/c1", None, 409, ""),
    ("DELETE", "/v1/campaigns/cards", None, 409, ""),
    ("GET", "/v1/line_items?page_size=0", None, 422, "page_size"),
    ("GET", "/v1/line_items?page_token=x", None, 422, "page_token"),
    ("GET", "/v1/line_items?filter=nope%3D1", None, 422, "filter"),
    ("GET", "/v1/line_items?order_by=nope", None, 422, "order_by"),
    ("GET", "/v1/line_items?nope=1", None, 422, "nope"),
    ("GET", "/v1/line_items/l1/versions/x", None, 404, ""),
    ("GET", "/v1/line_items/%00", None, 404, ""),
    ("GET", "/v1/line_items/l1'--", None, 404, ""),
    ("GET", "/v1/nothing", None, 404, ""),
    ("PUT", "/v1/line_items/l1", {}, 405, ""),
]  # fmt: skip


async def test_what_is_wrong_is_refused_with_its_field_and_changes_nothing(api: Api) -> None:
    before = stored(api.store)
    for method, path, body, status, field in WRONG:
        headers = {"If_Match": "*"} if method == "PATCH" else {}
        told = await api(method, path, body, **headers)
        assert told.status == status, (method, path, body, told.body)
        if field:
            assert field in [one["field"] for one in told.body["errors"]], (path, body, told.body)
    assert stored(api.store) == before
    text = await api("PATCH", "/v1/line_items/l1", b"name=x", If_Match="*", Content_Type="text/plain")
    assert text.status == 415
    assert (await api("GET", "/v1/line_items", token="nobody")).status == 401
    reader, _ = api.keys.add("", ["read"])
    assert (await api("POST", "/v1/line_items", ITEM, reader)).status in (401, 403)  # the file is looked at each second


async def test_a_change_is_tried_out_without_being_made(api: Api) -> None:
    before = stored(api.store)
    tried = await api("POST", "/v1/line_items?validate_only=true", ITEM)
    assert tried.status == 200 and tried.body["key"] == "l2" and "Location" not in tried.headers
    assert (await api("GET", "/v1/line_items/l2")).status == 404
    patched = await api.patch("/v1/campaigns/cards?validate_only=true", {"name": "Other"})
    assert patched.body["name"] == "Other" and patched.body["version"] == 2
    assert (await api("DELETE", "/v1/block_lists/rivals?validate_only=true")).body["deleted"] is True
    assert (await api.patch("/v1/campaigns/cards?validate_only=true", {"name": ""})).status == 422
    assert stored(api.store) == before


async def test_the_same_call_again_is_answered_the_same_and_done_once(api: Api) -> None:
    first = await api("POST", "/v1/line_items", ITEM, Idempotency_Key="a1")
    second = await api("POST", "/v1/line_items", ITEM, Idempotency_Key="a1")
    assert (first.status, second.status) == (201, 201) and first.body == second.body
    assert second.headers["ETag"] == first.headers["ETag"] and "Idempotent-Replay" in second.headers
    other = await api("POST", "/v1/line_items", ITEM | {"name": "Other"}, Idempotency_Key="a1")
    assert other.status == 422 and "a1" in other.body["detail"]
    bank = await api("POST", "/v1/line_items", ITEM | {"key": "l3"}, api.bank, Idempotency_Key="a1")
    assert bank.status == 201  # another caller's keys are its own
    assert (await api("POST", "/v1/line_items", ITEM, Idempotency_Key="")).status == 400
    refused = await api("POST", "/v1/line_items", ITEM | {"key": "L"}, Idempotency_Key="a2")
    assert refused.status == 422
    assert (await api("POST", "/v1/line_items", ITEM | {"key": "l4"}, Idempotency_Key="a2")).status == 201


async def test_what_is_deleted_is_paused_and_hidden_and_comes_back(api: Api) -> None:
    assert (await api("DELETE", "/v1/campaigns/cards")).status == 409  # a block list is its own
    assert (await api("DELETE", "/v1/block_lists/rivals", If_Match='"1-0"')).status == 412
    assert (await api("DELETE", "/v1/block_lists/rivals")).body["deleted"] is True
    gone = await api("DELETE", "/v1/campaigns/cards")
    assert gone.status == 200 and gone.body["status"] == "paused"
    for path in ("campaigns/cards", "line_items/l1"):
        assert (await api("GET", f"/v1/{path}")).status == 404
        assert (await api("GET", f"/v1/{path}?show_deleted=true")).body["deleted"] is True
        assert (await api.patch(f"/v1/{path}", {"name": "x"})).status == 404
    assert (await api("GET", "/v1/line_items")).body["items"] == []
    assert (await api("GET", "/v1/line_items?show_deleted=true&filter=deleted%3Dtrue")).body["total"] == 1
    assert (await api("POST", "/v1/campaigns", CAMPAIGN)).status == 409
    with api.store.read() as conn:
        known = catalogue.load(conn)
        assert (known.campaigns["cards"].status, known.line_items["l1"].status) == ("paused", "paused")
        assert "campaigns" not in Writing(history.without(known, history.deleted(conn))).file()
        assert history.published(conn, known, 0).campaigns  # what it bought may still be billed
        late = 2**62
        assert not history.published(conn, known, late).campaigns
        assert not history.published(conn, known, late).line_items
    assert (await api("DELETE", "/v1/creatives/c1")).status == 200
    refused = await api("POST", "/v1/campaigns/cards:restore")
    assert refused.status == 409 and "'c1'" in refused.body["detail"]
    assert (await api("POST", "/v1/creatives/c1:restore")).status == 200
    back = await api("POST", "/v1/campaigns/cards:restore")
    assert back.body["deleted"] is False and back.body["status"] == "paused" and back.body["version"] == 3
    assert (await api("GET", "/v1/line_items/l1")).body["status"] == "paused"


async def test_versions_are_told_compared_and_gone_back_to(api: Api) -> None:
    before = (await api("GET", "/v1/line_items/l1")).body
    await api.patch("/v1/line_items/l1", {"bid_cpm": 2, "targeting": {"country": ["CAN"]}})
    await api.patch("/v1/line_items/l1", {"name": "Other"}, api.bank)
    told = (await api("GET", "/v1/line_items/l1/versions?page_size=2")).body
    assert [one["version"] for one in told["items"]] == [3, 2]
    rest = (await api("GET", f"/v1/line_items/l1/versions?page_token={told['next_page_token']}")).body
    assert [(one["version"], one["by"], one["action"]) for one in rest["items"]] == [(1, "file", "created")]
    bank = api.keys.read()[1].id
    assert told["items"][0]["by"] == f"key {bank}" and told["items"][0]["action"] == "changed"
    diff = (await api("GET", "/v1/line_items/l1/versions/3/diff")).body
    assert diff["changes"] == [{"field": "name", "before": "Line", "after": "Other"}]
    both = (await api("GET", "/v1/line_items/l1/versions/3/diff?against=1")).body["changes"]
    assert {one["field"]: (one["before"], one["after"]) for one in both}["bid_cpm"] == ("1.25", "2")
    assert (await api("GET", "/v1/line_items/l1/versions/1")).body["resource"]["bid_cpm"] == "1.25"
    back = await api("POST", "/v1/line_items/l1:revert", {"version": 1})
    assert back.body["version"] == 4
    assert {name: back.body[name] for name in before if name not in ("etag", "version", "updated")} == {
        name: value for name, value in before.items() if name not in ("etag", "version", "updated")
    }
    await api.patch("/v1/advertisers/loans", {"domain": "other.example"})
    await api.patch("/v1/creatives/c2", {"landing_url": "https://other.example/"})
    refused = await api("POST", "/v1/creatives/c2:revert", {"version": 1})
    assert refused.status == 422  # it no longer fits what is defined
    assert [one["field"] for one in refused.body["errors"]] == ["version", "landing_url"]


async def test_what_was_there_before_the_history_begins_with_its_first_change(
    sqlite_store: Store, tmp_path: Path
) -> None:
    with sqlite_store.write() as conn:
        for table in (history.history, history.resources):
            conn.execute(table.delete())
    async for api in served(sqlite_store, tmp_path):
        told = (await api("GET", "/v1/campaigns/cards")).body
        assert (told["version"], told["created"]) == (1, None)
        first = (await api("GET", "/v1/campaigns/cards/versions")).body["items"]
        assert [(one["version"], one["at"]) for one in first] == [(1, None)]
        changed = await api.patch("/v1/campaigns/cards", {"name": "New"}, match=told["etag"])
        assert changed.body["version"] == 2 and changed.body["created"] is None
        versions = (await api("GET", "/v1/campaigns/cards/versions")).body["items"]
        assert [one["resource"]["name"] for one in versions] == ["New", "Cards"]


async def test_edits_in_a_batch_are_all_done_or_each_by_itself(api: Api) -> None:
    before = stored(api.store)
    edits = [
        {"method": "create", "body": ITEM},
        {"method": "update", "key": "l2", "etag": "*", "body": {"daily_budget": 5}},
        {"method": "update", "key": "l1", "etag": "*", "body": {"bid_cpm": "x"}},
        {"method": "delete", "key": "none"},
        {"method": "update", "key": "l1", "body": {"name": "x"}},
    ]
    refused = await api("POST", "/v1/line_items:batch", {"items": edits})
    assert refused.status == 422 and [one["field"] for one in refused.body["errors"]] == ["items[2].body.bid_cpm"]
    assert stored(api.store) == before
    done = await api("POST", "/v1/line_items:batch", {"items": edits, "atomic": False})
    assert [one["status"] for one in done.body["items"]] == [201, 200, 422, 404, 428]
    assert done.body["items"][1]["resource"]["daily_budget"] == "5"
    assert done.body["items"][2]["problem"]["errors"][0]["field"] == "bid_cpm"
    assert (await api("GET", "/v1/line_items/l2")).body["daily_budget"] == "5"
    ends = [{"method": "delete", "key": "l2"}, {"method": "delete", "key": "l1"}]
    assert (await api("POST", "/v1/line_items:batch", {"items": ends})).status == 200
    assert (await api("GET", "/v1/line_items")).body["total"] == 0
    back = [
        {"method": "restore", "key": "l1"},
        {"method": "update", "key": "l1", "etag": "*", "body": {"status": "active"}},
    ]
    told = await api("POST", "/v1/line_items:batch", {"items": back})
    assert told.body["items"][1]["resource"]["status"] == "active"
    for wrong in ({"items": []}, {"items": [{"method": "x"}]}, {"items": [{"method": "create", "key": "k"}]}, []):
        assert (await api("POST", "/v1/line_items:batch", wrong)).status == 422


@pytest.mark.parametrize("size", [1, 3])
async def test_pages_are_sorted_and_stand_what_is_added_meanwhile(api: Api, size: int) -> None:
    items = [
        ITEM | {"key": f"n{n}", "name": name} | ({"daily_budget": budget} if budget else {})
        for n, (name, budget) in enumerate([("b", 5), ("a", 7), ("b", 0), ("c", 5), ("a", 0), ("d", 30)])
    ]
    edits = [{"method": "create", "body": item} for item in items]
    await api("POST", "/v1/line_items:batch", {"items": edits})
    expected = sorted(
        [("l1", "Line", 0), *((item["key"], item["name"], item.get("daily_budget", 0)) for item in items)],
        key=lambda one: (-one[2], one[1]),
    )  # fmt: skip
    path, token, seen = f"/v1/line_items?page_size={size}&order_by=daily_budget desc, name", "", []
    while True:
        told = (await api("GET", f"{path}&page_token={token}")).body
        seen += [one["key"] for one in told["items"]]
        token = told["next_page_token"]
        if not token:
            break
        if len(seen) == size:  # one before what was seen, one after it
            await api("POST", "/v1/line_items", ITEM | {"key": "first", "daily_budget": 99})
            await api("POST", "/v1/line_items", ITEM | {"key": "last", "name": "z"})
    assert [key for key in seen if key != "last"] == [one[0] for one in expected] and seen[-1] == "last"
    first = (await api("GET", f"{path}&page_token=")).body["next_page_token"]
    assert (await api("GET", f"/v1/line_items?page_token={first}")).status == 422  # of another order
    assert (await api("GET", f"{path}&page_token={first}", token=api.bank)).status == 422


async def test_the_document_is_of_what_is_taken(api: Api) -> None:
    schemas = api.document["components"]["schemas"]
    assert {"LineItem", "LineItemBody", "LineItemPatch", "CampaignList", "Diff"} <= schemas.keys()
    assert list(errors({"name": "x"}, {"$ref": "#/components/schemas/LineItemBody"}, api.document))
    assert not list(errors(ITEM, {"$ref": "#/components/schemas/LineItemBody"}, api.document))
    assert "secret" in schemas["ExchangePatch"]["properties"] and "secret" not in schemas["Exchange"]["properties"]
    one = api.document["paths"]["/v1/line_items/{key}"]["patch"]
    assert ("If-Match", True) in [(each["name"], each["required"]) for each in one["parameters"]]
    names = [each["operationId"] for path in api.document["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))


async def test_secrets_of_exchanges_are_written_and_never_told(api: Api) -> None:
    for value in ("s3cr3t", "s3cr3t-2"):
        told = await api.patch("/v1/exchanges/usx", {"secret": value})
        assert told.status == 200
    await api.patch("/v1/exchanges/usx", {"seat": "other"})
    for path in ("", "/versions", "/versions/2", "/versions/3/diff"):
        assert "s3cr3t" not in json.dumps((await api("GET", f"/v1/exchanges/usx{path}")).body)
    with api.store.read() as conn:
        assert catalogue.load(conn).exchanges["usx"].secret == "s3cr3t-2"


async def test_what_others_do_meanwhile_is_seen_and_kept(api: Api, tmp_path: Path) -> None:
    await api("GET", "/v1/line_items/l1")
    with api.store.write() as conn:  # control publishes it
        conn.execute(catalogue.tables.line_items.update().values(activated_ns=5))
    await api.patch("/v1/line_items/l1", {"name": "Other"})
    with api.store.read() as conn:
        assert catalogue.load(conn).line_items["l1"].activated_ns == 5
    changed = deepcopy(FILE)
    changed["campaigns"][0]["name"] = "By file"
    await api("DELETE", "/v1/block_lists/unsafe")
    fill(api.store, tmp_path)  # the file as it was first: it restores what was deleted
    told = (await api("GET", "/v1/line_items/l1")).body
    assert told["name"] == "Line" and told["version"] == 3
    back = (await api("GET", "/v1/block_lists/unsafe")).body
    assert back["status"] == "active" and back["version"] == 3


async def test_the_store_may_be_postgresql(store: Store, tmp_path: Path) -> None:
    fill(store, tmp_path)
    async for api in served(store, tmp_path):
        made = await api("POST", "/v1/line_items", ITEM, Idempotency_Key="k")
        assert (await api("POST", "/v1/line_items", ITEM, Idempotency_Key="k")).body == made.body
        changed = await api.patch("/v1/line_items/l2", {"daily_budget": "1.5"}, match=made.body["etag"])
        assert changed.status == 200
        assert (await api("DELETE", "/v1/line_items/l2")).status == 200
        assert (await api("POST", "/v1/line_items/l2:restore")).body["status"] == "paused"
        assert (await api("POST", "/v1/line_items/l2:revert", {"version": 1})).body["bid_cpm"] == "0.1"
        told = (await api("GET", "/v1/line_items/l2/versions")).body["items"]
        assert [one["action"] for one in told] == ["changed", "restored", "deleted", "changed", "created"]


async def test_payments_and_credits_are_booked_once_and_show_in_balances(api: Api) -> None:
    pay = {"advertiser": "bank", "amount": 1250.5, "currency": "USD", "reason": "invoice 7", "reference": "wire-1"}
    first = await api("POST", "/v1/payments", pay, Idempotency_Key="p1")
    assert first.status == 201 and first.body["again"] is False
    assert (await api("POST", "/v1/payments", pay, Idempotency_Key="p1")).body == first.body
    again = await api("POST", "/v1/payments", pay)
    assert again.body == first.body | {"again": True}  # by its reference
    assert (await api("POST", "/v1/refunds", pay | {"amount": "250.5", "reference": "wire-2"})).status == 201
    credit = {"line_item": "l1", "amount": "10", "currency": "USD", "side": "credit", "reason": "goodwill"}
    assert (await api("POST", "/v1/adjustments", credit)).status == 201
    invalid = credit | {"side": "invalid_traffic", "exchange": "usx", "amount": 0.000000001}
    assert (await api("POST", "/v1/adjustments", invalid)).status == 201
    told = (await api("GET", "/v1/balances/advertisers/bank")).body
    assert (told["paid_in"], told["adjustments"], told["spent"]) == ("1000.00", "10.000000001", "0.00")
    assert told["owed"] == "-1010.000000001" and told["available"] is None
    own = (await api("GET", "/v1/balances", token=api.bank)).body["items"]
    assert own == [told]
    assert [one["key"] for one in (await api("GET", "/v1/balances")).body["items"]] == ["house", "loans", "bank"]
    for path, body, field in (
        ("payments", pay | {"amount": -1, "reference": ""}, "amount"),
        ("payments", pay | {"amount": "x"}, "amount"),
        ("payments", pay | {"currency": "CNY"}, "currency"),
        ("payments", pay | {"agency": "house"}, "agency"),
        ("payments", pay | {"advertiser": "nobody"}, "advertiser"),
        ("payments", pay | {"amount": "9"}, "reference"),
        ("refunds", pay | {"amount": 5000, "reference": ""}, "amount"),
        ("adjustments", credit | {"exchange": "usx"}, "exchange"),
    ):
        refused = await api("POST", f"/v1/{path}", body)
        assert refused.status == 422 and field in [one["field"] for one in refused.body["errors"]], refused.body
