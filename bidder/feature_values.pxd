from libc.stdint cimport uint8_t, uint32_t

from bidder.candidates cimport Candidate
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.context cimport Context
from openrtb.request cimport Imp, Request
from targeting.record cimport Parts

cdef enum Part:           # of what is known of the person; the record's parts are found once a request
    NOBODY
    NEW                   # known, and without a record that can be read
    MET

cdef struct Person:
    Part known
    const uint8_t *data   # the record, while ``known`` is MET
    Py_ssize_t size
    Parts parts
    uint32_t now_s

cdef int N_SHARED, N_OWN  # values of a request, and of a candidate
cdef uint32_t CONTEXT_PARTS  # of openrtb.context.Part: what must have been read of the request

# What is known of the request's person, if it may be used.
cdef void meet_person(Request r, Person *person) noexcept

# The values that all candidates of a request share, and of those the ones that are the impression's.
cdef void request_values(Context x, Request r, Seller seller, Person *person, uint32_t *out) noexcept
cdef void imp_values(Context x, Request r, Imp *imp, uint32_t *out) noexcept nogil

# The values of one candidate.
cdef void own_values(View view, Person *person, const Candidate *row, uint32_t *out) noexcept nogil

# Takes out of a request's values what must not decide for a campaign in a special category.
cdef void blank_protected(uint32_t *shared) noexcept nogil
