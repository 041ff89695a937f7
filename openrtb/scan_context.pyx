"""What only targeting asks for, from the bytes of a clean request: they are walked once more.

As `openrtb.fill_context` reads it from the model.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython_ext.json_cursor cimport (
    BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, next_key, skip_space, skip_value, take_null,
)
from openrtb.context cimport OF_DEVICE, OF_IMPS, OF_PLACE, OF_USER, Context, ImpContext
from openrtb.context_values cimport (
    add_pairs, packed_version, plcmt_of, postcode_id, take_data, take_degrees, take_keywords, take_name, take_several,
    take_sources, take_told, take_words,
)
from openrtb.request cimport exact, exact_bytes, folded_bytes
from openrtb.scan_values cimport take_optional_integer, twice

import orjson

cdef const char *NO_IFA = b"00000000-0000-0000-0000-000000000000"


cdef bint scan_context(Context x, bytes body, uint32_t parts) except -1:
    cdef Cursor c
    cdef Text key
    cdef Step step = BEGIN, of_imps = BEGIN
    cdef uint32_t met = 0
    c.at = <const unsigned char *>PyBytes_AS_STRING(body)
    skip_space(&c)
    while next_key(&c, &key, &step):
        if key_is(&key, b"imp", 3) and parts & OF_IMPS:
            if twice(&met, 0):
                return False
            while next_item(&c, &of_imps):
                if not scan_imp(x, &c):
                    return False
            if of_imps != ENDED:
                return False
        elif key_is(&key, b"device", 6) and parts & (OF_DEVICE | OF_USER):
            if twice(&met, 1) or not (take_null(&c) or scan_device(x, &c)):
                return False
        elif key_is(&key, b"site", 4) and parts & OF_PLACE:
            if twice(&met, 2) or not (take_null(&c) or scan_place(x, &c, False)):
                return False
        elif key_is(&key, b"app", 3) and parts & OF_PLACE:
            if twice(&met, 3) or not (take_null(&c) or scan_place(x, &c, True)):
                return False
        elif key_is(&key, b"user", 4) and parts & OF_USER:
            if twice(&met, 4) or not (take_null(&c) or scan_user(x, &c)):
                return False
        elif not skip_value(&c):
            return False
    return step == ENDED


cdef bint scan_device(Context x, Cursor *c) except -1:
    cdef Text key, plain
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int64_t number = 0
    cdef list other = []
    while next_key(c, &key, &step):
        if key_is(&key, b"make", 4):
            if twice(&met, 0) or not take_name(c, &x.make):
                return False
        elif key_is(&key, b"model", 5):
            if twice(&met, 1) or not take_name(c, &x.model):
                return False
        elif key_is(&key, b"osv", 3):
            if twice(&met, 2) or not take_words(c, &plain, other) or other:
                return False
            x.os_version = packed_version(plain.start, plain.size)
        elif key_is(&key, b"carrier", 7):
            if twice(&met, 3) or not take_name(c, &x.carrier):
                return False
        elif key_is(&key, b"connectiontype", 14):
            if twice(&met, 4) or not take_optional_integer(c, &number):
                return False
            x.connection = <int>number
        elif key_is(&key, b"ifa", 3):
            if twice(&met, 5) or not take_words(c, &plain, other) or other:
                return False
            x.ifa = plain.size > 0 and not key_is(&plain, NO_IFA, 36)
        elif key_is(&key, b"geo", 3):
            if twice(&met, 6) or not (take_null(c) or scan_geo(x, c)):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint scan_geo(Context x, Cursor *c) except -1:
    cdef Text key, plain
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int64_t offset = 0
    cdef bint north = False, east = False
    cdef list other = []
    while next_key(c, &key, &step):
        if key_is(&key, b"lat", 3):
            if twice(&met, 0) or not take_degrees(c, &x.latitude, &north):
                return False
        elif key_is(&key, b"lon", 3):
            if twice(&met, 1) or not take_degrees(c, &x.longitude, &east):
                return False
        elif key_is(&key, b"metro", 5):
            if twice(&met, 2) or not take_name(c, &x.metro):
                return False
        elif key_is(&key, b"zip", 3):
            if twice(&met, 3) or not take_words(c, &plain, other) or other:
                return False
            x.postcode = postcode_id(plain.start, plain.size)
        elif key_is(&key, b"utcoffset", 9):
            if twice(&met, 4):
                return False
            x.clocked = c.at[0] != 110
            if not take_optional_integer(c, &offset):
                return False
            x.utc_offset = <int>offset
        elif not skip_value(c):
            return False
    x.located = north and east
    return step == ENDED


cdef bint scan_place(Context x, Cursor *c, bint app) except -1:
    cdef Text key, plain
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef list other = []
    while next_key(c, &key, &step):
        if key_is(&key, b"keywords", 8):
            if twice(&met, 0) or not take_keywords(c, &x.keywords):
                return False
        elif key_is(&key, b"kwarray", 7):
            if twice(&met, 1) or not take_several(c, &x.keywords):
                return False
        elif key_is(&key, b"page", 4) and not app:
            if twice(&met, 2) or not take_words(c, &plain, other):
                return False
            x.page = (<str>other[0]).encode() if other else plain.start[: plain.size] if plain.size else None
        elif key_is(&key, b"content", 7):
            if twice(&met, 3) or not (take_null(c) or scan_content(x, c)):
                return False
        elif key_is(&key, b"ext", 3):
            if twice(&met, 4) or not take_data(c, &x.pairs):
                return False
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint scan_content(Context x, Cursor *c) except -1:
    cdef Text key, plain
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef list other = []
    while next_key(c, &key, &step):
        if key_is(&key, b"genre", 5):
            if twice(&met, 0) or not take_keywords(c, &x.genres):
                return False
        elif key_is(&key, b"genres", 6):
            if twice(&met, 1) or not take_several(c, &x.genres):
                return False
        elif key_is(&key, b"keywords", 8):
            if twice(&met, 2) or not take_keywords(c, &x.keywords):
                return False
        elif key_is(&key, b"kwarray", 7):
            if twice(&met, 3) or not take_several(c, &x.keywords):
                return False
        elif key_is(&key, b"contentrating", 13):
            if twice(&met, 4) or not take_name(c, &x.content_rating):
                return False
        elif key_is(&key, b"language", 8):
            if twice(&met, 5) or not take_words(c, &plain, other) or other:
                return False
            x.content_language = folded_bytes(plain.start, min(plain.size, 2))
        elif not skip_value(c):
            return False
    return step == ENDED


cdef bint scan_user(Context x, Cursor *c) except -1:
    cdef Text key
    cdef Step step = BEGIN, of_ext = BEGIN
    cdef uint32_t met = 0, met_ext = 0
    cdef int64_t year = 0
    cdef vector[uint64_t] older
    while next_key(c, &key, &step):
        if key_is(&key, b"buyeruid", 8):
            if twice(&met, 0) or not take_told(c, &x.buyeruid):
                return False
        elif key_is(&key, b"id", 2):
            if twice(&met, 1) or not take_told(c, &x.user_id):
                return False
        elif key_is(&key, b"yob", 3):
            if twice(&met, 2) or not take_optional_integer(c, &year):
                return False
        elif key_is(&key, b"gender", 6):
            if twice(&met, 3) or not take_name(c, &x.gender):
                return False
        elif key_is(&key, b"keywords", 8):
            if twice(&met, 4) or not take_keywords(c, &x.user_keywords):
                return False
        elif key_is(&key, b"kwarray", 7):
            if twice(&met, 5) or not take_several(c, &x.user_keywords):
                return False
        elif key_is(&key, b"eids", 4):
            if twice(&met, 6) or not take_sources(c, &x.sources):
                return False
        elif key_is(&key, b"ext", 3):
            if twice(&met, 7):
                return False
            if c.at[0] != 123:
                if not take_null(c):
                    return False
                continue
            while next_key(c, &key, &of_ext):
                if key_is(&key, b"eids", 4):
                    if twice(&met_ext, 0) or not take_sources(c, &older):
                        return False
                elif key_is(&key, b"data", 4):
                    if twice(&met_ext, 1) or not take_user_data(x, c):
                        return False
                elif not skip_value(c):
                    return False
            if of_ext != ENDED:
                return False
        elif not skip_value(c):
            return False
    x.year_of_birth = <int>year
    x.sources.insert(x.sources.end(), older.begin(), older.end())
    return step == ENDED


cdef bint take_user_data(Context x, Cursor *c) except -1:
    cdef const unsigned char *start = c.at
    if not skip_value(c):
        return False
    if start[0] == 123:
        try:
            add_pairs(orjson.loads(PyBytes_FromStringAndSize(<const char *>start, c.at - start)), &x.user_pairs)
        except orjson.JSONDecodeError:
            return False
    return True


cdef bint scan_imp(Context x, Cursor *c) except -1:
    cdef Text key, plain
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int64_t rewarded = 0
    cdef list other = []
    cdef ImpContext row
    row.tag, row.banner_position, row.video_position, row.video_placement = 0, 0, 0, 0
    row.pairs = <int32_t>x.imp_pairs.size()
    while next_key(c, &key, &step):
        if key_is(&key, b"tagid", 5):
            if twice(&met, 0) or not take_words(c, &plain, other):
                return False
            row.tag = exact(<str>other[0]) if other else exact_bytes(plain.start, plain.size)
        elif key_is(&key, b"rwdd", 4):
            if twice(&met, 1) or not take_optional_integer(c, &rewarded):
                return False
        elif key_is(&key, b"banner", 6):
            if twice(&met, 2) or not (take_null(c) or scan_format(x, c, &row.banner_position, NULL)):
                return False
        elif key_is(&key, b"video", 5):
            if twice(&met, 3) or not (
                take_null(c) or scan_format(x, c, &row.video_position, &row.video_placement)
            ):
                return False
        elif key_is(&key, b"ext", 3):
            if twice(&met, 4) or not take_data(c, &x.imp_pairs):
                return False
        elif not skip_value(c):
            return False
    row.rewarded = rewarded == 1
    row.n_pairs = <int32_t>x.imp_pairs.size() - row.pairs
    x.imps.push_back(row)
    return step == ENDED


cdef bint scan_format(Context x, Cursor *c, int32_t *position, int32_t *placement) except -1:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int64_t pos = 0, plcmt = 0, older = 0
    while next_key(c, &key, &step):
        if key_is(&key, b"pos", 3):
            if twice(&met, 0) or not take_optional_integer(c, &pos):
                return False
        elif placement is not NULL and key_is(&key, b"plcmt", 5):
            if twice(&met, 1) or not take_optional_integer(c, &plcmt):
                return False
        elif placement is not NULL and key_is(&key, b"placement", 9):
            if twice(&met, 2) or not take_optional_integer(c, &older):
                return False
        elif not skip_value(c):
            return False
    position[0] = <int32_t>pos
    if placement is not NULL:
        placement[0] = plcmt_of(plcmt, older)
    return step == ENDED
