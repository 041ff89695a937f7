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

cdef struct ChainNode:   # of a supply chain, in its order
    uint64_t asi           # name id of the advertising system's domain
    uint64_t sid           # exact name id of the seller's account there

cdef enum Chain:         # what the supply chain says of itself; whether it ends at the exchange is not looked at here
    UNTOLD               # there is none
    BROKEN               # it is incomplete, or cannot be read as version 1
    WHOLE

cdef enum Signals:       # of privacy
    QUIET                # none is raised
    CONTEXTUAL           # lmt or dnt
    CHILD                # coppa
    IN_MODEL             # others: openrtb.privacy reads them from the model

cdef class Request:
    """One bid request, as the stages read it: numbers, 64-bit name ids, and slices of shared vectors."""
    cdef readonly object model   # openrtb.model.BidRequest, if the request was read through it, else None
    cdef readonly str id
    cdef readonly list imp_ids
    cdef readonly list deal_codes
    cdef vector[Imp] imps
    cdef vector[Deal] deals
    cdef vector[uint32_t] sizes
    cdef vector[uint64_t] deal_domains, bcat, acat, badv, categories, sites, segments, facts
    cdef vector[ChainNode] chain
    cdef int32_t offsets[16]
    # who and where; name ids, 0 unknown
    cdef readonly uint64_t person, site, country, region, city, os, browser, language
    cdef readonly str site_name, country_code
    cdef readonly int device_type, auction_type, tmax, hour_of_week
    cdef readonly bint is_app, test, foreign_categories
    cdef readonly int signals
    cdef readonly int chain_state           # Chain
    cdef readonly uint64_t publisher        # exact name id of site.publisher.id or app.publisher.id
    cdef readonly uint64_t app_domain       # name id of app.domain, else app.publisher.domain
    cdef readonly uint64_t partner          # name id of site.inventorypartnerdomain or app.inventorypartnerdomain
    cdef readonly bint seat_allowed, currency_allowed
    # texts of the device, for the enrichment modules; None where absent
    cdef readonly str user_agent, os_text, address
    cdef readonly tuple place    # country, region, city
    cdef public bint personal    # may this person's id and profile be used?
    cdef public bytes record     # the person's profile record, or None
    cdef readonly int64_t now_ns
    cdef readonly uint64_t hash  # of the id: rotation and sampling

    cdef int begin(self, object exchange, int64_t now_ns) except -1
    cdef void add_imp(self, Imp *row, int32_t place) noexcept nogil
    cdef void add_size(self, int64_t width, int64_t height) noexcept nogil
    cdef void add_node(self, uint64_t asi, uint64_t sid, bint paid) noexcept nogil
    cdef void end_chain(self, bint complete, const char *version, Py_ssize_t size) noexcept nogil
    cdef void add_parents(self, const char *domain, Py_ssize_t size) noexcept nogil

cdef inline uint64_t size_bit(uint32_t size) noexcept nogil:
    """One of 64 bits for a size (Fibonacci hashing): sizes without a common bit have nothing in common."""
    return <uint64_t>1 << ((size * <uint32_t>0x9E3779B1) >> 26)

cdef inline uint32_t currency_of(const char *text, Py_ssize_t size) noexcept nogil:
    """``USD`` -> its three letters in one number, upper-cased; 0 for what is no currency code."""
    if size != 3:
        return 0
    return (<uint32_t>(text[0] & 0xDF) << 16) | (<uint32_t>(text[1] & 0xDF) << 8) | <uint32_t>(text[2] & 0xDF)

cdef uint32_t currency_code(str text)
cdef uint64_t exact(str text)
cdef uint64_t exact_bytes(const char *text, Py_ssize_t size) noexcept nogil
cdef uint64_t folded(str text)
cdef uint64_t folded_bytes(const char *text, Py_ssize_t size) noexcept nogil
cdef int64_t cpm_micros(double cpm) noexcept nogil
cdef uint32_t mime_bit(str mime)
cdef str host_of(str page)
