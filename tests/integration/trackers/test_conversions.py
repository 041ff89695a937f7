"""Conversions find their click, count once, and a postback is believed only if it is signed."""

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from domain.events import Kind, Mark
from domain.keys import load_keys, postback_secret


async def click(tracker, **changes: Any) -> str:
    """A click on an ad; its id."""
    _, _, headers = await tracker.get(tracker.click(tracker.token(**changes)))
    return parse_qs(urlsplit(headers["Location"]).query)["obclid"][0]


async def fire(tracker, **query: str) -> tuple[int, bytes]:
    """The pixel on advertiser acme's page."""
    query = {"advertiser": "acme", "event": "lead", "order": "o1"} | query
    status, body, _ = await tracker.get(f"/conversion?{urlencode(query)}")
    return status, body


async def post(tracker, advertiser: str = "acme", secret: str = "", **facts: Any) -> tuple[int, Any]:
    """A postback of acme's server, signed with its own secret unless another is given."""
    body = json.dumps({"event": "lead", "order": "o1"} | facts).encode()
    secret = secret or postback_secret(load_keys(tracker.place.data), advertiser)
    timestamp = str(int(time.time()))
    signature = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Outbid-Timestamp": timestamp, "X-Outbid-Signature": signature}
    status, answer = await tracker.post(f"/postback/{advertiser}", body, headers)
    return status, json.loads(answer) if status == 200 else answer.decode()


async def test_a_pixel_finds_its_click_at_once(tracker) -> None:
    token_facts = {"campaign": 21, "line_item": 31, "creative": 41, "deal": 9, "site": 6, "person": 8}
    obclid = await click(tracker, **token_facts)
    clicked_ns = tracker.clock.now_ns()
    tracker.clock.advance(3600)
    status, body = await fire(tracker, value="12.34", currency="EUR", obclid=obclid)
    assert status == 200 and body.startswith(b"GIF89a")
    (conversion,) = tracker.conversions()
    (notice,) = tracker.notices()
    assert {name: getattr(conversion, name) for name in token_facts} == token_facts
    assert (conversion.bid, conversion.exchange, conversion.advertiser) == (notice.bid, notice.exchange, 10)
    assert (conversion.click_ns, conversion.received_ns) == (clicked_ns, tracker.clock.now_ns())
    assert (conversion.value, conversion.currency, conversion.source) == (12_340_000_000, "EUR", "pixel")
    assert (conversion.event, conversion.order, conversion.marks) == ("lead", "o1", 0)


async def test_a_postback_finds_its_click_and_says_what_came_of_it(tracker) -> None:
    obclid = await click(tracker)
    assert await post(tracker, obclid=obclid, value=99.5) == (
        200,
        {"counted": True, "duplicate": False, "attributed": True},
    )
    (conversion,) = tracker.conversions()
    assert (conversion.value, conversion.currency, conversion.source) == (99_500_000_000, "USD", "postback")


async def test_an_order_counts_once_whichever_way_it_comes(tracker) -> None:
    obclid = await click(tracker)
    await fire(tracker, obclid=obclid)
    assert (await fire(tracker, obclid=obclid))[0] == 200
    assert await post(tracker, obclid=obclid) == (200, {"counted": False, "duplicate": True, "attributed": True})
    await tracker.stop()
    await tracker.start()
    await fire(tracker, obclid=obclid)
    await fire(tracker, obclid=obclid, order="o2")
    await fire(tracker, obclid=obclid, event="approved")
    duplicate = Mark.DUPLICATE
    assert [conversion.marks for conversion in tracker.conversions()] == [0, duplicate, duplicate, duplicate, 0, 0]


async def test_a_click_is_found_after_a_restart(tracker) -> None:
    obclid = await click(tracker)
    await tracker.stop()
    await tracker.start()
    assert (await post(tracker, obclid=obclid))[1]["attributed"]


async def test_an_id_that_is_no_click_of_this_advertiser_attributes_nothing(tracker) -> None:
    others = await click(tracker, advertiser=11)
    never_clicked = tracker.token()
    ids = [others, "A" * 22, "nonsense", "", tracker.sealer.seal_token(never_clicked)]
    for number, obclid in enumerate(ids):
        assert await post(tracker, order=number, obclid=obclid) == (
            200,
            {"counted": True, "duplicate": False, "attributed": False},
        )
    for conversion in tracker.conversions():
        assert (conversion.advertiser, conversion.bid, conversion.campaign, conversion.click_ns) == (10, 0, 0, 0)


@pytest.mark.parametrize("kind", ["test", "audit"])
async def test_what_follows_a_click_that_does_not_count_does_not_count(tracker, kind: str) -> None:
    token = tracker.token(test=kind == "test")
    if kind == "audit":
        await tracker.get(tracker.path(token, Kind.WIN, "p=AUDIT"))
    _, _, headers = await tracker.get(tracker.click(token))
    obclid = parse_qs(urlsplit(headers["Location"]).query)["obclid"][0]
    assert await post(tracker, obclid=obclid) == (200, {"counted": False, "duplicate": False, "attributed": True})
    assert await post(tracker) == (200, {"counted": True, "duplicate": False, "attributed": False})


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"event": ""}, "event"),
        ({"event": "a b"}, "event"),
        ({"event": "x" * 65}, "event"),
        ({"order": ""}, "order"),
        ({"order": "x" * 129}, "order"),
        ({"value": "much"}, "value"),
        ({"value": "-1"}, "value"),
        ({"value": "NaN"}, "value"),
        ({"value": "1e30"}, "value"),
        ({"value": "0.0000000001"}, "value"),
        ({"value": "1", "currency": "dollars"}, "currency"),
    ],
)
async def test_a_conversion_that_makes_no_sense_is_refused_by_field(tracker, query: dict[str, str], says: str) -> None:
    status, body = await fire(tracker, **query)
    assert status == 400 and body.decode().startswith(f"{says}: "), body
    assert tracker.conversions() == []


async def test_an_unknown_advertiser_is_not_found(tracker) -> None:
    assert (await fire(tracker, advertiser="nobody"))[0] == 404
    assert (await post(tracker, "nobody"))[0] == 404


async def test_a_postback_must_be_signed(tracker) -> None:
    status, says = await post(tracker, secret=postback_secret(load_keys(tracker.place.data), "other"))
    assert status == 403 and "X-Outbid-Signature" in says
    status, body = await tracker.post("/postback/acme", b'{"event":"lead","order":"1"}', {})
    assert status == 403 and b"X-Outbid-Timestamp" in body
    assert tracker.conversions() == []
    _, health, _ = await tracker.get("/health")
    assert b'"refused.forged": 2' in health


@pytest.mark.parametrize("facts", [{"event": 5}, {"order": None}, {"value": True}, {"obclid": []}])
async def test_a_signed_postback_with_a_wrong_body_is_refused(tracker, facts: dict[str, Any]) -> None:
    status, says = await post(tracker, **facts)
    (name, value), *_ = facts.items()
    assert status == 400 and says.startswith(f"{name}: {value if value is None else str(value)!r} is not allowed"), says


@pytest.mark.parametrize(
    ("told", "before_s"),
    [
        ("2026-11-23T12:00:00Z", 0.5),
        ("2026-11-23T14:00:00.25+02:00", 0.25),
        (1795435200, 0.5),
        ("1795435200", 0.5),
        ("2026-11-22", 43200.5),  # a day is its end
        ("2026-11-23", 0),
        ("2026-11-23T12:04:00Z", 0),  # clocks differ
    ],
)
async def test_a_postback_tells_when_it_happened(tracker, told: object, before_s: float) -> None:
    now_ns = 1_795_435_200_500_000_000  # 2026-11-23 12:00:00.5 UTC
    tracker.clock.advance((now_ns - tracker.clock.now_ns()) / 1e9)
    assert (await post(tracker, time=told))[0] == 200
    assert (await fire(tracker, order="o2", time="2026-11-23T12:00:00Z"))[0] == 200
    happened, of_pixel = tracker.conversions()
    assert abs(happened.received_ns - happened.happened_ns - round(before_s * 1e9)) < 1000
    assert of_pixel.happened_ns == 0


@pytest.mark.parametrize(
    "told", ["", "yesterday", "2026-11-23T12:00:00", "2026-02-30", "1999-12-31T00:00:00Z", -5, 1 << 40, "9999-12-31"]
)
async def test_a_time_that_is_none_is_refused(tracker, told: object) -> None:
    status, says = await post(tracker, time=told)
    assert status == 400 and says.startswith(f"time: {told!r}"), says


async def test_a_body_that_is_too_large_is_refused(tracker) -> None:
    assert (await post(tracker, padding="x" * 5000))[0] == 413


async def test_new_advertisers_become_known_and_control_may_go_away(tracker, control) -> None:
    whole = control.body
    control.body = None
    await tracker.stop()
    await tracker.start()  # control is away: what was known is known
    assert (await fire(tracker))[0] == 200
    assert (await fire(tracker, advertiser="new"))[0] == 404
    control.body = whole.replace(b"\xa5other", b"\xa5newer").replace(b"\xa7version\x01", b"\xa7version\x02")
    while (await fire(tracker, advertiser="newer"))[0] == 404:  # until the next look at control
        pass
    assert (await fire(tracker, advertiser="other"))[0] == 404


async def test_without_ever_having_seen_a_snapshot_senders_are_told_to_wait(tracker, control) -> None:
    control.body = None
    await tracker.stop()
    (tracker.place.data / "directory.msgpack").unlink()
    await tracker.start()
    assert (await fire(tracker))[0] == 503
    status, _, _ = await tracker.get(tracker.path(tracker.token(), Kind.WIN, "p=1"))
    assert status == 204  # notices need no directory
