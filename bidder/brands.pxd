from libc.stdint cimport int32_t, uint32_t, uint64_t
from libcpp.string cimport string
from libcpp.vector cimport vector

cdef enum:
    TAXONOMIES = 10                  # codes of cattax are 1 to 9

cdef struct Judged:                  # what is advertised, in one taxonomy
    bint known                       # can it be told?
    int32_t blocked, n_blocked       # slice of Brands.names: any of these in bcat blocks it
    int32_t allowed, n_allowed       # slice of Brands.names: for each category it and all above, then a 0

cdef struct Brand:
    uint32_t advertiser
    int32_t domains, n_domains       # slice of Brands.names: landing domain and its parents
    int32_t tops, n_tops             # slice of Brands.names: the uppermost categories, in Content 1.0
    Judged judged[TAXONOMIES]

cdef class Brands:
    """What block lists are about: who advertises what on which domain. Ads that agree in that share a row."""
    cdef vector[Brand] rows
    cdef vector[uint64_t] names
    cdef vector[string] told         # cat of bids, TAXONOMIES for each row: by the request's cattax, at 0 for others
    cdef dict places
    cdef int32_t add(self, object creative, object advertiser) except -1
    cdef void add_names(self, names) except *
    cdef const string *categories(self, int32_t brand, int taxonomy) noexcept nogil
