"""Imps and their deals, scanned."""

from libc.stdint cimport int32_t, int64_t, uint32_t
from cython_ext.json_cursor cimport (
    BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, next_key, skip_value, take_null, take_text,
)
from openrtb.request cimport (
    UNREADABLE_FLOOR, Deal, Imp, Request, bounded_multiplier, clear_imp, currency_of, exact_bytes, seconds,
)
from openrtb.scan_floors cimport scan_length_floors
from openrtb.scan_formats cimport scan_audio, scan_banner, scan_native, scan_video
from openrtb.scan_values cimport (
    as_str, take_currency, take_floor, take_names, take_optional_integer, take_seats, twice,
)

cdef uint32_t USD = currency_of(b"USD", 3)


cdef bint scan_deal(Cursor *c, Request r, Text *seat) except -1:
    cdef Deal row
    cdef Text key, code
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int seats = 0
    cdef bint negative = False
    cdef int64_t at = 0, guaranteed = 0
    code.size = 0
    row.floor = row.floor_per_s = 0
    row.has_floor = False
    row.floors = <int32_t>r.deal_floors.size()
    row.currency = USD
    row.domains = <int32_t>r.deal_domains.size()
    while next_key(c, &key, &step):
        if key_is(&key, b"id", 2):
            if twice(&met, 0) or not take_text(c, &code):
                return False
        elif key_is(&key, b"bidfloor", 8):
            if twice(&met, 1):
                return False
            row.has_floor = c.at[0] != 110  # null
            if not take_floor(c, &row.floor):
                return False
        elif key_is(&key, b"bidfloorcur", 11):
            if twice(&met, 2) or not take_currency(c, &row.currency):
                return False
        elif key_is(&key, b"mincpmpersec", 12):
            if twice(&met, 6) or not take_floor(c, &row.floor_per_s):
                return False
        elif key_is(&key, b"durfloors", 9):
            if twice(&met, 7) or not scan_length_floors(c, &r.deal_floors, &negative):
                return False
        elif key_is(&key, b"guar", 4):
            if twice(&met, 8) or not take_optional_integer(c, &guaranteed):
                return False
        elif key_is(&key, b"at", 2):
            if twice(&met, 3) or not take_optional_integer(c, &at):
                return False
        elif key_is(&key, b"wseat", 5):
            seats = take_seats(c, seat)
            if twice(&met, 4) or seats < 0:
                return False
        elif key_is(&key, b"wadomain", 8):
            if twice(&met, 5) or not take_names(c, &r.deal_domains, False):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    if code.size == 0:
        return False
    row.n_domains = <int32_t>r.deal_domains.size() - row.domains
    row.n_floors = <int32_t>r.deal_floors.size() - row.floors
    if row.floor < 0:
        r.deal_domains.resize(row.domains)
        r.deal_floors.resize(row.floors)
        return True
    if row.floor_per_s < 0:
        row.floor_per_s = UNREADABLE_FLOOR
    row.guaranteed = guaranteed == 1
    row.code = exact_bytes(code.start, code.size)
    row.auction_type = <int32_t>at
    row.open_to_us = seats != 1
    r.deals.push_back(row)
    r.deal_codes.append(as_str(&code))
    return True


cdef bint scan_pmp(Cursor *c, Request r, Text *seat, Imp *row) except -1:
    cdef Text key
    cdef Step step = BEGIN, step_deal = BEGIN
    cdef uint32_t met = 0
    cdef int64_t private_auction = 0
    if take_null(c):
        return True
    while next_key(c, &key, &step):
        if key_is(&key, b"private_auction", 15):
            if twice(&met, 0) or not take_optional_integer(c, &private_auction):
                return False
        elif key_is(&key, b"deals", 5):
            if twice(&met, 1):
                return False
            if take_null(c):
                continue
            while next_item(c, &step_deal):
                if not scan_deal(c, r, seat):
                    return False
            if step_deal != ENDED:
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    row.private_auction = private_auction == 1
    return True


cdef bint scan_qty(Cursor *c, int64_t *multiplier) except -1:
    """3.2.31: its multiplier, in millionths."""
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    while next_key(c, &key, &step):
        if key_is(&key, b"multiplier", 10):
            if twice(&met, 0) or not take_floor(c, multiplier):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    multiplier[0] = bounded_multiplier(multiplier[0])
    return True


cdef struct Marks:       # where the vectors ended before an imp
    size_t imps, deals, domains, deal_floors, sizes, flexes, players, lengths, length_floors, asides, natives
    bint has_pods


cdef Marks marks_of(Request r) noexcept:
    cdef Marks marks
    marks.imps, marks.deals, marks.domains = r.imps.size(), r.deals.size(), r.deal_domains.size()
    marks.sizes, marks.flexes, marks.players = r.sizes.size(), r.flexes.size(), r.players.size()
    marks.lengths, marks.natives = r.lengths.size(), len(r.natives)
    marks.deal_floors, marks.length_floors = r.deal_floors.size(), r.length_floors.size()
    marks.asides, marks.has_pods = r.asides.size(), r.has_pods
    return marks


cdef int cut_back(Request r, Marks *marks) except -1:
    """Takes an imp out again that nobody can bid on."""
    r.imps.resize(marks.imps)
    r.deals.resize(marks.deals)
    r.deal_domains.resize(marks.domains)
    r.sizes.resize(marks.sizes)
    r.flexes.resize(marks.flexes)
    r.players.resize(marks.players)
    r.lengths.resize(marks.lengths)
    r.deal_floors.resize(marks.deal_floors)
    r.length_floors.resize(marks.length_floors)
    r.asides.resize(marks.asides)
    r.has_pods = marks.has_pods
    del r.natives[marks.natives:]
    del r.deal_codes[marks.deals:]
    return 0


cdef inline bint counted(size_t *offers) noexcept nogil:
    offers[0] += 1
    return True


cdef bint scan_imp(Cursor *c, Request r, Text *seat, int32_t place, int *fault) except -1:
    cdef Imp row
    cdef Text key, id_
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef size_t offers = 0
    cdef int32_t i, before = <int32_t>r.imps.size()
    cdef int64_t secure = 0, exp = 0, interstitial = 0
    cdef Marks marks = marks_of(r)
    id_.size = 0
    clear_imp(&row)
    row.place = place
    row.currency = USD
    row.deals = <int32_t>r.deals.size()
    while next_key(c, &key, &step):
        if key_is(&key, b"id", 2):
            if twice(&met, 0) or not take_text(c, &id_):
                return False
        elif key_is(&key, b"banner", 6):
            if twice(&met, 1) or not (take_null(c) or (counted(&offers) and scan_banner(c, r, row))):
                return False
        elif key_is(&key, b"bidfloor", 8):
            if twice(&met, 2) or not take_floor(c, &row.floor):
                return False
        elif key_is(&key, b"bidfloorcur", 11):
            if twice(&met, 3) or not take_currency(c, &row.currency):
                return False
        elif key_is(&key, b"secure", 6):
            if twice(&met, 4) or not take_optional_integer(c, &secure):
                return False
        elif key_is(&key, b"instl", 5):
            if twice(&met, 9) or not take_optional_integer(c, &interstitial):
                return False
        elif key_is(&key, b"pmp", 3):
            if twice(&met, 5) or not scan_pmp(c, r, seat, &row):
                return False
        elif key_is(&key, b"video", 5):
            if twice(&met, 6) or not (take_null(c) or (counted(&offers) and scan_video(c, r, row))):
                return False
        elif key_is(&key, b"audio", 5):
            if twice(&met, 7) or not (take_null(c) or (counted(&offers) and scan_audio(c, r, row))):
                return False
        elif key_is(&key, b"native", 6):
            if twice(&met, 8) or not (take_null(c) or (counted(&offers) and scan_native(c, r, row))):
                return False
        elif key_is(&key, b"exp", 3):
            if twice(&met, 11) or not take_optional_integer(c, &exp):
                return False
        elif key_is(&key, b"qty", 3):
            if twice(&met, 10) or not (take_null(c) or scan_qty(c, &row.multiplier)):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    if id_.size == 0:
        return False
    name = as_str(&id_)
    if name in r.imp_ids:
        fault[0] = CONTRADICTORY
    r.imp_ids.append(name)
    if row.floor < 0 or r.imps.size() - before < offers:  # a format that lacks what it must have has no row
        fault[0] = max(fault[0], DEFECTIVE)
        cut_back(r, &marks)
        return True
    if not offers:
        cut_back(r, &marks)
        return True
    sort_formats(r, before)
    for i in range(before, <int32_t>r.imps.size()):  # what stood behind the formats in the imp, too
        r.imps[i].floor, r.imps[i].currency = row.floor, row.currency
        r.imps[i].secure = secure == 1
        r.imps[i].interstitial = interstitial == 1
        r.imps[i].private_auction = row.private_auction
        r.imps[i].exp, r.imps[i].multiplier = seconds(exp), row.multiplier
        r.imps[i].deals = row.deals
        r.imps[i].n_deals = <int32_t>r.deals.size() - row.deals
    return True


cdef void sort_formats(Request r, int32_t start) noexcept nogil:
    """The rows of one imp in the order of formats, whatever the order of its keys."""
    cdef int32_t i, j
    cdef Imp row
    for i in range(start + 1, <int32_t>r.imps.size()):
        row = r.imps[i]
        j = i
        while j > start and r.imps[j - 1].format > row.format:
            r.imps[j] = r.imps[j - 1]
            j -= 1
        r.imps[j] = row
