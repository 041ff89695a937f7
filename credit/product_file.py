"""A file of lenders and their products, in YAML, into a `Catalogue`: every field checked, every mistake noted.

The form of the file is documented in docs/offers.md.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from credit.products import MOST_MONTHS, PPM, Catalogue, Lender, Limits, Loss, Payout, Prior, Product
from credit.tags import FAMILIES, KINDS, Schema, Tag, read_values, schema_of, vocabulary_of
from domain.campaign import Targeting
from domain.entry import Entry, Wrong
from domain.errors import Problem, Refused
from domain.money import NANOS, MoneyError, parse_nanos
from domain.yaml_file import read_yaml
from targeting.expression import Ill, normal_form

FILE = ("currency", "tags", "lenders")
TAG = ("name", "kind", "values")
LENDER = ("key", "name", "time_zone", "institution", "offers", "volume", "products")
PRODUCT = (
    *("key", "name", "amount", "term_months", "apr", "payout", "loss", "prior", "offers", "volume", "answer_days"),
    *("eligibility", "status"),
)
LIMITS = ("day", "week", "month", "total")
RANGE = ("min", "max")
PAYOUT = ("fixed", "share")
LOSS = ("lgd", "carried", "clawback", "pd")
PRIOR = ("approval", "worth")
MOST_PRODUCTS = 20_000
MOST_OFFERS = 10**12
HIGHEST_APR = 10_000.0
MOST_WORTH = 1e6

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TAG = re.compile(rf"(?:{'|'.join(FAMILIES)})\.[a-z][a-z0-9_]{{0,47}}")


def read_products(path: Path) -> Catalogue:
    """The catalogue of a file. Raises Refused with every problem that it has."""
    return catalogue_of(read_yaml(path))


def catalogue_of(content: object) -> Catalogue:
    """The catalogue that a file's content describes. Raises Refused with every problem that it has."""
    problems: list[Problem] = []
    file = Entry(content, "", FILE, problems)
    currency = file.take("currency", _currency)
    tags = tuple(tag for entry in file.entries("tags", TAG) if (tag := _tag(entry)))
    schema = schema_of(tags)
    lenders: list[Lender] = []
    products: list[Product] = []
    keys: set[str] = set()
    for entry in file.entries("lenders", LENDER):
        _lender(entry, schema, keys, lenders, products)
    if not problems and not products:
        file.wrong("lenders", file.values.get("lenders"), "there must be a lender with a product")
    if len(products) > MOST_PRODUCTS:
        file.wrong("lenders", len(products), f"there are at most {MOST_PRODUCTS} products")
    if problems:
        raise Refused(problems)
    return Catalogue(currency, tuple(lenders), tuple(products), tags)


def _tag(e: Entry) -> Tag | None:
    name, kind = e.take("name", _tag_name), e.take("kind", _choice(*KINDS))
    values = e.take("values", _words, ())
    if e.sound and values and kind not in ("word", "words"):
        e.wrong("values", e.values["values"], "only tags of the kinds word and words have values")
    return Tag(name, kind, values) if e.sound else None


def _lender(e: Entry, schema: Schema, keys: set[str], lenders: list[Lender], products: list[Product]) -> None:
    key = _new_key(e, keys, "another lender has this key already")
    name = e.take("name", _text)
    zone = e.take("time_zone", _time_zone, "UTC")
    institution = e.take("institution", _key, "")
    offers, volume = _limits(e, "offers", _count), _limits(e, "volume", _money)
    own: set[str] = set()
    for entry in e.entries("products", PRODUCT):
        product = _product(entry, key or "", own, schema)
        if product:
            products.append(product)
    if e.sound:
        lenders.append(Lender(key, name, zone, institution, offers, volume))


def _new_key(e: Entry, keys: set[str], taken: str) -> str:
    key = e.take("key", _key)
    if key in keys:
        e.wrong("key", key, taken)
    keys.add(key)
    return key


def _product(e: Entry, lender: str, keys: set[str], schema: Schema) -> Product | None:
    key, name = _new_key(e, keys, "another product of this lender has this key already"), e.take("name", _text)
    amount = _range(e, "amount", _money)
    apr = _range(e, "apr", _apr)
    terms = e.take("term_months", _terms)
    payout, loss, prior = _payout(e), _loss(e), _prior(e)
    offers, volume = _limits(e, "offers", _count), _limits(e, "volume", _money)
    days = e.take("answer_days", _whole(1, 365), 30)
    eligibility = e.take("eligibility", eligibility_in(schema), Targeting())
    status = e.take("status", _choice("active", "paused"), "active")
    if not e.sound or amount is None or apr is None:
        return None
    return Product(
        key=key,
        lender=lender,
        name=name,
        amount_min=amount[0],
        amount_max=amount[1],
        terms=terms,
        apr_min=apr[0],
        apr_max=apr[1],
        payout=payout,
        loss=loss,
        prior=prior,
        offers=offers,
        volume=volume,
        answer_days=days,
        eligibility=eligibility,
        active=status == "active",
    )


def eligibility_in(schema: Schema) -> Callable[[Any], Targeting]:
    """Check of an ``eligibility`` expression over the tags of a schema."""
    words = vocabulary_of(schema)

    def check(value: Any) -> Targeting:
        if value == {}:
            return Targeting()
        try:
            return normal_form(value, lambda name, listed: read_values(schema[name], listed), words)
        except Ill as ill:
            raise Wrong("", *ill.faults) from None

    return check


def _range(e: Entry, name: str, check: Callable[[Any], Any]) -> tuple[Any, Any] | None:
    part = e.part(name, RANGE)
    if part is None:
        return None
    low, high = part.take("min", check), part.take("max", check)
    if part.sound and low > high:
        part.wrong("max", part.values["max"], f"it must not be below the min, {part.values['min']}")
    e.sound &= part.sound
    return (low, high) if part.sound else None


def _payout(e: Entry) -> Payout:
    part = e.part("payout", PAYOUT)
    if part is None:
        return Payout()
    fixed, share = part.take("fixed", _money, 0), part.take("share", _share, 0)
    if part.sound and not fixed and not share:
        part.wrong("", part.values, "it must have a fixed sum, or a share of the amount, or both")
    e.sound &= part.sound
    return Payout(fixed, share) if part.sound else Payout()


def _loss(e: Entry) -> Loss:
    part = e.part("loss", LOSS, needed=False)
    if part is None:
        return Loss()
    usual = Loss()
    taken = [part.take(name, _share, getattr(usual, f"{name}_ppm")) for name in LOSS]
    e.sound &= part.sound
    return Loss(*taken) if part.sound else usual


def _prior(e: Entry) -> Prior:
    part = e.part("prior", PRIOR, needed=False)
    if part is None:
        return Prior()
    approval, worth = part.take("approval", _share, 0), part.take("worth", _worth, Prior().worth)
    if part.sound and approval == PPM:
        part.wrong("approval", part.values["approval"], "it must be below 100%")
    e.sound &= part.sound
    return Prior(approval, worth) if part.sound else Prior()


def _limits(e: Entry, name: str, check: Callable[[Any], int]) -> Limits:
    part = e.part(name, LIMITS, needed=False)
    if part is None:
        return Limits()
    taken = [part.take(period, check, None) for period in LIMITS]
    e.sound &= part.sound
    return Limits(*taken) if part.sound else Limits()


def _key(value: Any) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise Wrong("it must be 1 to 64 lower-case letters, digits, '-' and '_', beginning with a letter or digit")
    return value


def _tag_name(value: Any) -> str:
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        raise Wrong(f"it must be FAMILY.name, of the families {', '.join(FAMILIES)}")
    if value in schema_of():
        raise Wrong("this tag is there already, without being declared")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 255 or not value.isprintable():
        raise Wrong("it must be text of 1 to 255 printable characters")
    return value


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[A-Z]{3}", value):
        raise Wrong("it must be an ISO 4217 currency code, such as 'USD'")
    return value


def _time_zone(value: Any) -> str:
    if not isinstance(value, str) or value not in available_timezones():
        raise Wrong("it must be a time zone of the IANA database, such as 'America/New_York'")
    return value


def _choice(*options: str) -> Callable[[Any], Any]:
    def check(value: Any) -> str:
        if value not in options or not isinstance(value, str):
            raise Wrong(f"it must be {' or '.join(repr(option) for option in options)}")
        return value

    return check


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Wrong(f"it must be a whole number from {low} to {high}")
        return value

    return check


_count = _whole(1, MOST_OFFERS)


def _money(value: Any) -> int:
    """Units of currency -> nanos."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise MoneyError("it is no number")
        nanos = parse_nanos(value)
    except MoneyError:
        nanos = 0
    if nanos <= 0:
        raise Wrong("it must be an amount of money above 0, such as 12.50, with at most nine decimals")
    return nanos


def _share(value: Any) -> int:
    """``12.5%`` -> millionths."""
    try:
        ppm, rest = divmod(parse_nanos(value[:-1]), NANOS // 10_000) if _is_share(value) else (-1, 0)
    except MoneyError:
        ppm, rest = -1, 0
    if not 0 <= ppm <= PPM or rest:
        raise Wrong("it must be a share such as '12.5%', from 0% to 100%, with at most four decimals")
    return ppm


def _is_share(value: Any) -> bool:
    return isinstance(value, str) and value.endswith("%") and len(value) > 1


def _apr(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= HIGHEST_APR:
        raise Wrong(f"it must be a yearly rate in percent, from 0 to {HIGHEST_APR:g}, such as 12.9")
    return float(value)


def _worth(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 < value <= MOST_WORTH:
        raise Wrong(f"it must be a number of applications above 0, up to {MOST_WORTH:g}")
    return float(value)


def _terms(value: Any) -> tuple[int, ...]:
    """``{min: 6, max: 60}`` or a list of months."""
    allowed = f"it must be a list of months from 1 to {MOST_MONTHS}, or {{min: 6, max: 60}}"
    months = _whole(1, MOST_MONTHS)
    if isinstance(value, dict):
        if set(value) != set(RANGE):
            raise Wrong(allowed)
        low, high = (_below(f".{name}", value[name], months) for name in RANGE)
        if low > high:
            raise Wrong("", (".max", high, f"it must not be below the min, {low}"))
        return tuple(range(low, high + 1))
    if not isinstance(value, list) or not value:
        raise Wrong(allowed)
    return tuple(sorted({_below(f"[{place}]", each, months) for place, each in enumerate(value)}))


def _below(path: str, value: Any, check: Callable[[Any], int]) -> int:
    try:
        return check(value)
    except Wrong as wrong:
        raise Wrong("", (path, value, wrong.allowed)) from None


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise Wrong("it must be a list of words")
    for place, each in enumerate(value):
        if not isinstance(each, str) or not each or len(each) > 64 or each != each.strip().lower():
            raise Wrong("", (f"[{place}]", each, "it must be a word in lower case, of at most 64 characters"))
    return tuple(dict.fromkeys(value))
