"""Who would see the ad: device and user, scanned, and the key that we know the person by."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libcpp.vector cimport vector
from cython_ext.json_cursor cimport BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, next_key, skip_value, take_null
from openrtb.person_ids cimport add_eid, name_person
from openrtb.request cimport DNT, LMT, Request, exact_bytes, folded_bytes
from openrtb.scan_values cimport as_str, take_optional_integer, take_optional_text, take_optional_utf8, twice


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
    cdef vector[Told] older_eids
    cdef size_t i
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
            if twice(&met, 3) or not scan_user_ext(c, &older, &older_eids):
                return False
        elif key_is(&key, b"eids", 4):
            if twice(&met, 4) or not scan_eids(c, r, NULL):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    if r.consent.size == 0 and older.size:
        r.consent = older
    for i in range(older_eids.size()):
        add_eid(r, older_eids[i].source, older_eids[i].value, older_eids[i].atype, older_eids[i].match)
    return True


cdef inline str utf8_or_none(Text *text):
    return PyUnicode_DecodeUTF8(text.start, text.size, NULL) if text.start is not NULL else None


cdef bint scan_user_ext(Cursor *c, Text *consent, vector[Told] *eids) except -1:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    if take_null(c):
        return True
    while next_key(c, &key, &step):
        if key_is(&key, b"consent", 7):
            if twice(&met, 0) or not take_optional_text(c, consent):
                return False
        elif key_is(&key, b"eids", 4):
            if twice(&met, 1) or not scan_eids(c, None, eids):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint scan_eids(Cursor *c, Request r, vector[Told] *later) except -1:
    """Into the request; into ``later``, if that is there, since what stands in ``user.ext`` comes after ``user.eids``."""
    cdef Text key, source
    cdef Step step = BEGIN, inner, of_uids
    cdef uint32_t met
    cdef int64_t match
    cdef vector[Told] uids
    cdef size_t i
    if take_null(c):
        return True
    while next_item(c, &step):
        inner, met, match, source.size = BEGIN, 0, 0, 0
        uids.clear()
        while next_key(c, &key, &inner):
            if key_is(&key, b"source", 6):
                if twice(&met, 0) or not take_optional_text(c, &source):
                    return False
            elif key_is(&key, b"mm", 2):
                if twice(&met, 1) or not take_optional_integer(c, &match):
                    return False
            elif key_is(&key, b"uids", 4):
                if twice(&met, 2):
                    return False
                if take_null(c):
                    continue
                of_uids = BEGIN
                while next_item(c, &of_uids):
                    if not scan_uid(c, &uids):
                        return False
                if of_uids != ENDED:
                    return False
            elif not skip_value(c):
                return False
        if inner != ENDED:
            return False
        for i in range(uids.size()):
            uids[i].source, uids[i].match = source, match
            if later is not NULL:
                later.push_back(uids[i])
            else:
                add_eid(r, source, uids[i].value, uids[i].atype, match)
    return step == ENDED


cdef bint scan_uid(Cursor *c, vector[Told] *uids) except -1:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef Told told
    told.value.size = told.source.size = told.atype = told.match = 0
    while next_key(c, &key, &step):
        if key_is(&key, b"id", 2):
            if twice(&met, 0) or not take_optional_text(c, &told.value):
                return False
        elif key_is(&key, b"atype", 5):
            if twice(&met, 1) or not take_optional_integer(c, &told.atype):
                return False
        elif not skip_value(c):
            return False
    uids.push_back(told)
    return step == ENDED


cdef bint name_ids(Request r, Person *person, str exchange) except -1:
    """As `openrtb.fill` does it."""
    cdef char composed[512]
    cdef Py_ssize_t size
    cdef const char *key = PyUnicode_AsUTF8AndSize(exchange, &size)
    cdef uint64_t ifa = 0, buyeruid = 0, user_id = 0
    if person.ifa.size > 250 or size + person.buyeruid.size > 500 or size + person.id.size > 500:
        return False
    if person.ifa.size and not is_blank(&person.ifa):
        memcpy(composed, b"ifa:", 4)
        memcpy(composed + 4, person.ifa.start, person.ifa.size)
        ifa = folded_bytes(composed, 4 + person.ifa.size)
    if person.buyeruid.size:
        memcpy(composed, b"buyeruid:", 9)
        buyeruid = keyed(composed, 9, key, size, &person.buyeruid)
    if person.id.size:
        memcpy(composed, b"user:", 5)
        user_id = keyed(composed, 5, key, size, &person.id)
    name_person(r, ifa, buyeruid, user_id)
    return True


cdef inline uint64_t keyed(char *composed, Py_ssize_t at, const char *exchange, Py_ssize_t size, Text *value) noexcept nogil:
    """Name id of ``kind:exchange:value``; ``composed`` begins with the kind."""
    memcpy(composed + at, exchange, size)
    composed[at + size] = 58  # :
    memcpy(composed + at + size + 1, value.start, value.size)
    return exact_bytes(composed, at + size + 1 + value.size)


cdef inline bint is_blank(Text *ifa) noexcept nogil:
    """The advertising id of people who opted out: zeros and hyphens."""
    cdef Py_ssize_t i
    for i in range(ifa.size):
        if ifa.start[i] != 48 and ifa.start[i] != 45:
            return False
    return True
