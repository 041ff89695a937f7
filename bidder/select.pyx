"""Targeting: which line items want this request. One look at the bitset index."""

from libc.stdint cimport int32_t, uint64_t

from bidder.candidates cimport Candidates
from bidder.seller cimport Seller
from bidder.view cimport View
from cython_ext.bitset cimport Bitsets
from openrtb.request cimport Request

from domain.naming import name_id
from targeting.dimensions import Dimension
from targeting.index import mismatch

cdef extern from *:
    int __builtin_popcountll(unsigned long long) nogil

assert [d.name for d in Dimension] == [
    "EXCHANGE", "COUNTRY", "REGION", "CITY", "DEVICE_TYPE", "OS", "BROWSER", "LANGUAGE", "INVENTORY", "SITE", "CATEGORY",
    "SIZE", "HOUR_OF_WEEK", "AUDIENCE", "DEAL",
], "collect_facts below writes the dimensions in this order"

cdef uint64_t WEB = name_id("site")
cdef uint64_t APP = name_id("app")
cdef uint64_t DOOH = name_id("dooh")


cdef inline void one(Request r, int dimension, uint64_t value) noexcept:
    if value:
        r.facts.push_back(value)
    r.offsets[dimension + 1] = <int32_t>r.facts.size()


cdef void collect_facts(Request r, Seller seller) noexcept:
    """The request's values of every dimension, one after the other."""
    cdef size_t i
    r.facts.clear()
    r.offsets[0] = 0
    one(r, 0, <uint64_t>seller.id)
    one(r, 1, r.country)
    one(r, 2, r.region)
    one(r, 3, r.city)
    one(r, 4, <uint64_t>r.device_type)
    one(r, 5, r.os)
    one(r, 6, r.browser)
    one(r, 7, r.language)
    one(r, 8, DOOH if r.is_dooh else APP if r.is_app else WEB)
    r.facts.insert(r.facts.end(), r.sites.begin(), r.sites.end())
    r.offsets[10] = <int32_t>r.facts.size()
    r.facts.insert(r.facts.end(), r.categories.begin(), r.categories.end())
    r.offsets[11] = <int32_t>r.facts.size()
    for i in range(r.sizes.size()):
        r.facts.push_back(r.sizes[i])
    r.offsets[12] = <int32_t>r.facts.size()
    r.facts.push_back(<uint64_t>r.hour_of_week)
    r.offsets[13] = <int32_t>r.facts.size()
    r.facts.insert(r.facts.end(), r.segments.begin(), r.segments.end())
    r.offsets[14] = <int32_t>r.facts.size()
    for i in range(r.deals.size()):
        r.facts.push_back(r.deals[i].code)
    r.offsets[15] = <int32_t>r.facts.size()


def select(Candidates c not None, View view not None, Seller seller not None, Request r not None):
    """Marks the line items whose targeting matches; returns how many do."""
    cdef Bitsets bitsets = view.index.bitsets
    cdef size_t i, count = 0
    c.words.resize(bitsets.n_words)
    collect_facts(r, seller)
    if not bitsets.n_words:
        return 0
    bitsets.select(r.facts.data(), r.offsets, c.words.data())
    for i in range(c.words.size()):
        count += __builtin_popcountll(c.words[i])
    if c.keep_reasons:
        facts = request_facts(r)
        for place, item in enumerate(view.line_items):
            why = mismatch(item, facts, view.say)
            if why is not None:
                c.out("targeting", place, -1, -1, why)
    return count


def request_facts(Request r not None):
    """The facts that the last `select` compared: a dict of `Dimension` to value ids, for people and tests."""
    return {d: [r.facts[i] for i in range(r.offsets[<int>d], r.offsets[<int>d + 1])] for d in Dimension}
