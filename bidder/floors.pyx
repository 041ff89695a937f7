"""Floors: what a bid must be at least, and whether it is (OpenRTB 2.6, 7.11).

The deal's floor counts for a bid in a deal; where the deal says nothing, or for a bid in the open auction, what video and
audio say by the length of the ad; where that says nothing for this length, the imp's. It is one of them, never the
highest of all. Where one place speaks twice of an ad's length, which it should not, the higher holds.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidate, Candidates, keep
from bidder.seller cimport Seller
from bidder.view cimport Ad, Price, View, price_of
from openrtb.request cimport UNREADABLE_FLOOR, Deal, Imp, LengthFloor, Player, Request

cdef extern from *:
    ctypedef long long int128_t "__int128"

cdef int64_t FAR_ABOVE_ANY_BID = <int64_t>1 << 62
cdef int64_t NOTHING_SAID = -1
cdef int64_t NOT_ASKED = -2


cdef int64_t floor_of_length(
    int64_t length_ms, int64_t per_second, const LengthFloor *floors, int32_t n_floors
) noexcept nogil:
    """By seconds begun, as ``dur`` tells them in the bid; NOTHING_SAID for no ad with a length, or for one in no range."""
    cdef int64_t seconds = (length_ms + 999) // 1000, floor = NOTHING_SAID
    cdef int32_t i
    if length_ms <= 0:
        return NOTHING_SAID
    if per_second > 0:
        floor = per_second * seconds if per_second < UNREADABLE_FLOOR else FAR_ABOVE_ANY_BID
    for i in range(n_floors):
        if floors[i].min_s <= seconds <= floors[i].max_s and floors[i].floor > floor:
            floor = floors[i].floor
    return floor


cdef int64_t asked(Imp *imp, Deal *deal, int64_t length_ms, Request r, uint32_t *currency) noexcept nogil:
    """CPM micros of ``currency`` (set) that the imp, or the deal unless it is NULL, asks for an ad of this length."""
    cdef int64_t floor
    cdef Player *player
    if deal is not NULL:
        currency[0] = deal.currency
        floor = floor_of_length(length_ms, deal.floor_per_s, r.deal_floors.data() + deal.floors, deal.n_floors)
        if deal.has_floor and deal.floor > floor:
            floor = deal.floor
        if floor != NOTHING_SAID:
            return floor
    currency[0] = imp.currency
    if length_ms and imp.detail >= 0:
        player = &r.players[imp.detail]
        floor = floor_of_length(length_ms, player.floor_per_s, r.length_floors.data() + player.floors, player.n_floors)
        if floor != NOTHING_SAID:
            return floor
    return imp.floor


cdef int64_t in_currency(Seller seller, int64_t floor, uint32_t currency) noexcept nogil:
    """A floor in the exchange's currency, rounded up; -1 if its currency has no rate."""
    cdef int128_t converted
    if floor == 0 or currency == seller.currency:
        return floor
    if seller.floor_rates.count(currency) == 0:
        return -1
    converted = (<int128_t>floor * seller.floor_rates[currency] + 999_999_999) / 1_000_000_000
    return <int64_t>converted if converted < FAR_ABOVE_ANY_BID else FAR_ABOVE_ANY_BID


cdef int64_t floor_of(Imp *imp, Deal *deal, int64_t length_ms, Seller seller, Request r) noexcept nogil:
    """What a bid must be at least, in CPM micros of the exchange's currency; -1: there is no rate to say it in."""
    cdef uint32_t currency = 0
    cdef int64_t floor = asked(imp, deal, length_ms, r, &currency)
    return in_currency(seller, floor, currency)


def floors(Candidates c not None, View view not None, Seller seller not None, Request r not None):
    """Sets each pair's floor and the most it can bid; returns how many can meet their floor."""
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef Candidate *rows = c.rows.data()
    cdef Candidate *row
    cdef Ad *ads = view.ads.data()
    cdef Deal *deal
    cdef int64_t *of_imps
    cdef const char *why
    cdef Price *prices = price_of(view, seller, 0)
    c.imp_floors.assign(r.imps.size(), NOT_ASKED)
    of_imps = c.imp_floors.data()
    for i in range(n):
        row = &rows[i]
        if row.deal >= 0 or ads[row.ad].length_ms:
            deal = &r.deals[row.deal] if row.deal >= 0 else NULL
            row.floor = floor_of(&r.imps[row.imp], deal, ads[row.ad].length_ms, seller, r)
        else:  # the same for all of them
            if of_imps[row.imp] == NOT_ASKED:
                of_imps[row.imp] = floor_of(&r.imps[row.imp], NULL, 0, seller, r)
            row.floor = of_imps[row.imp]
        row.price = prices[row.line].bid
        if row.price <= 0:
            why = b"there is no exchange rate for its currency"
        elif row.floor < 0:
            why = b"there is no exchange rate for the floor's currency"
        elif row.price < row.floor:
            why = b"its bid is below the floor"
        else:
            kept = keep(c, i, kept)
            continue
        if c.keep_reasons:
            c.out("floors", row.line, row.ad, row.imp, why.decode())
    c.rows.resize(kept)
    return kept


def length_floor(length_ms: int, per_second: int, ranges: list) -> int:
    """`floor_of_length` for tests; ``ranges`` are (least, most, floor), -1 where nothing is said."""
    cdef vector[LengthFloor] rows
    cdef LengthFloor row
    for least, most, floor in ranges:
        row.min_s, row.max_s, row.floor = least, most, floor
        rows.push_back(row)
    return floor_of_length(length_ms, per_second, rows.data(), <int32_t>rows.size())
