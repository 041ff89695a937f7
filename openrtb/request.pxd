from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector

cdef struct Deal:
    uint64_t code          # name id of the exchange's deal id
    int64_t floor          # CPM micros of ``currency``
    uint32_t currency
    int32_t auction_type   # 0 where absent
    int32_t domains, n_domains  # slice of Request.deal_domains (wadomain); none: any advertiser
    bint open_to_us        # wseat is absent or names our seat

cdef struct Imp:
    int32_t place          # position in the request
    int32_t sizes, n_sizes # slice of Request.sizes
    uint64_t size_mask     # size_bit of each
    int32_t deals, n_deals # slice of Request.deals
    int64_t floor          # CPM micros of ``currency``
    uint32_t currency
    uint64_t battr, btype  # bit n: attribute or type n is refused
    uint32_t mimes         # bits of MIMES that are taken; 0: any
    bint secure
    bint private_auction

cdef class Request:
    """One bid request, as the stages read it: numbers, 64-bit name ids, and slices of shared vectors."""
    cdef readonly object model
    cdef readonly str id
    cdef readonly list imp_ids
    cdef readonly list deal_codes
    cdef vector[Imp] imps
    cdef vector[Deal] deals
    cdef vector[uint32_t] sizes
    cdef vector[uint64_t] deal_domains, bcat, acat, badv, categories, sites, segments, facts
    cdef int32_t offsets[16]
    # who and where; name ids, 0 unknown
    cdef readonly uint64_t person, site, country, region, city, os, browser, language
    cdef readonly str site_name, country_code
    cdef readonly int device_type, auction_type, tmax, hour_of_week
    cdef readonly bint is_app, test, coppa, foreign_categories
    cdef public bint personal  # may this person's id and profile be used?
    cdef public bytes record  # the person's profile record, or None
    cdef readonly int64_t now_ns
    cdef readonly uint64_t hash  # of the id: rotation and sampling

    cpdef int read(self, bytes body, object exchange, int64_t now_ns) except -1
    cdef int _read_imps(self, list imps, str seat) except -1
    cdef int _add_size(self, object w, object h) except -1
    cdef int _add_deal(self, object deal, str seat) except -1
    cdef int _read_inventory(self, object model) except -1
    cdef int _add_parents(self, str domain) except -1
    cdef int _add_categories(self, list categories) except -1
    cdef int _read_device(self, object device) except -1
    cdef int _read_person(self, object model, str exchange) except -1
    cdef int _read_blocks(self, object model) except -1

cdef inline uint64_t size_bit(uint32_t size) noexcept nogil:
    """One of 64 bits for a size (Fibonacci hashing): sizes without a common bit have nothing in common."""
    return <uint64_t>1 << ((size * <uint32_t>0x9E3779B1) >> 26)

cdef uint32_t currency_code(str text)
cdef uint64_t folded(str text)
