"""Who would see the ad: device and user, scanned, and the key that we know the person by."""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from cython_ext.json_cursor cimport BEGIN, ENDED, Cursor, Step, Text, key_is, next_key, skip_value, take_null
from openrtb.request cimport DNT, LMT, Request, exact_bytes, folded_bytes
from openrtb.scan_values cimport as_str, take_optional_integer, take_optional_text, take_optional_utf8, twice

cdef const char *NO_IFA = b"00000000-0000-0000-0000-000000000000"


cdef bint scan_device(Cursor *c, Request r, Text *ifa) except -1:
    cdef Text key, agent, os, address, address6, language
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int64_t limited = 0, untracked = 0, kind = 0
    agent.start = os.start = address.start = address6.start = language.start = NULL
    agent.size = os.size = address.size = address6.size = language.size = 0
    if take_null(c):
        return True
    while next_key(c, &key, &step):
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
    if step != ENDED:
        return False
    if limited > 0:
        r.signals |= LMT
    if untracked > 0:
        r.signals |= DNT
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
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    country.start = region.start = city.start = NULL
    if take_null(c):
        return True
    while next_key(c, &key, &step):
        if key_is(&key, b"country", 7):
            if twice(&met, 0) or not take_optional_text(c, &country):
                return False
        elif key_is(&key, b"region", 6):
            if twice(&met, 1) or not take_optional_utf8(c, &region):
                return False
        elif key_is(&key, b"city", 4):
            if twice(&met, 2) or not take_optional_utf8(c, &city):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    try:
        r.place = (text_or_none(&country), utf8_or_none(&region), utf8_or_none(&city))
    except UnicodeDecodeError:
        return False
    return True


cdef inline str text_or_none(Text *text):
    return as_str(text) if text.start is not NULL else None


cdef bint scan_user(Cursor *c, Request r, Person *person) except -1:
    cdef Text key, older
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    older.size = 0
    if take_null(c):
        return True
    while next_key(c, &key, &step):
        if key_is(&key, b"buyeruid", 8):
            if twice(&met, 0) or not take_optional_text(c, &person.buyeruid):
                return False
        elif key_is(&key, b"id", 2):
            if twice(&met, 1) or not take_optional_text(c, &person.id):
                return False
        elif key_is(&key, b"consent", 7):
            if twice(&met, 2) or not take_optional_text(c, &r.consent):
                return False
        elif key_is(&key, b"ext", 3):
            if twice(&met, 3) or not scan_user_ext(c, &older):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    if r.consent.size == 0 and older.size:
        r.consent = older
    return True


cdef inline str utf8_or_none(Text *text):
    return PyUnicode_DecodeUTF8(text.start, text.size, NULL) if text.start is not NULL else None


cdef bint scan_user_ext(Cursor *c, Text *consent) except -1:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    if take_null(c):
        return True
    while next_key(c, &key, &step):
        if key_is(&key, b"consent", 7):
            if twice(&met, 0) or not take_optional_text(c, consent):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


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
