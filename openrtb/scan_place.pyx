"""Where an ad would be shown: site, app or screen, scanned, and the name that it goes by."""

from libc.stdint cimport uint32_t
from cython_ext.json_cursor cimport BEGIN, ENDED, Cursor, Step, Text, key_is, next_key, skip_value, take_null
from openrtb.request cimport Request, exact_bytes, folded_bytes
from openrtb.scan_values cimport as_str, take_names, take_optional_raw, take_optional_text, twice


cdef void clear_place(Place *place) noexcept nogil:
    place.there = False
    place.domain.size = place.page.size = place.bundle.size = place.id.size = place.name.size = 0
    place.publisher.size = place.publisher_domain.size = place.partner.size = 0


cdef bint scan_place(Cursor *c, Request r, Place *place) except -1:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    if take_null(c):
        return True
    place.there = True
    while next_key(c, &key, &step):
        if key_is(&key, b"domain", 6):
            if twice(&met, 0) or not take_optional_text(c, &place.domain):
                return False
        elif key_is(&key, b"page", 4):
            if twice(&met, 1) or not take_optional_raw(c, &place.page):
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
        elif key_is(&key, b"inventorypartnerdomain", 22):
            if twice(&met, 9) or not take_optional_text(c, &place.partner):
                return False
        elif key_is(&key, b"publisher", 9):
            if twice(&met, 8):
                return False
            if not take_null(c) and not scan_publisher(c, place):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint scan_screen(Cursor *c, Request r, Place *place) except -1:
    """``dooh``."""
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    if take_null(c):
        return True
    place.there = True
    while next_key(c, &key, &step):
        if key_is(&key, b"domain", 6):
            if twice(&met, 0) or not take_optional_text(c, &place.domain):
                return False
        elif key_is(&key, b"id", 2):
            if twice(&met, 1) or not take_optional_text(c, &place.id):
                return False
        elif key_is(&key, b"name", 4):
            if twice(&met, 2) or not take_optional_raw(c, &place.name):
                return False
        elif key_is(&key, b"content", 7):
            if twice(&met, 3):
                return False
            if not take_null(c) and not scan_content(c, r):
                return False
        elif key_is(&key, b"publisher", 9):
            if twice(&met, 4):
                return False
            if not take_null(c) and not scan_publisher(c, place):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint scan_publisher(Cursor *c, Place *place) noexcept nogil:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    while next_key(c, &key, &step):
        if key_is(&key, b"id", 2):
            if twice(&met, 0) or not take_optional_text(c, &place.publisher):
                return False
        elif key_is(&key, b"domain", 6):
            if twice(&met, 1) or not take_optional_text(c, &place.publisher_domain):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint scan_content(Cursor *c, Request r) except -1:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    while next_key(c, &key, &step):
        if key_is(&key, b"cat", 3):
            if twice(&met, 0) or not take_names(c, &r.categories, True):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint name_place(Request r, Place *place) except -1:
    """The site's domain (its own, else its page's host) or the app's bundle, else what the exchange calls it."""
    cdef Text *name = &place.id
    cdef Text *home
    if r.is_app:
        if place.bundle.size:
            name = &place.bundle
        elif place.domain.size:
            name = &place.domain
    elif place.domain.size:
        name = &place.domain
    elif place.page.size:
        return False  # rare, and the model looks for its host as well
    r.publisher = exact_bytes(place.publisher.start, place.publisher.size)
    r.partner = folded_bytes(place.partner.start, place.partner.size)
    if r.is_app:
        home = &place.domain if place.domain.size else &place.publisher_domain
        r.app_domain = folded_bytes(home.start, home.size)
    if name.size:
        r.site_name = as_str(name).lower()
        r.site = folded_bytes(name.start, name.size)
        r.sites.push_back(r.site)
        if not r.is_app:
            r.add_parents(name.start, name.size)
    return True


cdef bint name_screen(Request r, Place *place) except -1:
    """Its owner's domain, else what the exchange calls it."""
    cdef Text *name = &place.domain if place.domain.size else &place.id
    r.is_dooh = True
    r.publisher = exact_bytes(place.publisher.start, place.publisher.size)
    if name.size:
        r.site_name = as_str(name).lower()
        r.site = folded_bytes(name.start, name.size)
        r.sites.push_back(r.site)
    elif place.name.size:
        return False  # written for people, in any letters
    return True
