"""First-price shading: what a line item's strategy would pay at most becomes the bid of the highest expected surplus.

Only where the winner pays its bid: by the deal's auction type, else the request's. A price that the marketer wrote, or
that was agreed in a deal, is left as it is. What contexts are told apart by is `prediction.price_context`'s; the numbers
made here are those that training makes of the logged bid.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from bidder.candidates cimport Candidate, Candidates
from bidder.context_word cimport context_word
from bidder.paces cimport at_fixed_price
from bidder.seller cimport Seller
from bidder.view cimport View
from cython_ext.shading cimport Landscape, shaded, strayed
from openrtb.request cimport Request

from domain.context_word import COUNTRY_BITS, DEVICE_AT, DEVICE_BITS, PLACE_AT, PLACE_BITS
from prediction.price_context import FINE_CTR, HOUR_NS, NUMBERS, WIDE_CTR

cdef enum:
    FIRST_PRICE = 1

cdef int FORMAT = NUMBERS["format"]
cdef int SIZE = NUMBERS["size"]
cdef int SITE = NUMBERS["site"]
cdef int PLACE = NUMBERS["place"]
cdef int DEVICE_TYPE = NUMBERS["device_type"]
cdef int COUNTRY = NUMBERS["country"]
cdef int HOUR = NUMBERS["hour"]
cdef int FLOOR = NUMBERS["floor"]
cdef int CTR_WIDE = NUMBERS["ctr_wide"]
cdef int CTR = NUMBERS["ctr"]
cdef int64_t HOUR_LENGTH = HOUR_NS
cdef int WIDE = WIDE_CTR
cdef int FINE = FINE_CTR
cdef uint32_t COUNTRIES = (1 << COUNTRY_BITS) - 1
cdef uint32_t DEVICES = (1 << DEVICE_BITS) - 1
cdef uint32_t PLACES = (1 << PLACE_BITS) - 1
cdef int DEVICE_FROM = DEVICE_AT
cdef int PLACE_FROM = PLACE_AT

cdef union Bits:
    float number
    uint32_t bits


cdef inline uint32_t ctr_step(double ctr, int cut) noexcept nogil:
    cdef Bits both
    both.number = <float>ctr if ctr > 0.0 else 0.0
    return both.bits >> cut


cdef inline uint32_t floor_step(int64_t nanos) noexcept nogil:
    cdef uint64_t rest = <uint64_t>nanos
    cdef uint32_t bits = 0
    if nanos <= 0:
        return 0
    while rest > 1:
        rest >>= 1
        bits += 1
    rest = <uint64_t>nanos >> (bits - 2) if bits >= 2 else <uint64_t>nanos << (2 - bits)
    return (bits + 1) << 2 | <uint32_t>(rest & 3)


cdef class Shading:
    def __init__(self):
        self.use(None, 0)

    def use(self, model, uint32_t version):
        """From here on bids are shaded by this `prediction.landscape.PriceLandscape`; None: none are."""
        self.on, self.version, self.landscape, self.n_features = False, 0, None, 0
        if model is None:
            return
        if len(model.features) > MOST_FEATURES:
            raise ValueError(f"features: {len(model.features)} are not allowed; {MOST_FEATURES} are")
        for i, name in enumerate(model.features):
            self.features[i] = NUMBERS[name]
        self.n_features, self.landscape, self.version, self.on = len(model.features), model.kernel, version, True

    cdef uint32_t feature(self, int number, Candidate *row, Request r, View view) noexcept nogil:
        cdef uint32_t word = self.word
        if number == FORMAT:
            return <uint32_t>view.ads[row.ad].format + 1
        if number == SIZE:
            return view.ads[row.ad].size
        if number == SITE:
            return <uint32_t>(r.site ^ (r.site >> 32))
        if number == PLACE:
            return word >> PLACE_FROM & PLACES
        if number == DEVICE_TYPE:
            return word >> DEVICE_FROM & DEVICES
        if number == COUNTRY:
            return word & COUNTRIES
        if number == HOUR:
            return <uint32_t>(r.now_ns // HOUR_LENGTH % 24)
        if number == FLOOR:
            return floor_step(row.floor)
        if number == CTR_WIDE:
            return ctr_step(row.ctr, WIDE)
        return ctr_step(row.ctr, FINE)

    cdef uint32_t context(
        self, Landscape l, Candidate *row, Request r, Seller seller, View view
    ) noexcept nogil:
        """The narrowest that is known."""
        cdef uint32_t found = l.narrower(0, <uint32_t>seller.id), inner
        cdef int i
        if found == 0:
            return 0
        for i in range(self.n_features):
            inner = l.narrower(found, self.feature(self.features[i], row, r, view))
            if inner == found:
                break
            found = inner
        return found

    cdef int64_t price(
        self, Landscape l, Candidate *row, Request r, Seller seller, View view, int64_t worth
    ) noexcept nogil:
        cdef int auction_type = r.auction_type
        cdef uint32_t context
        cdef int64_t bid, tried
        cdef double propensity
        if row.deal >= 0:
            if at_fixed_price(row, r):
                return worth
            if r.deals[row.deal].auction_type:
                auction_type = r.deals[row.deal].auction_type
        if auction_type != FIRST_PRICE or worth <= row.floor:
            return worth
        context = self.context(l, row, r, seller, view)
        bid = shaded(l, context, worth, row.floor)
        tried = strayed(l, context, worth, bid, row.floor, worth, r.hash ^ <uint64_t>view.lines[row.line].id << 32
                        ^ <uint64_t>row.imp, &propensity)
        if tried != bid:
            row.explored = True
        return tried if tried > 0 else worth


def shade(Candidates c not None, View view not None, Shading s not None, Seller seller not None, Request r not None):
    """Sets the price of each bid that was chosen, where its strategy said what the impression is worth; never above what it
    was, nor below the floor. ``full_price`` keeps what it was. Bids are chosen before, by what they are worth to us.
    """
    cdef size_t i
    cdef Candidate *row
    cdef Landscape l = s.landscape
    if not s.on:
        return
    s.word = context_word(r)
    for i in range(c.chosen.size()):
        row = &c.chosen[i]
        if row.value > 0:
            row.full_price = row.price
            row.price = s.price(l, row, r, seller, view, row.price)
