"""Filling the compiled request straight from the bytes of a clean request, without objects in between.

What is odd in any way is left to the typed model: text with escapes or beyond ASCII, a wrong type anywhere that is read,
a key that comes twice, privacy signals beyond COPPA, LMT and DNT. Fields that no stage reads are skipped, but
checked to be JSON.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from cython_ext.json_cursor cimport (
    Cursor, Text, key_is, next_item, next_key, open_with, skip_space, skip_value, take_integer, take_null, take_text,
)
from openrtb.request cimport CHILD, CONTEXTUAL, Request, currency_code, exact_bytes, folded_bytes, host_of
from openrtb.scan_imp cimport scan_imp
from openrtb.scan_values cimport (
    as_str, take_currencies, take_names, take_optional_integer, take_optional_text, take_seats, twice,
)

from openrtb.nobid import NoBidReason

cdef int INVALID = NoBidReason.INVALID_REQUEST
cdef int NO_BANNER = NoBidReason.NO_BANNER
cdef const char *NO_IFA = b"00000000-0000-0000-0000-000000000000"

cdef struct Place:       # a site or an app
    bint there
    Text domain, page, bundle, id

cdef struct Person:      # by the names that a request has for one
    bint nobodys_screen
    Text ifa, buyeruid, id


cdef int scan(Request r, bytes body, object exchange) except -1:
    cdef Cursor c
    cdef Place site, app
    cdef Person person
    cdef bint invalid = False
    c.at = <const unsigned char *>PyBytes_AS_STRING(body)
    clear_place(&site)
    clear_place(&app)
    person.nobodys_screen = False
    person.ifa.size = person.buyeruid.size = person.id.size = 0
    skip_space(&c)
    if not scan_root(&c, r, exchange, &site, &app, &person, &invalid):
        return ODD
    skip_space(&c)
    if c.at != <const unsigned char *>PyBytes_AS_STRING(body) + PyBytes_GET_SIZE(body):
        return ODD
    r.is_app = app.there and not site.there
    if not name_place(r, &app if r.is_app else &site) or not name_person(r, &person, exchange.key):
        return ODD
    if invalid or (site.there and app.there):
        return INVALID
    return 0 if r.imps.size() else NO_BANNER


cdef bint scan_root(
    Cursor *c, Request r, object exchange, Place *site, Place *app, Person *person, bint *invalid
) except -1:
    cdef Text key, id_, seat
    cdef bint first = True, first_imp = True
    cdef uint32_t met = 0, ours = currency_code(exchange.currency)
    cdef int found, state
    cdef int32_t place = -1
    cdef int64_t test = 0, at = 0, tmax = 0, taxonomy = 1
    cdef str seat_name = exchange.seat
    seat.start = PyUnicode_AsUTF8AndSize(seat_name, &seat.size)
    id_.size = 0
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
        elif key_is(&key, b"imp", 3):
            if twice(&met, 1) or not open_with(c, 91):
                return False
            while True:
                found = next_item(c, &first_imp)
                if found < 0:
                    return False
                if found == 0:
                    break
                place += 1
                if not scan_imp(c, r, &seat, place, invalid):
                    return False
        elif key_is(&key, b"site", 4):
            if twice(&met, 2) or not scan_place(c, r, site):
                return False
        elif key_is(&key, b"app", 3):
            if twice(&met, 3) or not scan_place(c, r, app):
                return False
        elif key_is(&key, b"device", 6):
            if twice(&met, 4) or not scan_device(c, r, &person.ifa):
                return False
        elif key_is(&key, b"user", 4):
            if twice(&met, 5) or not scan_user(c, person):
                return False
        elif key_is(&key, b"regs", 4):
            if twice(&met, 6) or not scan_regs(c, r):
                return False
        elif key_is(&key, b"at", 2):
            if twice(&met, 7) or not take_optional_integer(c, &at):
                return False
        elif key_is(&key, b"tmax", 4):
            if twice(&met, 8) or not take_optional_integer(c, &tmax):
                return False
        elif key_is(&key, b"test", 4):
            if twice(&met, 9) or not take_optional_integer(c, &test):
                return False
        elif key_is(&key, b"cur", 3):
            state = take_currencies(c, ours)
            if twice(&met, 10) or state < 0:
                return False
            r.currency_allowed = state != 1
        elif key_is(&key, b"wseat", 5):
            state = take_seats(c, &seat)
            if twice(&met, 11) or state < 0:
                return False
            r.seat_allowed = r.seat_allowed and state != 1
        elif key_is(&key, b"bseat", 5):
            state = take_seats(c, &seat)
            if twice(&met, 12) or state < 0:
                return False
            r.seat_allowed = r.seat_allowed and state != 2
        elif key_is(&key, b"bcat", 4):
            if twice(&met, 13) or not take_names(c, &r.bcat, False):
                return False
        elif key_is(&key, b"acat", 4):
            if twice(&met, 14) or not take_names(c, &r.acat, False):
                return False
        elif key_is(&key, b"badv", 4):
            if twice(&met, 15) or not take_names(c, &r.badv, False):
                return False
        elif key_is(&key, b"cattax", 6):
            if twice(&met, 16) or not take_optional_integer(c, &taxonomy):
                return False
        elif key_is(&key, b"dooh", 4):
            return False
        elif not skip_value(c):
            return False
    if id_.size == 0 or place < 0:
        return False
    r.id = as_str(&id_)
    r.hash = exact_bytes(id_.start, id_.size)
    if at > 0:
        r.auction_type = <int>at
    r.tmax = <int>tmax
    r.test = test == 1
    r.foreign_categories = taxonomy != 1 and (r.bcat.size() > 0 or r.acat.size() > 0)
    return True


cdef void clear_place(Place *place) noexcept nogil:
    place.there = False
    place.domain.size = place.page.size = place.bundle.size = place.id.size = 0


cdef bint scan_place(Cursor *c, Request r, Place *place) except -1:
    cdef Text key
    cdef bint first = True
    cdef uint32_t met = 0
    cdef int found
    if take_null(c):
        return True
    place.there = True
    if not open_with(c, 123):
        return False
    while True:
        found = next_key(c, &key, &first)
        if found <= 0:
            return found == 0
        if key_is(&key, b"domain", 6):
            if twice(&met, 0) or not take_optional_text(c, &place.domain):
                return False
        elif key_is(&key, b"page", 4):
            if twice(&met, 1) or not take_optional_text(c, &place.page):
                return False
        elif key_is(&key, b"bundle", 6):
            if twice(&met, 2) or not take_optional_text(c, &place.bundle):
                return False
        elif key_is(&key, b"id", 2):
            if twice(&met, 3) or not take_optional_text(c, &place.id):
                return False
        elif key_is(&key, b"cat", 3):
            if twice(&met, 4) or not take_names(c, &r.categories, True):
                return False
        elif key_is(&key, b"sectioncat", 10):
            if twice(&met, 5) or not take_names(c, &r.categories, True):
                return False
        elif key_is(&key, b"pagecat", 7):
            if twice(&met, 6) or not take_names(c, &r.categories, True):
                return False
        elif key_is(&key, b"content", 7):
            if twice(&met, 7):
                return False
            if not take_null(c) and not scan_content(c, r):
                return False
        elif not skip_value(c):
            return False


cdef bint scan_content(Cursor *c, Request r) except -1:
    cdef Text key
    cdef bint first = True
    cdef uint32_t met = 0
    cdef int found
    if not open_with(c, 123):
        return False
    while True:
        found = next_key(c, &key, &first)
        if found <= 0:
            return found == 0
        if key_is(&key, b"cat", 3):
            if twice(&met, 0) or not take_names(c, &r.categories, True):
                return False
        elif not skip_value(c):
            return False


cdef bint scan_device(Cursor *c, Request r, Text *ifa) except -1:
    cdef Text key, agent, os, address, address6, language
    cdef bint first = True
    cdef uint32_t met = 0
    cdef int found
    cdef int64_t limited = 0, untracked = 0, kind = 0
    agent.start = os.start = NULL
    agent.size = os.size = address.size = address6.size = language.size = 0
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
        if key_is(&key, b"ua", 2):
            if twice(&met, 0) or not take_optional_text(c, &agent):
                return False
        elif key_is(&key, b"geo", 3):
            if twice(&met, 1) or not scan_geo(c, r):
                return False
        elif key_is(&key, b"os", 2):
            if twice(&met, 2) or not take_optional_text(c, &os):
                return False
        elif key_is(&key, b"ip", 2):
            if twice(&met, 3) or not take_optional_text(c, &address):
                return False
        elif key_is(&key, b"ipv6", 4):
            if twice(&met, 4) or not take_optional_text(c, &address6):
                return False
        elif key_is(&key, b"devicetype", 10):
            if twice(&met, 5) or not take_optional_integer(c, &kind):
                return False
        elif key_is(&key, b"language", 8):
            if twice(&met, 6) or not take_optional_text(c, &language):
                return False
        elif key_is(&key, b"ifa", 3):
            if twice(&met, 7) or not take_optional_text(c, ifa):
                return False
        elif key_is(&key, b"lmt", 3):
            if twice(&met, 8) or not take_optional_integer(c, &limited):
                return False
        elif key_is(&key, b"dnt", 3):
            if twice(&met, 9) or not take_optional_integer(c, &untracked):
                return False
        elif not skip_value(c):
            return False
    if (limited == 1 or untracked == 1) and r.signals != CHILD:
        r.signals = CONTEXTUAL
    if agent.start is not NULL:
        r.user_agent = as_str(&agent)
    if os.start is not NULL:
        r.os_text = as_str(&os)
    if address.size:
        r.address = as_str(&address)
    elif address6.size:
        r.address = as_str(&address6)
    r.language = folded_bytes(language.start, min(language.size, 2))
    if 0 < kind < 256:
        r.device_type = <int>kind
    return True


cdef bint scan_geo(Cursor *c, Request r) except -1:
    cdef Text key, country, region, city
    cdef bint first = True
    cdef uint32_t met = 0
    cdef int found
    country.start = region.start = city.start = NULL
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
        if key_is(&key, b"country", 7):
            if twice(&met, 0) or not take_optional_text(c, &country):
                return False
        elif key_is(&key, b"region", 6):
            if twice(&met, 1) or not take_optional_text(c, &region):
                return False
        elif key_is(&key, b"city", 4):
            if twice(&met, 2) or not take_optional_text(c, &city):
                return False
        elif not skip_value(c):
            return False
    r.place = (text_or_none(&country), text_or_none(&region), text_or_none(&city))
    return True


cdef inline str text_or_none(Text *text):
    return as_str(text) if text.start is not NULL else None


cdef bint scan_user(Cursor *c, Person *person) except -1:
    cdef Text key
    cdef bint first = True
    cdef uint32_t met = 0
    cdef int found
    if take_null(c):
        return True
    if not open_with(c, 123):
        return False
    while True:
        found = next_key(c, &key, &first)
        if found <= 0:
            return found == 0
        if key_is(&key, b"buyeruid", 8):
            if twice(&met, 0) or not take_optional_text(c, &person.buyeruid):
                return False
        elif key_is(&key, b"id", 2):
            if twice(&met, 1) or not take_optional_text(c, &person.id):
                return False
        elif not skip_value(c):
            return False


cdef bint scan_regs(Cursor *c, Request r) except -1:
    """COPPA is read here; any other signal is a matter for the model."""
    cdef Text key
    cdef bint first = True
    cdef uint32_t met = 0
    cdef int found
    cdef int64_t coppa = 0, gdpr = 0
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
        if key_is(&key, b"coppa", 5):
            if twice(&met, 0) or not take_optional_integer(c, &coppa):
                return False
        elif key_is(&key, b"gdpr", 4):
            if twice(&met, 1) or not take_optional_integer(c, &gdpr) or gdpr:
                return False
        elif key_is(&key, b"us_privacy", 10) or key_is(&key, b"gpp_sid", 7) or key_is(&key, b"ext", 3):
            if not take_null(c):
                return False
        elif not skip_value(c):
            return False
    if coppa == 1:
        r.signals = CHILD
    return True


cdef bint name_place(Request r, Place *place) except -1:
    """The site's domain (its own, else its page's host) or the app's bundle, else what the exchange calls it."""
    cdef Text *name = &place.id
    cdef str host
    if r.is_app:
        if place.bundle.size:
            name = &place.bundle
        elif place.domain.size:
            name = &place.domain
    elif place.domain.size:
        name = &place.domain
    elif place.page.size:
        host = host_of(as_str(&place.page))
        if host:
            return False  # rare, and the model does it as well
    if name.size > 256:
        return False
    if name.size:
        r.site_name = as_str(name).lower()
        r.site = folded_bytes(name.start, name.size)
        r.sites.push_back(r.site)
        if not r.is_app:
            r.add_parents(name.start, name.size)
    return True


cdef bint name_person(Request r, Person *person, str exchange) except -1:
    """As `openrtb.fill` does it: the advertising id, else our id at the exchange, else the exchange's."""
    cdef char composed[512]
    cdef Py_ssize_t size
    cdef const char *key
    cdef Text *name
    if person.ifa.size and not key_is(&person.ifa, NO_IFA, 36):
        if person.ifa.size > 250:
            return False
        memcpy(composed, b"ifa:", 4)
        memcpy(composed + 4, person.ifa.start, person.ifa.size)
        r.person = folded_bytes(composed, 4 + person.ifa.size)
        return True
    name = &person.buyeruid if person.buyeruid.size else &person.id
    if name.size == 0:
        return True
    key = PyUnicode_AsUTF8AndSize(exchange, &size)
    if size + name.size > 500:
        return False
    if name is &person.buyeruid:
        memcpy(composed, b"buyeruid:", 9)
        memcpy(composed + 9, key, size)
        size += 9
    else:
        memcpy(composed, b"user:", 5)
        memcpy(composed + 5, key, size)
        size += 5
    composed[size] = 58  # :
    memcpy(composed + size + 1, name.start, name.size)
    r.person = exact_bytes(composed, size + 1 + name.size)
    return True
