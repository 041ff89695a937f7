"""Imps, banners, sizes and deals, scanned."""

from libc.stdint cimport int32_t, int64_t, uint32_t
from cython_ext.json_cursor cimport (
    Cursor, Text, key_is, next_item, next_key, open_with, skip_value, take_null, take_text,
)
from openrtb.request cimport Deal, Imp, Request, currency_of, exact_bytes, mime_bit
from openrtb.scan_values cimport (
    as_str, take_currency, take_floor, take_mask, take_names, take_optional_integer, take_seats, twice,
)

cdef uint32_t USD = currency_of(b"USD", 3)


cdef bint scan_deal(Cursor *c, Request r, Text *seat) except -1:
    cdef Deal row
    cdef Text key, code
    cdef bint first = True
    cdef uint32_t met = 0
    cdef int found, seats = 0
    cdef int64_t at = 0
    code.size = 0
    row.floor = 0
    row.currency = USD
    row.domains = <int32_t>r.deal_domains.size()
    if not open_with(c, 123):
        return False
    while True:
        found = next_key(c, &key, &first)
        if found < 0:
            return False
        if found == 0:
            break
        if key_is(&key, b"id", 2):
            if twice(&met, 0) or not take_text(c, &code):
                return False
        elif key_is(&key, b"bidfloor", 8):
            if twice(&met, 1) or not take_floor(c, &row.floor):
                return False
        elif key_is(&key, b"bidfloorcur", 11):
            if twice(&met, 2) or not take_currency(c, &row.currency):
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
    if code.size == 0:
        return False
    row.n_domains = <int32_t>r.deal_domains.size() - row.domains
    if row.floor < 0:
        r.deal_domains.resize(row.domains)
        return True
    row.code = exact_bytes(code.start, code.size)
    row.auction_type = <int32_t>at
    row.open_to_us = seats != 1
    r.deals.push_back(row)
    r.deal_codes.append(as_str(&code))
    return True


cdef bint scan_pmp(Cursor *c, Request r, Text *seat, Imp *row) except -1:
    cdef Text key
    cdef bint first = True, first_deal = True
    cdef uint32_t met = 0
    cdef int found
    cdef int64_t private_auction = 0
    if take_null(c):
        return True
    if not open_with(c, 123):
        return False
    while True:
        found = next_key(c, &key, &first)
        if found < 0:
            return False
        if found == 0:
            break
        if key_is(&key, b"private_auction", 15):
            if twice(&met, 0) or not take_optional_integer(c, &private_auction):
                return False
        elif key_is(&key, b"deals", 5):
            if twice(&met, 1):
                return False
            if take_null(c):
                continue
            if not open_with(c, 91):
                return False
            while True:
                found = next_item(c, &first_deal)
                if found < 0:
                    return False
                if found == 0:
                    break
                if not scan_deal(c, r, seat):
                    return False
        elif not skip_value(c):
            return False
    row.private_auction = private_auction == 1
    return True


cdef bint scan_format(Cursor *c, Request r) except -1:
    cdef Text key
    cdef bint first = True
    cdef uint32_t met = 0
    cdef int found
    cdef int64_t w = -1, h = -1
    if not open_with(c, 123):
        return False
    while True:
        found = next_key(c, &key, &first)
        if found < 0:
            return False
        if found == 0:
            r.add_size(w, h)
            return True
        if key_is(&key, b"w", 1):
            if twice(&met, 0) or not take_optional_integer(c, &w):
                return False
        elif key_is(&key, b"h", 1):
            if twice(&met, 1) or not take_optional_integer(c, &h):
                return False
        elif not skip_value(c):
            return False


cdef bint scan_banner(Cursor *c, Request r, Imp *row) except -1:
    cdef Text key, mime
    cdef bint first = True, first_item
    cdef uint32_t met = 0
    cdef int found
    cdef int64_t w = -1, h = -1
    if not open_with(c, 123):
        return False
    while True:
        found = next_key(c, &key, &first)
        if found < 0:
            return False
        if found == 0:
            break
        if key_is(&key, b"w", 1):
            if twice(&met, 0) or not take_optional_integer(c, &w):
                return False
        elif key_is(&key, b"h", 1):
            if twice(&met, 1) or not take_optional_integer(c, &h):
                return False
        elif key_is(&key, b"battr", 5):
            if twice(&met, 2) or not take_mask(c, &row.battr):
                return False
        elif key_is(&key, b"btype", 5):
            if twice(&met, 3) or not take_mask(c, &row.btype):
                return False
        elif key_is(&key, b"format", 6) or key_is(&key, b"mimes", 5):
            if twice(&met, 4 if key.size == 6 else 5):
                return False
            if take_null(c):
                continue
            if not open_with(c, 91):
                return False
            first_item = True
            while True:
                found = next_item(c, &first_item)
                if found < 0:
                    return False
                if found == 0:
                    break
                if key.size == 6:
                    if not scan_format(c, r):
                        return False
                elif take_text(c, &mime):
                    row.mimes |= mime_bit(as_str(&mime))
                else:
                    return False
        elif not skip_value(c):
            return False
    if <int32_t>r.sizes.size() == row.sizes:
        r.add_size(w, h)
    return True


cdef bint scan_imp(Cursor *c, Request r, Text *seat, int32_t place, bint *invalid) except -1:
    cdef Imp row
    cdef Text key, id_
    cdef bint first = True, has_banner = False
    cdef uint32_t met = 0
    cdef int found
    cdef int64_t secure = 0
    cdef size_t domains
    id_.size = 0
    row.floor = 0
    row.currency = USD
    row.battr = row.btype = 0
    row.mimes = 0
    row.private_auction = False
    row.sizes = <int32_t>r.sizes.size()
    row.deals = <int32_t>r.deals.size()
    domains = r.deal_domains.size()
    if not open_with(c, 123):
        return False
    while True:
        found = next_key(c, &key, &first)
        if found < 0:
            return False
        if found == 0:
            break
        if key_is(&key, b"id", 2):
            if twice(&met, 0) or not take_text(c, &id_):
                return False
        elif key_is(&key, b"banner", 6):
            if twice(&met, 1):
                return False
            if not take_null(c):
                if not scan_banner(c, r, &row):
                    return False
                has_banner = True
        elif key_is(&key, b"bidfloor", 8):
            if twice(&met, 2) or not take_floor(c, &row.floor):
                return False
        elif key_is(&key, b"bidfloorcur", 11):
            if twice(&met, 3) or not take_currency(c, &row.currency):
                return False
        elif key_is(&key, b"secure", 6):
            if twice(&met, 4) or not take_optional_integer(c, &secure):
                return False
        elif key_is(&key, b"pmp", 3):
            if twice(&met, 5) or not scan_pmp(c, r, seat, &row):
                return False
        elif not skip_value(c):
            return False
    if id_.size == 0:
        return False
    name = as_str(&id_)
    if name in r.imp_ids or row.floor < 0:
        invalid[0] = True
    r.imp_ids.append(name)
    if has_banner:
        row.secure = secure == 1
        r.add_imp(&row, place)
    else:  # its deals and sizes are nobody's
        r.deals.resize(row.deals)
        r.deal_domains.resize(domains)
        del r.deal_codes[row.deals:]
    return True
