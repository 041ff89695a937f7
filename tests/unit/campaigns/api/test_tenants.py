"""What an advertiser's own key may not do, one by one; that nothing else is possible is in tests/property."""

from typing import Any

from campaigns import catalogue
from tests.unit.campaigns.api.conftest import Api
from tests.unit.campaigns.api.test_resources import CAMPAIGN, ITEM

REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/v1/advertisers/loans", None, 404, ""),
    ("GET", "/v1/creatives/c2/versions", None, 404, ""),
    ("GET", "/v1/exchanges", None, 403, ""),
    ("GET", "/v1/fees/platform", None, 403, ""),
    ("GET", "/v1/block_lists/unsafe", None, 404, ""),
    ("PATCH", "/v1/advertisers/loans", {"name": "x"}, 404, ""),
    ("PATCH", "/v1/exchanges/usx", {"seat": "x"}, 403, ""),
    ("PATCH", "/v1/advertisers/bank", {"fees": []}, 403, "fees"),
    ("PATCH", "/v1/advertisers/bank", {"funding": "prepaid"}, 403, "funding"),
    ("PATCH", "/v1/advertisers/bank", {"funding": "credit", "credit_limit": 1000}, 403, "credit_limit"),
    ("PATCH", "/v1/advertisers/bank", {"status": "paused"}, 403, "status"),
    ("PATCH", "/v1/campaigns/cards", {"fees": []}, 403, "fees"),
    ("PATCH", "/v1/audiences/prime", {"data_cpm": None}, 403, "data_cpm"),
    ("PATCH", "/v1/line_items/l1", {"creatives": ["c2"]}, 422, "creatives[0]"),
    ("PATCH", "/v1/line_items/l1", {"competitors": ["loans"]}, 422, "competitors[0]"),
    ("PATCH", "/v1/block_lists/unsafe", {"status": "paused"}, 404, ""),
    ("POST", "/v1/advertisers", {"key": "me"}, 422, "name"),
    ("POST", "/v1/campaigns", CAMPAIGN | {"key": "x", "advertiser": "loans"}, 422, "advertiser"),
    ("POST", "/v1/campaigns", CAMPAIGN | {"key": "x", "fees": []}, 403, "fees"),
    ("POST", "/v1/block_lists", {"key": "mine", "domains": ["x.example"]}, 403, ""),
    ("POST", "/v1/block_lists", {"key": "mine", "agency": "house", "domains": ["x.example"]}, 422, "agency"),
    ("POST", "/v1/creatives", {"key": "c2", "advertiser": "bank"}, 409, ""),
    ("POST", "/v1/creatives/c2:revert", {"version": 1}, 404, ""),
    ("DELETE", "/v1/advertisers/bank", None, 403, ""),
    ("DELETE", "/v1/creatives/c2", None, 404, ""),
    ("POST", "/v1/payments", {"advertiser": "bank", "amount": "5", "currency": "USD", "reason": "x"}, 403, ""),
    ("GET", "/v1/balances/advertisers/loans", None, 404, ""),
]


async def test_an_advertisers_key_is_refused_what_is_not_its_own(api: Api) -> None:
    for method, path, body, status, field in REFUSED:
        headers = {"If_Match": "*"} if method == "PATCH" else {}
        told = await api(method, path, body, api.bank, **headers)
        assert told.status == status, (method, path, body, told.body)
        if field:
            assert field in [one["field"] for one in told.body["errors"]], (path, body, told.body)
    new = {
        "key": "me",
        "name": "Me",
        "currency": "USD",
        "time_zone": "UTC",
        "domain": "me.example",
        "categories": ["IAB1"],
    }
    assert (await api("POST", "/v1/advertisers", new, api.bank)).status == 403
    stranger, _ = api.keys.add("nobody", ["read"])
    assert (await api("GET", "/v1/campaigns", token=stranger)).status in (401, 403)


async def test_whom_the_house_keeps_apart_is_kept_and_not_told(api: Api) -> None:
    assert (await api.patch("/v1/line_items/l1", {"competitors": ["loans"]})).body["competitors"] == ["loans"]
    own = await api.patch("/v1/line_items/l1", {"name": "Mine"}, api.bank)
    assert "competitors" not in own.body
    versions = (await api("GET", "/v1/line_items/l1/versions", token=api.bank)).body["items"]
    assert [one["resource"].get("competitors") for one in versions] == [None] * 3
    diff = (await api("GET", "/v1/line_items/l1/versions/2/diff", token=api.bank)).body
    assert diff["changes"] == []
    assert (await api("POST", "/v1/line_items/l1:revert", {"version": 1}, api.bank)).body["name"] == "Line"
    with api.store.read() as conn:
        known = catalogue.load(conn)
    assert known.line_items["l1"].separate_from == (known.advertisers["loans"].id,)


async def test_money_takes_a_scope_of_its_own(api: Api) -> None:
    clerk, _ = api.keys.add("", ["read", "write"])
    for _ in range(30):  # the file is looked at once a second
        told = await api("GET", "/v1/fees", token=clerk)
        if told.status == 200:
            break
        import asyncio

        await asyncio.sleep(0.05)
    for path, body, field in (
        ("/v1/advertisers/loans", {"funding": "prepaid"}, "funding"),
        ("/v1/campaigns/cards", {"fees": []}, "fees"),
        ("/v1/fees/platform", {"share": "1%"}, "share"),
        ("/v1/agencies/house", {"funding": "prepaid"}, "funding"),
    ):
        told = await api.patch(path, body, clerk)
        assert told.status == 403 and [one["field"] for one in told.body["errors"]] == [field], told.body
        assert (await api.patch(path, body)).status == 200
    assert (await api.patch("/v1/campaigns/cards", {"name": "Renamed"}, clerk)).status == 200
    assert (await api("POST", "/v1/line_items", ITEM, clerk)).status == 201
