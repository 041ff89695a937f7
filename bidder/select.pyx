"""Targeting: which line items want this request, and which of its impressions. One look at the bitset index."""

from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memset

from bidder.candidates cimport Candidates
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Imp, Request
from targeting.matcher cimport Matcher

from domain.creative import FORMATS
from domain.naming import name_id
from targeting.dimensions import REQUEST_WIDE, SETS, Dimension
from targeting.index import mismatch

cdef extern from *:
    int __builtin_popcountll(unsigned long long) nogil

assert [d.name for d in Dimension][:SETS] == [
    "EXCHANGE", "COUNTRY", "REGION", "CITY", "METRO", "POSTCODE", "DEVICE_TYPE", "MAKE", "MODEL", "OS", "BROWSER", "LANGUAGE",
    "CARRIER", "CONNECTION", "INVENTORY", "SITE", "APP", "PUBLISHER", "CATEGORY", "GENRE", "CONTENT_LANGUAGE",
    "CONTENT_RATING", "KEYWORD", "HOUR_OF_WEEK", "HOUR_OF_WEEK_UTC", "HOUR_OF_WEEK_USER", "DEAL", "AUDIENCE", "LIFECYCLE",
    "HAS_ID", "CONSENT", "AGE", "GENDER", "FORMAT", "SIZE", "POSITION", "VIDEO_PLACEMENT", "PLACEMENT", "INTERSTITIAL",
    "REWARDED", "KEY_VALUE",
], "the functions below write the dimensions in this order"

cdef uint64_t ONE = 1
cdef uint64_t OF_AN_IMP = (ONE << SETS) - (ONE << REQUEST_WIDE)
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


cdef void collect(Candidates c, Seller seller, Request r) noexcept:
    """The values that the request has as a whole, dimension after dimension."""
    cdef size_t i
    c.facts.clear()
    c.offsets[0] = 0
    one(c, 0, <uint64_t>seller.id)
    one(c, 1, r.country)
    one(c, 2, r.region)
    one(c, 3, r.city)
    one(c, 4, 0)
    one(c, 5, 0)
    one(c, 6, <uint64_t>r.device_type)
    one(c, 7, 0)
    one(c, 8, 0)
    one(c, 9, r.os)
    one(c, 10, r.browser)
    one(c, 11, r.language)
    one(c, 12, 0)
    one(c, 13, 0)
    one(c, 14, DOOH if r.is_dooh else APP if r.is_app else WEB)
    if not r.is_app:
        c.facts.insert(c.facts.end(), r.sites.begin(), r.sites.end())
    end(c, 15)
    one(c, 16, r.site if r.is_app else 0)
    one(c, 17, r.publisher)
    c.facts.insert(c.facts.end(), r.categories.begin(), r.categories.end())
    end(c, 18)
    one(c, 19, 0)
    one(c, 20, 0)
    one(c, 21, 0)
    one(c, 22, 0)
    number(c, 23, True, r.hour_of_week)
    number(c, 24, True, r.hour_of_week)
    one(c, 25, 0)
    for i in range(r.deals.size()):
        c.facts.push_back(r.deals[i].code)
    end(c, 26)
    c.facts.insert(c.facts.end(), r.segments.begin(), r.segments.end())
    end(c, 27)
    one(c, 28, 0)
    one(c, 29, 0)
    one(c, 30, PERSONAL if r.personal else CONTEXTUAL)
    one(c, 31, 0)
    one(c, 32, 0)


cdef void collect_imp(Candidates c, Request r, Imp *imp) noexcept:
    """And those of one imp in one of its formats, in place of another's."""
    cdef int32_t i
    c.facts.resize(c.offsets[33])
    one(c, 33, FORMAT_IDS[imp.format])
    for i in range(imp.sizes, imp.sizes + imp.n_sizes):
        c.facts.push_back(r.sizes[i])
    end(c, 34)
    one(c, 35, 0)
    one(c, 36, 0)
    one(c, 37, 0)
    number(c, 38, True, imp.interstitial)
    one(c, 39, 0)
    one(c, 40, 0)


def select(Candidates c not None, View view not None, Seller seller not None, Request r not None):
    """Marks the line items whose targeting matches; returns how many do. Where one asks what an impression is like, and
    there are several, each is looked at by itself."""
    cdef Matcher matcher = view.index.matcher
    cdef size_t i, k, count = 0, n = matcher.n_line_words, rows = r.imps.size()
    if not n:
        return 0
    collect(c, seller, r)
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
        why = mismatch(item, facts, c.measures, view.say) or "no impression has all that it wants"
        c.out("targeting", place, -1, -1, why)
    return 0


def facts_of(Candidates c not None):
    """The facts that the last `select` compared, of the last impression: a dict of `Dimension` to value ids."""
    return {Dimension(d): [c.facts[i] for i in range(c.offsets[<int>d], c.offsets[<int>d + 1])] for d in range(SETS)}
