"""Conversions: what people did after a click, told by the advertiser's page (a pixel) or server (a signed postback).

Neither carries a bid token. A click id of a click on this advertiser's ads attributes the conversion; any other id, or
none, attributes it to nothing. It is an event of the person who clicked; without a click, of the person whose browser
shows our cookie (`trackers.visitors`). Where a page's request forbids to know the person, by its signals or an opt-out,
it is nobody's, and counts as any other. (advertiser, event, order) counts once, whichever way it comes, however often.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal

import msgspec
from aiohttp import web
from msgspec import Struct

from domain.campaign import Advertiser
from domain.clock import SECOND
from domain.errors import Refused
from domain.events import NOT_COUNTED, Conversion, Mark, Notice
from domain.keys import postback_secret
from domain.money import MoneyError, parse_nanos
from domain.token import Forged
from trackers.desk import DESK, Desk, pixel, wrong
from trackers.visitors import visitor

CLOCK_SKEW_S = 300
"""How far a postback's timestamp may be from our clock, in real seconds, either way."""
MAX_ORDER = 128
EVENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
CURRENCY = re.compile(r"[A-Z]{3}")


class Told(Struct, frozen=True):
    """What an advertiser says: the pixel's query, or the JSON body of a postback."""

    event: str
    order: str | int
    value: Decimal | None = None
    currency: str | None = None
    obclid: str | None = None
    time: str | int | None = None
    """When it happened: see `happened`. Of a postback; what a page's pixel says of it is not listened to."""


class Answer(Struct, frozen=True):
    """The answer to a postback."""

    counted: bool
    """Whether it adds to the number of conversions."""
    duplicate: bool
    """The same (event, order) came before."""
    attributed: bool
    """``obclid`` is a click on one of the advertiser's ads."""


FIELDS = "it must have event and order, and may have value, currency, obclid and (in a postback) time"

TIMES = (
    "it must be when it happened, from 2000 until now: 2026-03-01T12:00:00Z, with the offset from UTC, or unix seconds,"
    " or the day, 2026-03-01"
)
ALLOWED = {
    "event": "it must be 1 to 64 letters, digits, '_', '.' or '-'",
    "order": f"it must be the order's own id, 1 to {MAX_ORDER} characters",
    "value": "it must be an amount of money, such as 12.50",
    "currency": "it must be an ISO 4217 code such as USD",
    "obclid": "it must be the click id that the landing page was called with",
    "time": TIMES,
}
_NAMED = re.compile(r"`(?:\$\.)?(\w+)`$")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,11}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MICROS = 946_684_800 * 1_000_000  # 2000-01-01

_decode = msgspec.json.Decoder(Told).decode


async def conversion(request: web.Request) -> web.Response:
    """The pixel on the advertiser's page."""
    desk, query = request.app[DESK], request.query
    advertiser = find_advertiser(desk, query.get("advertiser", ""))
    texts = {name: text for name, text in query.items() if text and name != "time"}
    try:
        told = msgspec.convert(texts, Told)
    except msgspec.ValidationError as error:
        raise misread("query", texts, error) from None
    found = read_conversion(desk, advertiser, told, "pixel", lambda click: visitor(request, advertiser, click))
    await desk.record_conversion(found)
    return pixel()


async def postback(request: web.Request) -> web.Response:
    """The advertiser's server."""
    desk, key = request.app[DESK], request.match_info["advertiser"]
    body = await request.read()
    check_signature(
        postback_secret(desk.keys, key),
        request.headers.get("X-Outbid-Timestamp", ""),
        request.headers.get("X-Outbid-Signature", ""),
        body,
        time.time(),
    )
    advertiser = find_advertiser(desk, key)
    told = read_body(body)
    recorded = await desk.record_conversion(read_conversion(desk, advertiser, told, "postback"))
    answer = Answer(
        counted=not recorded.marks & NOT_COUNTED,
        duplicate=bool(recorded.marks & Mark.DUPLICATE),
        attributed=recorded.bid != 0,
    )
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


def read_body(body: bytes) -> Told:
    """Of a postback. Raises Refused."""
    try:
        try:
            return _decode(body)
        except msgspec.ValidationError as error:
            raise misread("body", msgspec.json.decode(body), error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise wrong("body", str(error), FIELDS) from None


def misread(where: str, told: object, error: msgspec.ValidationError) -> Refused:
    """The field that ``error`` is about, with its value; ``where`` as a whole if it is about none."""
    named = _NAMED.search(str(error))
    if named is None or named[1] not in ALLOWED or not isinstance(told, dict):
        return wrong(where, str(error), FIELDS)
    value = told.get(named[1])
    return wrong(named[1], value if value is None else str(value)[:MAX_ORDER], ALLOWED[named[1]])


def check_signature(secret: str, timestamp: str, signature: str, body: bytes, now_s: float) -> None:
    """Raises Forged unless ``signature`` is hex HMAC-SHA256 of ``timestamp.body`` and the timestamp is fresh."""
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise Forged(f"X-Outbid-Timestamp is {timestamp!r}; it must be the time in unix seconds")
    right = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right.encode(), signature.strip().lower().encode("utf-8", "replace")):
        raise Forged("X-Outbid-Signature is not the signature of this timestamp and body under the advertiser's secret")
    if abs(now_s - int(timestamp)) > CLOCK_SKEW_S:
        raise Forged(f"X-Outbid-Timestamp is {timestamp}; it must be within {CLOCK_SKEW_S} s of now, {int(now_s)}")


def who_clicked(click: Notice | None) -> int:
    """Key of the person; 0: there is no click, or nobody was to be known."""
    return click.person if click else 0


def read_conversion(
    desk: Desk,
    advertiser: Advertiser,
    told: Told,
    source: str,
    person_of: Callable[[Notice | None], int] = who_clicked,
) -> Conversion:
    """Checks what was told, and attributes it; ``person_of`` says whose it is, by the click. Raises Refused."""
    order = str(told.order)
    if not EVENT.fullmatch(told.event):
        raise wrong("event", told.event, ALLOWED["event"])
    if not 1 <= len(order) <= MAX_ORDER:
        raise wrong("order", order[: MAX_ORDER + 1], ALLOWED["order"])
    value, currency = _value(told, advertiser)
    now_ns = desk.clock.now_ns()
    happened_ns = happened(told.time, now_ns) if told.time is not None else 0
    click = find_click(desk, advertiser, told.obclid)
    return Conversion(
        received_ns=now_ns,
        marks=click.marks & (Mark.TEST | Mark.AUDIT) if click else 0,
        advertiser=advertiser.id,
        event=told.event,
        order=order,
        value=value,
        currency=currency,
        source=source,
        bid=click.bid if click else 0,
        click_ns=click.received_ns if click else 0,
        exchange=click.exchange if click else 0,
        campaign=click.campaign if click else 0,
        line_item=click.line_item if click else 0,
        creative=click.creative if click else 0,
        deal=click.deal if click else 0,
        site=click.site if click else 0,
        person=person_of(click),
        happened_ns=happened_ns,
        context=click.context if click else 0,
    )


def happened(told: str | int, now_ns: int) -> int:
    """Nanoseconds UTC of unix seconds, of a time as RFC 3339 has it, or of a day, which means its end (UTC): what is
    known to the day only comes after all that was done on that day. Never after now: clocks differ by a moment.
    """
    day = isinstance(told, str) and _DAY.fullmatch(told) is not None
    try:
        if day:
            at = datetime.combine(date.fromisoformat(str(told)), time_of_day.min, UTC) + timedelta(days=1)
        elif isinstance(told, str) and not _SECONDS.fullmatch(told):
            at = datetime.fromisoformat(told if _TIME.fullmatch(told) else "")
        else:
            at = datetime.fromtimestamp(int(told), UTC)
        micros = (at - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError, OSError):
        micros = 0
    latest_ns = now_ns + (86_400 if day else CLOCK_SKEW_S) * SECOND  # today ends later
    if not _FIRST_MICROS <= micros <= latest_ns // 1000:
        raise wrong("time", told, TIMES)
    return min(micros * 1000, now_ns)


def _value(told: Told, advertiser: Advertiser) -> tuple[int, str]:
    """Nanos and their currency, the advertiser's own unless another is told."""
    currency = told.currency or advertiser.currency
    if not CURRENCY.fullmatch(currency):
        raise wrong("currency", told.currency, ALLOWED["currency"])
    if told.value is None:
        return 0, currency
    try:
        value = parse_nanos(told.value)
    except MoneyError as error:
        raise wrong("value", str(told.value)[:60], f"it must be an amount of money: {error}") from None
    if value < 0:
        raise wrong("value", str(told.value), "it must not be negative")
    return value, currency


def find_click(desk: Desk, advertiser: Advertiser, click_id: str | None) -> Notice | None:
    """The click on an ad of this advertiser that a click id stands for."""
    if not click_id:
        return None
    place = desk.click_ids.read(click_id)
    click = desk.recorder.click(*place) if place else None
    if click is None or click.advertiser != advertiser.id:
        desk.counts["conversion.unknown_click"] += 1
        return None
    return click


def find_advertiser(desk: Desk, key: str) -> Advertiser:
    """Raises an answer of aiohttp's for one that is not known."""
    advertiser = desk.directory.advertiser(key)
    if advertiser is not None:
        return advertiser
    desk.counts["refused.unknown_advertiser"] += 1
    if not desk.directory.version:
        raise web.HTTPServiceUnavailable(text="no advertisers are known yet; try again\n")
    raise web.HTTPNotFound(text=f"there is no advertiser {key!r}\n")
