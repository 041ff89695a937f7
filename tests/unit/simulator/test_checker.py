"""What an exchange refuses before it compares prices."""

import json
from decimal import Decimal
from typing import Any

import pytest

from simulator.checker import Answer, Checker, Loss
from simulator.offer import read_offer

RATES = {("USD", "CNY"): Decimal(7), ("CNY", "USD"): Decimal(1) / 7}

REQUEST: dict[str, Any] = {
    "id": "r",
    "bcat": ["IAB26", "IAB8-5"],
    "badv": ["casino.example"],
    "wseat": ["ours"],
    "imp": [
        {
            "id": "1",
            "secure": 1,
            "bidfloor": 0.5,
            "banner": {"w": 300, "h": 250, "format": [{"w": 728, "h": 90}, {"wratio": 4, "hratio": 1}], "battr": [8]},
            "pmp": {"deals": [{"id": "D1", "bidfloor": 2, "wseat": ["ours"], "wadomain": ["bank.example"]}]},
        },
        {"id": "2", "bidfloor": 7, "bidfloorcur": "CNY", "video": {"mimes": ["video/mp4"]}},
        {"id": "3", "banner": {"w": 300, "h": 250}, "pmp": {"private_auction": 1, "deals": [{"id": "D3"}]}},
    ],
}

BID: dict[str, Any] = {
    "id": "b",
    "impid": "1",
    "price": 0.5,
    "w": 300,
    "h": 250,
    "adm": '<img src="https://t.example/i"><img src="http://127.0.0.1:8081/i">',
    "crid": "c",
    "adomain": ["bank.example"],
    "cat": ["IAB13"],
    "attr": [6],
    "nurl": "https://t.example/w",
}
VAST = """<VAST version="3.0"><Ad><InLine><Impression>https://t.example/i</Impression><Creatives><Creative><Linear>
<Duration>00:00:15</Duration><MediaFiles><MediaFile type="video/mp4">https://c.example/a.mp4</MediaFile></MediaFiles>
</Linear></Creative></Creatives></InLine></Ad></VAST>"""


def read(bid: dict[str, Any] | None = None, seat: str = "ours", **response: Any) -> Answer:
    whole = {"id": "r", "bidid": "x", "cur": "USD", "seatbid": [{"seat": seat, "bid": [BID | (bid or {})]}]} | response
    offer = read_offer(REQUEST, currency="USD", auction_type=2)
    return Checker(RATES).read(200, json.dumps(whole).encode(), offer)


def test_a_bid_against_which_nothing_speaks() -> None:
    (bid,) = read().bids
    assert (bid.refused, bid.why) == (Loss.WON, "")
    assert (bid.price, bid.imp, bid.seat, bid.response_id) == (Decimal("0.5"), "1", "ours", "x")


@pytest.mark.parametrize(
    ("change", "loss"),
    [
        ({"id": ""}, Loss.INVALID_RESPONSE),
        ({"impid": "9"}, Loss.INVALID_RESPONSE),
        ({"price": None}, Loss.NO_PRICE),
        ({"price": "0.5"}, Loss.NO_PRICE),
        ({"price": 0}, Loss.NO_PRICE),
        ({"price": True}, Loss.NO_PRICE),
        ({"price": 0.499999}, Loss.BELOW_FLOOR),
        ({"dealid": "D1"}, Loss.BELOW_DEAL_FLOOR),
        ({"dealid": "D9", "price": 9}, Loss.INVALID_DEAL),
        ({"dealid": "D1", "price": 2, "adomain": ["other.example"]}, Loss.NOT_IN_DEAL),
        ({"impid": "3"}, Loss.INVALID_DEAL),
        ({"adm": ""}, Loss.NO_MARKUP),
        ({"crid": None}, Loss.NO_CREATIVE_ID),
        ({"mtype": 2}, Loss.FORMAT),
        ({"impid": "2", "price": 9}, Loss.FORMAT),
        ({"impid": "2", "price": 0.9, "mtype": 2}, Loss.BELOW_FLOOR),
        ({"w": 301}, Loss.SIZE),
        ({"w": None, "h": None}, Loss.SIZE),
        ({"w": None, "h": None, "wratio": 3, "hratio": 1}, Loss.SIZE),
        ({"adm": "<img src='http://t.example/i'>"}, Loss.NOT_SECURE),
        ({"nurl": "http://t.example/w"}, Loss.NOT_SECURE),
        ({"adomain": []}, Loss.INVALID_ADVERTISER),
        ({"adomain": "bank.example"}, Loss.INVALID_ADVERTISER),
        ({"adomain": ["win.Casino.example"]}, Loss.ADVERTISER),
        ({"cat": ["IAB26-2"]}, Loss.CATEGORY),
        ({"cat": ["iab8-5"]}, Loss.CATEGORY),
        ({"cat": "IAB13"}, Loss.INVALID_RESPONSE),
        ({"attr": [6, 8]}, Loss.ATTRIBUTE),
        ({"attr": ["8"]}, Loss.INVALID_RESPONSE),
    ],
)
def test_what_speaks_against_a_bid(change: dict[str, Any], loss: Loss) -> None:
    (bid,) = read(change).bids
    assert bid.refused is loss, bid.why
    assert bid.why


@pytest.mark.parametrize(
    "change",
    [
        {"w": 728, "h": 90},
        {"w": None, "h": None, "wratio": 4, "hratio": 1},
        {"dealid": "D1", "price": 2},
        {"impid": "3", "dealid": "D3", "price": 0.01},
        {"impid": "2", "price": 1, "mtype": 2, "adm": VAST},
        {"cat": ["IAB8"]},
        {"adomain": ["mycasino.example"]},
        {"cat": [], "attr": []},
    ],
)
def test_what_does_not(change: dict[str, Any]) -> None:
    (bid,) = read(change).bids
    assert bid.refused is Loss.WON, bid.why


def test_a_seat_and_a_currency_must_be_allowed() -> None:
    assert read(seat="theirs").bids[0].refused is Loss.SEAT_BLOCKED
    assert read(cur="EUR").bids[0].refused is Loss.INVALID_RESPONSE
    offer = read_offer(REQUEST | {"cur": ["EUR"]}, currency="USD", auction_type=2)
    body = json.dumps({"id": "r", "seatbid": [{"seat": "ours", "bid": [BID]}]}).encode()
    assert Checker(RATES).read(200, body, offer).bids[0].refused is Loss.INVALID_RESPONSE


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (204, b"", Answer()),
        (200, b"{}", Answer()),
        (200, b'{"id":"r","seatbid":[]}', Answer()),
        (200, b'{"id":"r","nbr":2}', Answer(reason=2)),
        (200, b'{"nbr":"2"}', Answer(fault="nbr is '2'")),
        (204, b"{}", Answer(fault="a body with status 204")),
        (400, b"", Answer(fault="status 400")),
        (503, b"", Answer(fault="status 503")),
        (200, b"[]", Answer(fault="the response is no object")),
        (200, b'{"id":"q","seatbid":[{"bid":[{}]}]}', Answer(fault="the response's id is 'q', the request's 'r'")),
        (200, b'{"id":"r","seatbid":[{"bid":[]}]}', Answer(fault="seatbid holds no bid")),
        (200, b'{"id":"r","seatbid":[{"bid":5}]}', Answer(fault="seatbid holds no bid")),
    ],
)
def test_answers_without_bids(status: int, body: bytes, answer: Answer) -> None:
    assert Checker(RATES).read(status, body, read_offer(REQUEST, currency="USD", auction_type=2)) == answer


@pytest.mark.parametrize("body", [b"", b"{", b'{"id":"r","price":NaN}', b"\xff"])
def test_what_is_no_json_is_a_fault(body: bytes) -> None:
    offer = read_offer(REQUEST, currency="USD", auction_type=2)
    assert Checker(RATES).read(200, body, offer).fault.startswith("not JSON: ")


def test_a_price_is_read_as_it_was_written() -> None:
    body = b'{"id":"r","seatbid":[{"seat":"ours","bid":[{"id":"b","impid":"1","price":0.100000000000000000001}]}]}'
    offer = read_offer(REQUEST, currency="USD", auction_type=2)
    assert Checker(RATES).read(200, body, offer).bids[0].price == Decimal("0.100000000000000000001")


RULED: dict[str, Any] = {
    "id": "r",
    "bapp": ["com.Casino.app", 123],
    "wlang": ["en"],
    "wlangb": ["de-AT"],
    "bcat": ["1335"],
    "cattax": 8,
    "imp": [
        {
            "id": "1",
            "bidfloor": 1,
            "banner": {"w": 300, "h": 250},
            "video": {
                "mimes": ["video/mp4"],
                "durfloors": [{"maxdur": 15, "bidfloor": 5}, {"mindur": 16, "maxdur": 30, "bidfloor": 10}],
            },
            "pmp": {
                "deals": [
                    {"id": "SILENT", "wadomain": ["bank.example"]},
                    {"id": "LONG", "mincpmpersec": 0.5},
                    {"id": "FREE", "bidfloor": 0},
                ]
            },
        },
        {"id": "2", "banner": {"w": 300, "h": 250}},
    ],
}


def judge(*bids: dict[str, Any], group: int = 0) -> list[tuple[Loss, str]]:
    made = [BID | {"id": str(n), "mtype": 1, "language": "en"} | bid for n, bid in enumerate(bids)]
    whole = {"id": "r", "bidid": "x", "cur": "USD", "seatbid": [{"seat": "ours", "group": group, "bid": made}]}
    offer = read_offer(RULED, currency="USD", auction_type=2)
    return [(bid.refused, bid.why) for bid in Checker(RATES).read(200, json.dumps(whole).encode(), offer).bids]


@pytest.mark.parametrize(
    ("change", "loss"),
    [
        ({"price": 1}, Loss.WON),
        ({"price": 0.99}, Loss.BELOW_FLOOR),
        ({"price": 1, "dealid": "SILENT", "adomain": ["www.bank.example"]}, Loss.WON),
        ({"price": 0.99, "dealid": "SILENT"}, Loss.BELOW_DEAL_FLOOR),
        ({"price": 1, "dealid": "SILENT", "adomain": ["notbank.example"]}, Loss.NOT_IN_DEAL),
        ({"price": 1, "dealid": "LONG"}, Loss.WON),
        ({"price": 0.01, "dealid": "FREE"}, Loss.WON),
        ({"price": 1, "bundle": "com.casino.app"}, Loss.APP),
        ({"price": 1, "bundle": "123"}, Loss.APP),
        ({"price": 1, "bundle": "com.casino"}, Loss.WON),
        ({"price": 1, "language": "fr"}, Loss.LANGUAGE),
        ({"price": 1, "language": None}, Loss.LANGUAGE),
        ({"price": 1, "language": "xx"}, Loss.WON),
        ({"price": 1, "language": "de"}, Loss.WON),
        ({"price": 1, "language": "de-CH"}, Loss.LANGUAGE),
        ({"price": 1, "cat": ["1335"]}, Loss.WON),
        ({"price": 1, "cat": ["1335"], "cattax": 8}, Loss.CATEGORY),
    ],
)
def test_rules_of_the_request(change: dict[str, Any], loss: Loss) -> None:
    ((found, why),) = judge(change)
    assert found is loss, why


@pytest.mark.parametrize(
    ("deal", "seconds", "price", "floor"),
    [
        (None, 15, 4.99, Loss.BELOW_FLOOR),
        (None, 16, 9.99, Loss.BELOW_FLOOR),
        (None, 31, 0.99, Loss.BELOW_FLOOR),
        ("SILENT", 15, 4.99, Loss.BELOW_DEAL_FLOOR),
        ("LONG", 30, 14.99, Loss.BELOW_DEAL_FLOOR),
    ],
)
def test_floors_by_length(deal: str | None, seconds: int, price: float, floor: Loss) -> None:
    bid = {"mtype": 2, "dur": seconds, "price": price} | ({"dealid": deal} if deal else {})
    assert judge(bid)[0][0] is floor
    assert judge(bid | {"price": price + 0.01})[0][0] is Loss.FORMAT  # the price is right, and then the VAST is missing


def test_a_group_is_refused_whole() -> None:
    good, bad = {"price": 1}, {"price": 1, "impid": "2", "language": "fr"}
    assert [loss for loss, _ in judge(good, bad)] == [Loss.WON, Loss.LANGUAGE]
    assert [loss for loss, _ in judge(good, bad, group=1)] == [Loss.INVALID_RESPONSE, Loss.LANGUAGE]
    assert [loss for loss, _ in judge(good, good, group=1)] == [Loss.INVALID_RESPONSE] * 2
    assert [loss for loss, _ in judge(good, {"price": 1, "impid": "2"}, group=1)] == [Loss.WON] * 2


OFFERED: dict[str, Any] = {
    "id": "r",
    "acat": ["IAB13"],
    "badv": ["https://Casino.example/bonus/*"],
    "imp": [
        {
            "id": "1",
            "exp": 60,
            "banner": {"w": 300, "h": 250, "btype": [3, "4"], "mimes": ["image/jpg", "text/html"]},
            "pmp": {"deals": [{"id": "FIXED", "bidfloor": 3, "at": 3}, {"id": "EUROS", "bidfloor": 3, "at": 3,
                                                                       "bidfloorcur": "EUR"}]},
        },
        {"id": "2", "banner": [{"w": "300", "h": 250.0}], "video": {"mimes": "video/mp4", "maxduration": "15",
                                                                    "api": [7]}},
    ],
}  # fmt: skip
VPAID = VAST.replace("<MediaFile ", '<MediaFile apiFramework="VPAID" ')


@pytest.mark.parametrize(
    ("change", "loss"),
    [
        ({}, Loss.WON),
        ({"exp": 60}, Loss.WON),
        ({"exp": 61}, Loss.FORMAT),
        ({"exp": 0}, Loss.FORMAT),
        ({"adm": "<a><img src='https://c.example/a.jpg?x=1'></a>"}, Loss.WON),
        ({"adm": "<a><img width=1 src=https://c.example/a.png></a>"}, Loss.FORMAT),
        ({"adm": "<SCRIPT>x</SCRIPT>"}, Loss.FORMAT),
        ({"adm": "<iframe src='https://c.example/'></iframe>"}, Loss.FORMAT),
        ({"cat": ["IAB13-2"]}, Loss.WON),
        ({"cat": ["IAB12"]}, Loss.CATEGORY),
        ({"adomain": ["poker.casino.example"]}, Loss.ADVERTISER),
        ({"adomain": ["https://bank.example"]}, Loss.INVALID_ADVERTISER),
        ({"dealid": "FIXED", "price": 3}, Loss.WON),
        ({"dealid": "FIXED", "price": 3.01}, Loss.INVALID_DEAL),
        ({"dealid": "FIXED", "price": 2.99}, Loss.BELOW_DEAL_FLOOR),
        ({"dealid": "EUROS", "price": 5}, Loss.WON),
        ({"impid": "2", "mtype": 1}, Loss.WON),
        ({"impid": "2", "mtype": None}, Loss.FORMAT),
        ({"impid": "2", "mtype": 2, "adm": VAST}, Loss.WON),
        ({"impid": "2", "mtype": 2, "adm": VAST.replace(":15<", ":16<")}, Loss.FORMAT),
        ({"impid": "2", "mtype": 2, "adm": VPAID}, Loss.FORMAT),
    ],
)
def test_what_the_request_says_of_the_ad(change: dict[str, Any], loss: Loss) -> None:
    bid = {key: value for key, value in (BID | {"adm": "<b>card</b>"} | change).items() if value is not None}
    rates = RATES | {("EUR", "USD"): Decimal("1.5")}
    body = json.dumps({"id": "r", "seatbid": [{"seat": "ours", "bid": [bid]}]}).encode()
    (found,) = Checker(rates).read(200, body, read_offer(OFFERED, currency="USD", auction_type=2)).bids
    assert found.refused is loss, found.why


def test_bids_have_ids_of_their_own() -> None:
    body = json.dumps({"id": "r", "seatbid": [{"seat": "ours", "bid": [BID, BID]}]}).encode()
    answer = Checker(RATES).read(200, body, read_offer(REQUEST, currency="USD", auction_type=2))
    assert "not unique" in answer.fault


def test_what_does_not_fit_into_a_pod_is_refused() -> None:
    request = {"id": "r", "imp": [{"id": "2", "video": {"mimes": ["video/mp4"], "poddur": 20}}]}
    bids = [BID | {"id": name, "crid": name, "impid": "2", "mtype": 2, "dur": 15, "adm": VAST} for name in "ab"]
    body = json.dumps({"id": "r", "seatbid": [{"bid": bids}]}).encode()
    answer = Checker(RATES).read(200, body, read_offer(request, currency="USD", auction_type=2))
    assert [bid.refused for bid in answer.bids] == [Loss.WON, Loss.INVALID_RESPONSE], answer.bids
