"""An exchange as the stages read it: what it asks for, precomputed once a snapshot."""

import json

from openrtb.privacy cimport policy_of
from openrtb.request cimport currency_code, folded

from domain.creative import FORMATS
from domain.events import Kind
from domain.money import RATE_UNIT
from openrtb.adapters.notice_queries import notice_query
from openrtb.adapters.registry import ADAPTERS

BASIS = {"burl": Kind.BILLING, "impression": Kind.IMPRESSION, "nurl": Kind.WIN}


cdef class Seller:

    def __init__(self, exchange, int place, rates):
        self.exchange = exchange
        self.place = place
        self.id = exchange.id
        self.network_ms = exchange.network_ms
        for format in FORMATS:
            for dooh in (False, True):
                self.win_query.push_back(notice_query(exchange, format, "nurl", dooh=dooh).encode())
                self.billing_query.push_back(notice_query(exchange, format, "burl", dooh=dooh).encode())
                self.pixel_query.push_back(notice_query(exchange, format, "pixel", dooh=dooh).encode())
        self.loss_query = notice_query(exchange, "banner", "lurl").encode()
        self.tells_win, self.tells_loss = "nurl" in exchange.notices.urls, "lurl" in exchange.notices.urls
        for n, format in enumerate(FORMATS):
            self.bases[n] = BASIS[exchange.billing[format]] if format in exchange.billing else 0
            self.expiries[n] = exchange.expiries_s.get(format, exchange.bid_expiry_s)
        self.qps, self.fee_ppm = exchange.qps, exchange.buyer_fee_ppm
        self.click_macro, self.click_escapes = json.dumps(exchange.click_macro)[1:-1].encode(), exchange.click_escapes
        self.adapter = ADAPTERS[exchange.adapter]
        self.narrows = self.adapter.narrows
        ext = self.adapter.bid_ext(exchange)
        self.policy = policy_of(exchange.privacy)
        self.ads_domain = folded(exchange.ads_domain)
        self.bid_ext = f'"ext":{json.dumps(ext, separators=(",", ":"))},'.encode() if ext else b""
        self.currency_name = exchange.currency
        self.currency = currency_code(exchange.currency)
        self.head = f'"cur":"{exchange.currency}","seatbid":[{{"seat":{json.dumps(exchange.seat)},"bid":['.encode()
        self.floor_rates[self.currency] = RATE_UNIT
        for rate in rates:
            if rate.quote == exchange.currency:
                self.floor_rates[currency_code(rate.base)] = rate.per_unit


cdef tuple price_on(Seller seller, str account, object media, dict rates):
    """(bid in the exchange's currency, account nanos for 10⁹ exchange nanos, rate id) for ``media`` account nanos an
    impression, rounded down to the micro; no bid without a rate.
    """
    currency = seller.exchange.currency
    if currency == account:
        return without_fee(media, seller.fee_ppm), RATE_UNIT, 0
    rate = rates.get((currency, account))
    if not rate:
        return 0, RATE_UNIT, 0
    return without_fee(media * RATE_UNIT // rate.per_unit, seller.fee_ppm), rate.per_unit, rate.id


def without_fee(paid, fee_ppm) -> int:
    """The highest price with which, the exchange's fee on top of it, no more than ``paid`` is paid."""
    return paid * 1_000_000 // (1_000_000 + fee_ppm) if fee_ppm else paid
