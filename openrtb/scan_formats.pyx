"""The formats that an imp offers, scanned. As `openrtb.fill_formats` reads them from the model."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from cpython.bytes cimport PyBytes_FromStringAndSize
from cython_ext.json_cursor cimport (
    BEGIN, ENDED, Cursor, Step, Text, key_is, next_item, next_key, skip_value, take_integer, take_null, take_text,
)
from openrtb.request cimport AUDIO, BANNER, NATIVE, VIDEO, Imp, Player, Request, clear_imp, clear_player, exact_bytes, mime_bit
from openrtb.scan_floors cimport scan_length_floors
from openrtb.scan_values cimport as_str, take_floor, take_mask, take_optional_integer, take_optional_number, take_optional_text, twice

import orjson


cdef bint scan_format(Cursor *c, Request r) except -1:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int64_t w = -1, h = -1, wratio = -1, hratio = -1, wmin = 0
    cdef bint has_w = False, has_h = False, has_wratio = False, has_hratio = False
    while next_key(c, &key, &step):
        if key_is(&key, b"w", 1):
            if twice(&met, 0) or not take_optional_number(c, &w, &has_w):
                return False
        elif key_is(&key, b"h", 1):
            if twice(&met, 1) or not take_optional_number(c, &h, &has_h):
                return False
        elif key_is(&key, b"wratio", 6):
            if twice(&met, 2) or not take_optional_number(c, &wratio, &has_wratio):
                return False
        elif key_is(&key, b"hratio", 6):
            if twice(&met, 3) or not take_optional_number(c, &hratio, &has_hratio):
                return False
        elif key_is(&key, b"wmin", 4):
            if twice(&met, 4) or not take_optional_integer(c, &wmin):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    if has_w and has_h:
        r.add_size(w, h)
    elif has_wratio and has_hratio:
        r.add_flex(wratio, hratio, wmin)
    return True


cdef bint scan_sizes(Cursor *c, Request r) except -1:
    cdef Step step = BEGIN
    if take_null(c):
        return True
    while next_item(c, &step):
        if not scan_format(c, r):
            return False
    return step == ENDED


cdef bint scan_mimes(Cursor *c, uint32_t *mimes) except -1:
    cdef Text mime
    cdef Step step = BEGIN
    if take_null(c):
        return True
    while next_item(c, &step):
        if not take_text(c, &mime) or mime.size == 0:
            return False
        mimes[0] |= mime_bit(as_str(&mime))
    return step == ENDED


cdef bint scan_banner(Cursor *c, Request r, Imp row) except -1:
    row.format = BANNER
    if not read_banner(c, r, &row):
        return False
    r.add_imp(&row)
    return True


cdef bint scan_companions(Cursor *c, Request r, Player *player) except -1:
    """``companionad``: banners that are no imps."""
    cdef Step step = BEGIN
    cdef Imp aside
    if take_null(c):
        return True
    while next_item(c, &step):
        clear_imp(&aside)
        if not read_banner(c, r, &aside):
            return False
        r.add_asides(&aside)
    player.no_aside = <size_t>player.asides == r.asides.size()
    return step == ENDED


cdef bint read_banner(Cursor *c, Request r, Imp *row) except -1:
    cdef Text key
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef int64_t w = -1, h = -1
    row.sizes = <int32_t>r.sizes.size()
    row.flexes = <int32_t>r.flexes.size()
    while next_key(c, &key, &step):
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
        elif key_is(&key, b"format", 6):
            if twice(&met, 4) or not scan_sizes(c, r):
                return False
        elif key_is(&key, b"mimes", 5):
            if twice(&met, 5) or not scan_mimes(c, &row.mimes):
                return False
        elif key_is(&key, b"api", 3):
            if twice(&met, 6) or not take_mask(c, &row.apis):
                return False
        elif key_is(&key, b"expdir", 6):
            if twice(&met, 7) or not take_mask(c, &row.expansions):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    row.n_sizes = <int32_t>r.sizes.size() - row.sizes
    row.n_flexes = <int32_t>r.flexes.size() - row.flexes
    if not row.n_sizes and not row.n_flexes:
        r.add_size(w, h)
        row.n_sizes = <int32_t>r.sizes.size() - row.sizes
    return True


cdef bint scan_video(Cursor *c, Request r, Imp row) except -1:
    return scan_player(c, r, row, VIDEO)


cdef bint scan_audio(Cursor *c, Request r, Imp row) except -1:
    return scan_player(c, r, row, AUDIO)


cdef bint scan_player(Cursor *c, Request r, Imp row, int format) except -1:
    cdef Player player
    cdef Text key, pod_id
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef bint negative = False
    cdef int64_t least = 0, most = 0, low = 0, high = 0, pod = 0, pod_ads = 0, slot = 0
    cdef int64_t protocol = -1, linearity = 0, skip = -1, w = 0, h = 0, boxed = 1
    clear_player(&player)
    row.format = format
    player.lengths = <int32_t>r.lengths.size()
    player.floors = <int32_t>r.length_floors.size()
    player.asides = <int32_t>r.asides.size()
    pod_id.size = 0
    while next_key(c, &key, &step):
        if key_is(&key, b"mimes", 5):
            if twice(&met, 0) or not scan_mimes(c, &row.mimes):
                return False
        elif key_is(&key, b"minduration", 11):
            if twice(&met, 1) or not take_optional_integer(c, &least):
                return False
        elif key_is(&key, b"maxduration", 11):
            if twice(&met, 2) or not take_optional_integer(c, &most):
                return False
        elif key_is(&key, b"protocols", 9):
            if twice(&met, 3) or not take_mask(c, &player.protocols):
                return False
        elif key_is(&key, b"rqddurs", 7):
            if twice(&met, 4) or not scan_lengths(c, r):
                return False
        elif key_is(&key, b"battr", 5):
            if twice(&met, 5) or not take_mask(c, &row.battr):
                return False
        elif key_is(&key, b"api", 3):
            if twice(&met, 6) or not take_mask(c, &row.apis):
                return False
        elif key_is(&key, b"delivery", 8):
            if twice(&met, 7) or not take_mask(c, &player.deliveries):
                return False
        elif key_is(&key, b"minbitrate", 10):
            if twice(&met, 8) or not take_optional_integer(c, &low):
                return False
        elif key_is(&key, b"maxbitrate", 10):
            if twice(&met, 9) or not take_optional_integer(c, &high):
                return False
        elif key_is(&key, b"mincpmpersec", 12):
            if twice(&met, 10) or not take_floor(c, &player.floor_per_s):
                return False
        elif key_is(&key, b"durfloors", 9):
            if twice(&met, 19) or not scan_length_floors(c, &r.length_floors, &negative):
                return False
        elif key_is(&key, b"poddur", 6):
            if twice(&met, 11) or not take_optional_integer(c, &pod):
                return False
        elif key_is(&key, b"maxseq", 6):
            if twice(&met, 20) or not take_optional_integer(c, &pod_ads):
                return False
        elif key_is(&key, b"podid", 5):
            if twice(&met, 21) or not take_optional_text(c, &pod_id):
                return False
        elif key_is(&key, b"slotinpod", 9):
            if twice(&met, 22) or not take_optional_integer(c, &slot):
                return False
        elif key_is(&key, b"companionad", 11):
            if twice(&met, 23) or not scan_companions(c, r, &player):
                return False
        elif key_is(&key, b"companiontype", 13):
            if twice(&met, 24) or not take_mask(c, &player.aside_types):
                return False
        elif format == AUDIO:
            if not skip_value(c):
                return False
        elif key_is(&key, b"poddedupe", 9):
            if twice(&met, 12) or not take_mask(c, &row.dedupe):
                return False
        elif key_is(&key, b"protocol", 8):
            if twice(&met, 13) or not take_optional_integer(c, &protocol):
                return False
        elif key_is(&key, b"linearity", 9):
            if twice(&met, 14) or not take_optional_integer(c, &linearity):
                return False
        elif key_is(&key, b"skip", 4):
            if twice(&met, 15) or not take_optional_integer(c, &skip):
                return False
        elif key_is(&key, b"w", 1):
            if twice(&met, 16) or not take_optional_integer(c, &w):
                return False
        elif key_is(&key, b"h", 1):
            if twice(&met, 17) or not take_optional_integer(c, &h):
                return False
        elif key_is(&key, b"boxingallowed", 13):
            if twice(&met, 18) or not take_optional_integer(c, &boxed):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    player.n_lengths = <int32_t>r.lengths.size() - player.lengths
    player.n_floors = <int32_t>r.length_floors.size() - player.floors
    player.min_s, player.max_s = <int32_t>least, <int32_t>most
    player.min_kbps, player.max_kbps = <int32_t>low, <int32_t>high
    player.n_asides = <int32_t>r.asides.size() - player.asides
    player.pod_s, player.pod_ads, player.slot = <int32_t>pod, <int32_t>pod_ads, <int32_t>slot
    r.close_pod(&row, &player, exact_bytes(pod_id.start, pod_id.size))
    if not player.protocols and protocol >= 0:
        player.protocols = <uint64_t>1 << <int>min(protocol, 63)
    player.linearity, player.skip = <int32_t>linearity, <int32_t>skip
    player.width, player.height, player.boxed = <int32_t>w, <int32_t>h, boxed != 0
    if not row.mimes or player.floor_per_s < 0 or negative:
        return True
    row.detail = <int32_t>r.players.size()
    r.players.push_back(player)
    r.add_imp(&row)
    return True


cdef bint scan_lengths(Cursor *c, Request r) noexcept nogil:
    cdef Step step = BEGIN
    cdef int64_t length = 0
    if take_null(c):
        return True
    while next_item(c, &step):
        if not take_integer(c, &length):
            return False
        r.lengths.push_back(<int32_t>length)
    return step == ENDED


cdef bint scan_native(Cursor *c, Request r, Imp row) except -1:
    cdef Text key, version
    cdef Step step = BEGIN
    cdef uint32_t met = 0
    cdef str request = None
    row.format = NATIVE
    version.size = 0
    while next_key(c, &key, &step):
        if key_is(&key, b"request", 7):
            if twice(&met, 0):
                return False
            if take_null(c):
                continue
            request = take_escaped(c)
            if request is None:
                return False
        elif key_is(&key, b"api", 3):
            if twice(&met, 1) or not take_mask(c, &row.apis):
                return False
        elif key_is(&key, b"battr", 5):
            if twice(&met, 2) or not take_mask(c, &row.battr):
                return False
        elif key_is(&key, b"ver", 3):
            if twice(&met, 3) or not take_optional_text(c, &version):
                return False
        elif not skip_value(c):
            return False
    if step != ENDED:
        return False
    if request:
        row.detail = <int32_t>len(r.natives)
        r.natives.append((request, as_str(&version) if version.size else ""))
        r.add_imp(&row)
    return True


cdef str take_escaped(Cursor *c):
    """A string that may have escapes, as a native request does, which is JSON itself; None if it is odd in another way."""
    cdef const unsigned char *p = c.at
    if p[0] != 34:
        return None
    p += 1
    while 32 <= p[0] < 128 and p[0] != 34:
        if p[0] == 92:
            p += 1
            if p[0] == 117 or not 32 <= p[0] < 128:  # \u may be half a character
                return None
        p += 1
    if p[0] != 34:
        return None
    p += 1
    try:
        text = orjson.loads(PyBytes_FromStringAndSize(<const char *>c.at, p - c.at))
    except orjson.JSONDecodeError:
        return None
    c.at = p
    return text
