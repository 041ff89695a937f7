"""Targeting: which line items want this request, and which of its impressions. One look at the bitset index."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libcpp.vector cimport vector

from bidder.candidates cimport Candidates
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.context cimport OF_DEVICE, OF_IMPS, OF_PLACE, OF_USER, Context, ImpContext
from openrtb.decode_context cimport read_context
from openrtb.request cimport BANNER, GDPR, VIDEO, Imp, Request
from targeting.matcher cimport Matcher, Measures
from targeting.record cimport stages

from domain.creative import FORMATS
from domain.naming import name_id
from targeting.dimensions import REQUEST_WIDE, SETS, Dimension
from targeting.index import mismatch

cdef extern from *:
    int __builtin_popcountll(unsigned long long) nogil

assert [d.name for d in Dimension][:SETS] == [
    "EXCHANGE", "COUNTRY", "REGION", "CITY", "METRO", "POSTCODE", "DEVICE_TYPE", "MAKE", "MODEL", "OS", "BROWSER",
    "LANGUAGE", "CARRIER", "CONNECTION", "INVENTORY", "SITE", "APP", "PUBLISHER", "CATEGORY", "GENRE", "CONTENT_LANGUAGE",
    "CONTENT_RATING", "KEYWORD", "HOUR_OF_WEEK", "HOUR_OF_WEEK_UTC", "HOUR_OF_WEEK_USER", "DEAL", "AUDIENCE",
    "LIFECYCLE", "HAS_ID", "CONSENT", "AGE", "GENDER", "FORMAT", "SIZE", "POSITION", "VIDEO_PLACEMENT", "PLACEMENT", "INTERSTITIAL",
    "REWARDED", "KEY_VALUE",
], "the functions below write the dimensions in this order"

cdef uint64_t ONE = 1
cdef uint64_t OF_AN_IMP = (ONE << SETS) - (ONE << REQUEST_WIDE)


def bits_of(*names) -> int:
    return sum(1 << Dimension[name] for name in names)


cdef uint64_t ASK_DEVICE = bits_of(
    "METRO", "POSTCODE", "MAKE", "MODEL", "CARRIER", "CONNECTION", "HOUR_OF_WEEK_USER", "HAS_ID", "RADIUS",
    "OS_VERSION",
)
cdef uint64_t ASK_PLACE = bits_of("GENRE", "CONTENT_LANGUAGE", "CONTENT_RATING", "KEYWORD", "KEY_VALUE", "PAGE")
cdef uint64_t ASK_USER = bits_of("KEYWORD", "KEY_VALUE", "HAS_ID", "AGE", "GENDER")
cdef uint64_t ASK_IMPS = bits_of("POSITION", "VIDEO_PLACEMENT", "PLACEMENT", "REWARDED", "KEY_VALUE")
cdef uint64_t ASK_MEASURES = bits_of("RADIUS", "OS_VERSION", "PAGE", "SCORE", "LAST_VISIT")
cdef uint64_t ASK_LIFECYCLE = bits_of("LIFECYCLE")
cdef uint64_t ASK_IDS = bits_of("HAS_ID")
cdef int64_t NS_A_MINUTE = 60_000_000_000
cdef int64_t NS_A_DAY = 86_400_000_000_000
cdef uint64_t HAS_IFA = name_id("ifa")
cdef uint64_t HAS_BUYERUID = name_id("buyeruid")
cdef uint64_t HAS_USER_ID = name_id("user_id")
cdef uint64_t WEB = name_id("site")
cdef uint64_t APP = name_id("app")
cdef uint64_t DOOH = name_id("dooh")
cdef uint64_t PERSONAL = name_id("personal")
cdef uint64_t CONTEXTUAL = name_id("contextual")
cdef uint64_t FORMAT_IDS[4]
FORMAT_IDS[:] = [name_id(name) for name in FORMATS]


cdef inline void end(Candidates c, int dimension) noexcept nogil:
    c.offsets[dimension + 1] = <int32_t>c.facts.size()


cdef inline void one(Candidates c, int dimension, uint64_t value) noexcept nogil:
    if value:
        c.facts.push_back(value)
    end(c, dimension)


cdef inline void number(Candidates c, int dimension, bint known, uint64_t value) noexcept nogil:
    if known:
        c.facts.push_back(value)
    end(c, dimension)


cdef void several(Candidates c, vector[uint64_t] *values) noexcept nogil:
    c.facts.insert(c.facts.end(), values.begin(), values.end())


cdef inline uint32_t parts_of(uint64_t wanted) noexcept nogil:
    """The parts of the request that are to be read once more for what line items ask (`openrtb.context.Part`)."""
    return (
        (OF_DEVICE if wanted & ASK_DEVICE else 0) | (OF_PLACE if wanted & ASK_PLACE else 0)
        | (OF_USER if wanted & ASK_USER else 0) | (OF_IMPS if wanted & ASK_IMPS else 0)
    )


cdef int measure(Candidates c, Request r) except -1:
    """What is checked and not looked up. Where GDPR applies, a place to the metre is not used: it needs
    an opt-in of its own."""
    cdef Measures m = c.measures
    cdef Context x = c.context
    m.forget()
    m.located = x.located and r.personal and not r.signals & GDPR
    m.latitude, m.longitude = x.latitude, x.longitude
    m.os, m.version = r.os, x.os_version
    if x.page is not None:
        m.set_page(PyBytes_AS_STRING(x.page), PyBytes_GET_SIZE(x.page))
    if r.record is not None and r.personal:
        m.set_record(r.record, r.now_ns // 1_000_000_000)
    return 0


cdef int age_of(Request r, int year_of_birth) noexcept nogil:
    """By the calendar year; 0: not known, or no age."""
    cdef int64_t days = r.now_ns // NS_A_DAY + 719_468  # from 0000-03-01 on
    cdef int64_t era = days // 146_097, day = days % 146_097
    cdef int64_t year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    cdef int64_t of_year = day - (365 * year + year // 4 - year // 100)
    cdef int64_t age = era * 400 + year + (1 if of_year >= 306 else 0) - year_of_birth
    return <int>age if year_of_birth > 0 and 0 < age <= 120 else 0


cdef int collect(Candidates c, Seller seller, Request r, uint64_t wanted) except -1:
    """The values that the request has as a whole, dimension after dimension."""
    cdef Context x = c.context
    cdef size_t i
    cdef int64_t minutes = r.now_ns // NS_A_MINUTE + x.utc_offset
    c.facts.clear()
    c.offsets[0] = 0
    one(c, 0, <uint64_t>seller.id)
    one(c, 1, r.country)
    one(c, 2, r.region)
    one(c, 3, r.city)
    one(c, 4, x.metro)
    one(c, 5, x.postcode if r.personal else 0)
    one(c, 6, <uint64_t>r.device_type)
    one(c, 7, x.make)
    one(c, 8, x.model)
    one(c, 9, r.os)
    one(c, 10, r.browser)
    one(c, 11, r.language)
    one(c, 12, x.carrier)
    number(c, 13, x.connection > 0, <uint64_t>x.connection)
    one(c, 14, DOOH if r.is_dooh else APP if r.is_app else WEB)
    if not r.is_app:
        several(c, &r.sites)
    end(c, 15)
    one(c, 16, r.site if r.is_app else 0)
    one(c, 17, r.publisher)
    several(c, &r.categories)
    end(c, 18)
    several(c, &x.genres)
    end(c, 19)
    one(c, 20, x.content_language)
    one(c, 21, x.content_rating)
    several(c, &x.keywords)
    if r.personal:
        several(c, &x.user_keywords)
    end(c, 22)
    number(c, 23, True, r.hour_of_week)
    number(c, 24, True, r.hour_of_week)
    number(c, 25, x.clocked, <uint64_t>((minutes // 60 + 72) % 168))  # 1970-01-01 was a Thursday
    for i in range(r.deals.size()):
        c.facts.push_back(r.deals[i].code)
    end(c, 26)
    several(c, &r.segments)
    end(c, 27)
    if wanted & ASK_LIFECYCLE and r.record is not None and r.personal:
        stages(<const uint8_t *>PyBytes_AS_STRING(r.record), PyBytes_GET_SIZE(r.record), c.facts)
    end(c, 28)
    if r.personal and wanted & ASK_IDS:
        if x.ifa:
            c.facts.push_back(HAS_IFA)
        if x.buyeruid:
            c.facts.push_back(HAS_BUYERUID)
        if x.user_id:
            c.facts.push_back(HAS_USER_ID)
        several(c, &x.sources)
    end(c, 29)
    one(c, 30, PERSONAL if r.personal else CONTEXTUAL)
    one(c, 31, <uint64_t>age_of(r, x.year_of_birth) if r.personal else 0)
    one(c, 32, x.gender if r.personal else 0)
    return 0


cdef void collect_imp(Candidates c, Request r, Imp *imp) noexcept:
    """And those of one imp in one of its formats, in place of another's."""
    cdef Context x = c.context
    cdef ImpContext *told = NULL
    cdef int32_t i
    if <size_t>imp.place < x.imps.size():
        told = &x.imps[imp.place]
    c.facts.resize(c.offsets[33])
    one(c, 33, FORMAT_IDS[imp.format])
    for i in range(imp.sizes, imp.sizes + imp.n_sizes):
        c.facts.push_back(r.sizes[i])
    end(c, 34)
    if told is NULL:
        for i in range(35, 38):
            end(c, i)
    else:
        i = told.banner_position if imp.format == BANNER else told.video_position if imp.format == VIDEO else 0
        number(c, 35, i > 0, <uint64_t>i)
        number(c, 36, imp.format == VIDEO and told.video_placement > 0, <uint64_t>told.video_placement)
        one(c, 37, told.tag)
    number(c, 38, True, imp.interstitial)
    number(c, 39, told is not NULL, told.rewarded if told is not NULL else 0)
    several(c, &x.pairs)
    if r.personal:
        several(c, &x.user_pairs)
    if told is not NULL:
        for i in range(told.pairs, told.pairs + told.n_pairs):
            c.facts.push_back(x.imp_pairs[i])
    end(c, 40)


def select(Candidates c not None, View view not None, Seller seller not None, Request r not None, bytes body not None):
    """Marks the line items whose targeting matches; returns how many do. Where one asks what an impression is like, and
    there are several, each is looked at by itself."""
    cdef Matcher matcher = view.index.matcher
    cdef size_t i, k, count = 0, n = matcher.n_line_words, rows = r.imps.size()
    cdef uint64_t wanted = matcher.wanted | view.multiplier_wanted
    cdef uint32_t parts = parts_of(wanted)
    if not n:
        return 0
    c.parts = parts
    if parts:
        read_context(c.context, r, body, parts)
        c.asked = True
    elif c.asked:
        c.context.forget()
        c.asked = False
    if wanted & ASK_MEASURES:
        measure(c, r)
    collect(c, seller, r, wanted)
    c.by_imp = rows > 1 and matcher.wanted & OF_AN_IMP
    if not c.by_imp:
        collect_imp(c, r, &r.imps[0])
        c.words.resize(n)
        matcher.select(c.facts.data(), c.offsets, c.measures, c.words.data())
    else:
        c.imp_words.resize(n * rows)
        c.words.assign(n, 0)
        for k in range(rows):
            collect_imp(c, r, &r.imps[k])
            matcher.select(c.facts.data(), c.offsets, c.measures, c.imp_words.data() + k * n)
            for i in range(n):
                c.words[i] |= c.imp_words[k * n + i]
    for i in range(n):
        count += __builtin_popcountll(c.words[i])
    if c.keep_reasons:
        explain(c, view, r, matcher.gone)
    return count


cdef int explain(Candidates c, View view, Request r, frozenset gone) except -1:
    """Why each line item does not match; where no impression is what it wants, why the last is not."""
    facts = facts_of(c)
    for place, item in enumerate(view.line_items):
        if c.words[<size_t>place >> 6] >> (<size_t>place & 63) & 1 or place in gone:
            continue
        why = mismatch(item, facts, c.measures, view.say) or view.why_suppressed(place, facts[Dimension.AUDIENCE])
        c.out("targeting", place, -1, -1, why or "no impression has all that it wants")
    return 0


def facts_of(Candidates c not None):
    """The facts that the last `select` compared, of the last impression: a dict of `Dimension` to value ids."""
    return {Dimension(d): [c.facts[i] for i in range(c.offsets[<int>d], c.offsets[<int>d + 1])] for d in range(SETS)}
