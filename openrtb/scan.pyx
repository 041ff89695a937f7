"""Filling the compiled request straight from the bytes of a clean request, without objects in between.

What is odd in any way is left to the typed model: text with escapes or beyond ASCII, a wrong type anywhere that is read,
a key that comes twice. Fields that no stage reads are skipped, but checked to be JSON.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from cython_ext.json_cursor cimport (
    BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, next_key, skip_space, skip_value, take_text,
)
from openrtb.domains cimport take_domains
from openrtb.request cimport Request, currency_code, exact_bytes
from openrtb.scan_imp cimport CONTRADICTORY, SOUND, scan_imp
from openrtb.scan_person cimport Person, name_ids, scan_device, scan_user
from openrtb.scan_place cimport Place, clear_place, name_place, name_screen, scan_place, scan_screen
from openrtb.scan_regs cimport scan_regs
from openrtb.scan_source cimport scan_source, skip_ext
from openrtb.scan_values cimport as_str, take_currencies, take_names, take_optional_integer, take_seats, twice

from openrtb.nobid import NoBidReason

cdef int INVALID = NoBidReason.INVALID_REQUEST
cdef int NO_FORMAT = NoBidReason.NO_FORMAT


cdef int scan(Request r, bytes body, object exchange) except -1:
    cdef Cursor c
    cdef Place site, app, dooh
    cdef bint named
    cdef Person person
    cdef int fault = SOUND
    c.at = <const unsigned char *>PyBytes_AS_STRING(body)
    r.lent = body
    clear_place(&site)
    clear_place(&app)
    clear_place(&dooh)
    person.ifa.size = person.buyeruid.size = person.id.size = 0
    skip_space(&c)
    if not scan_root(&c, r, exchange, &site, &app, &dooh, &person, &fault):
        return ODD
    skip_space(&c)
    if c.at != <const unsigned char *>PyBytes_AS_STRING(body) + PyBytes_GET_SIZE(body):
        return ODD
    r.is_app = app.there and not site.there
    if dooh.there and not app.there and not site.there:
        named = name_screen(r, &dooh)
    else:
        named = name_place(r, &app if r.is_app else &site)
    if not named or not (dooh.there or name_ids(r, &person, exchange.key)):  # a public screen is nobody's device
        return ODD
    if fault == CONTRADICTORY or <int>site.there + <int>app.there + <int>dooh.there > 1:
        return INVALID
    return 0 if r.imps.size() else NO_FORMAT if fault == SOUND else INVALID


cdef bint scan_root(
    Cursor *c, Request r, object exchange, Place *site, Place *app, Place *dooh, Person *person, int *fault
) except -1:
    cdef Text key, id_, seat
    cdef Step step = BEGIN, step_imp = BEGIN
    cdef uint32_t met = 0, ours = currency_code(exchange.currency)
    cdef int state
    cdef int32_t place = -1
    cdef int64_t test = 0, at = 0, tmax = 0, taxonomy = 1, all_imps = 0
    cdef str seat_name = exchange.seat
    seat.start = PyUnicode_AsUTF8AndSize(seat_name, &seat.size)
    id_.size = 0
    while next_key(c, &key, &step):
        if key_is(&key, b"id", 2):
            if twice(&met, 0) or not take_text(c, &id_):
                return False
        elif key_is(&key, b"imp", 3):
            if twice(&met, 1):
                return False
            while next_item(c, &step_imp):
                place += 1
                if not scan_imp(c, r, &seat, place, fault):
                    return False
            if step_imp != ENDED:
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
            if twice(&met, 5) or not scan_user(c, r, person):
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
            if twice(&met, 15) or not take_domains(c, &r.badv):
                return False
        elif key_is(&key, b"bapp", 4):
            if twice(&met, 21) or not take_names(c, &r.bapp, False):
                return False
        elif key_is(&key, b"wlang", 5):
            if twice(&met, 18) or not take_names(c, &r.tongues, False):
                return False
        elif key_is(&key, b"wlangb", 6):
            if twice(&met, 19) or not take_names(c, &r.tongues, True):
                return False
        elif key_is(&key, b"allimps", 7):
            if twice(&met, 20) or not take_optional_integer(c, &all_imps):
                return False
        elif key_is(&key, b"cattax", 6):
            if twice(&met, 16) or not take_optional_integer(c, &taxonomy):
                return False
        elif key_is(&key, b"source", 6):
            if twice(&met, 17) or not scan_source(c, r):
                return False
        elif key_is(&key, b"ext", 3):
            if twice(&met, 22) or not skip_ext(c, r):
                return False
        elif key_is(&key, b"dooh", 4):
            if twice(&met, 23) or not scan_screen(c, r, dooh):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    if id_.size == 0 or place < 0:
        return False
    r.id = as_str(&id_)
    r.hash = exact_bytes(id_.start, id_.size)
    if at > 0:
        r.auction_type = <int>at
    r.tmax = <int>tmax
    r.test = test == 1
    r.all_imps = all_imps == 1
    r.taxonomy = <int>taxonomy
    return True
