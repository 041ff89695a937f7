"""What a notice says that the impression cost, and whether that is to be believed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from domain.creative import FORMATS
from domain.events import Mark
from domain.token import Token
from openrtb.notices import PriceKind, cost_nanos, from_base64, read_currency, read_multiplier, read_price
from openrtb.price_encryption import Unreadable
from trackers.directory import Directory

PLAIN, BASE64, ENCRYPTED = "p", "b", "e"
"""Names of the query's parameter that the exchange puts the price in. Under another name than the encrypted price, a
plain one cannot be taken for it.
"""
MULTIPLIER = "x"


class Told(NamedTuple):
    """``price`` is nanos of the exchange's currency, of the whole bid; 0 with AUDIT or NO_PRICE."""

    price: int
    marks: Mark
    fault: str = ""
    """Why something that was told counts for nothing, as `trackers.desk.Desk.counts` names it."""


NOTHING = Told(0, Mark.NO_PRICE)
ONE = Decimal(1)


def read_told(directory: Directory, token: Token, query: Mapping[str, str]) -> Told:
    """The price in a notice's query, by the rules of the exchange that the bid was sent to, and of the bid's format.

    An exchange that is not known here yet is taken for one that tells plain prices.
    """
    source = directory.price_source(token.exchange, FORMATS[token.format])
    if source == "none":
        return NOTHING._replace(fault=_ignored(query, PLAIN, BASE64, ENCRYPTED))
    word = query.get(ENCRYPTED) if source == "encrypted" else _plain(query)
    told = read_price(word)
    if told.kind is PriceKind.AUDIT:
        return Told(0, Mark.AUDIT)
    if source == "encrypted":
        if not word:
            return NOTHING._replace(fault=_ignored(query, PLAIN, BASE64))
        keys = directory.price_keys(token.exchange)
        if keys is None:
            return NOTHING._replace(fault="price.no_key")
        try:
            cpm_micros = keys.decrypt(word) * directory.price_scale(token.exchange)
        except Unreadable:
            return NOTHING._replace(fault="price.undecryptable")
    elif told.kind is PriceKind.NONE:
        return NOTHING._replace(fault="price.unreadable" if word else "")
    else:
        cpm_micros = told.cpm_micros
    currency, ours = read_currency(query.get("c")), directory.currency(token.exchange)
    if currency and ours and currency != ours:
        return NOTHING._replace(fault="price.wrong_currency")  # a price in a currency that was not bid in is none
    multiplier = read_multiplier(query[MULTIPLIER]) if MULTIPLIER in query else ONE
    if multiplier is None:
        return NOTHING._replace(fault="price.multiplier")  # the price of an unknown number of impressions is none
    price = cost_nanos(cpm_micros, multiplier, directory.buyer_fee_ppm(token.exchange))
    if price > token.max_price:
        return Told(token.max_price, Mark.CAPPED)
    return Told(price, Mark(0))


def _plain(query: Mapping[str, str]) -> str | None:
    return query[PLAIN] if PLAIN in query else from_base64(query[BASE64]) if BASE64 in query else None


def _ignored(query: Mapping[str, str], *names: str) -> str:
    return "price.ignored" if any(query.get(name) for name in names) else ""
