"""A file of lenders and their products, in YAML, into a `Catalogue`: every field checked, every mistake noted.

The form of the file is documented in docs/offers.md.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from credit import product_values as checks
from credit.product_values import RANGE
from credit.products import PPM, Catalogue, Lender, Limits, Loss, Payout, Prior, Product
from credit.tags import KINDS, Schema, Tag, read_values, schema_of, vocabulary_of
from domain.campaign import Targeting
from domain.entry import Entry, Wrong
from domain.errors import Problem, Refused
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
PAYOUT = ("fixed", "share")
LOSS = ("lgd", "carried", "clawback", "pd")
PRIOR = ("approval", "worth")
MOST_PRODUCTS = 20_000


def read_products(path: Path) -> Catalogue:
    """The catalogue of a file. Raises Refused with every problem that it has."""
    return catalogue_of(read_yaml(path))


def catalogue_of(content: object) -> Catalogue:
    """The catalogue that a file's content describes. Raises Refused with every problem that it has."""
    problems: list[Problem] = []
    file = Entry(content, "", FILE, problems)
    currency = file.take("currency", checks.currency)
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
    name, kind = e.take("name", checks.tag_name), e.take("kind", checks.choice(*KINDS))
    values = e.take("values", checks.words, ())
    if e.sound and values and kind not in ("word", "words"):
        e.wrong("values", e.values["values"], "only tags of the kinds word and words have values")
    return Tag(name, kind, values) if e.sound else None


def _lender(e: Entry, schema: Schema, keys: set[str], lenders: list[Lender], products: list[Product]) -> None:
    key = _new_key(e, keys, "another lender has this key already")
    name = e.take("name", checks.text)
    zone = e.take("time_zone", checks.time_zone, "UTC")
    institution = e.take("institution", checks.key, "")
    offers, volume = _limits(e, "offers", checks.count), _limits(e, "volume", checks.money)
    own: set[str] = set()
    for entry in e.entries("products", PRODUCT):
        product = _product(entry, key or "", own, schema)
        if product:
            products.append(product)
    if e.sound:
        lenders.append(Lender(key, name, zone, institution, offers, volume))


def _new_key(e: Entry, keys: set[str], taken: str) -> str:
    key = e.take("key", checks.key)
    if key in keys:
        e.wrong("key", key, taken)
    keys.add(key)
    return key


def _product(e: Entry, lender: str, keys: set[str], schema: Schema) -> Product | None:
    key, name = _new_key(e, keys, "another product of this lender has this key already"), e.take("name", checks.text)
    amount = _range(e, "amount", checks.money)
    apr = _range(e, "apr", checks.apr)
    terms = e.take("term_months", checks.terms)
    payout, loss, prior = _payout(e), _loss(e), _prior(e)
    offers, volume = _limits(e, "offers", checks.count), _limits(e, "volume", checks.money)
    days = e.take("answer_days", checks.whole(1, 365), 30)
    eligibility = e.take("eligibility", eligibility_in(schema), Targeting())
    status = e.take("status", checks.choice("active", "paused"), "active")
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
    fixed, share = part.take("fixed", checks.money, 0), part.take("share", checks.share, 0)
    if part.sound and not fixed and not share:
        part.wrong("", part.values, "it must have a fixed sum, or a share of the amount, or both")
    e.sound &= part.sound
    return Payout(fixed, share) if part.sound else Payout()


def _loss(e: Entry) -> Loss:
    part = e.part("loss", LOSS, needed=False)
    if part is None:
        return Loss()
    usual = Loss()
    taken = [part.take(name, checks.share, getattr(usual, f"{name}_ppm")) for name in LOSS]
    e.sound &= part.sound
    return Loss(*taken) if part.sound else usual


def _prior(e: Entry) -> Prior:
    part = e.part("prior", PRIOR, needed=False)
    if part is None:
        return Prior()
    approval, worth = part.take("approval", checks.share, 0), part.take("worth", checks.worth, Prior().worth)
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
