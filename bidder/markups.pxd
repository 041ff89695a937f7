from libc.stdint cimport int32_t, uint64_t
from libcpp.string cimport string
from libcpp.vector cimport vector

cdef enum Mark:                     # in the order of openrtb.marks.ALL
    NOTHING = -1
    CLICK
    IMPRESSION
    EVENT
    CLICKED
    BID
    ASIDES
    ASIDE

cdef struct Variant:                # one way to write an ad
    uint64_t protocols              # bit n: is VAST protocol n; 0: is no VAST
    int32_t pieces, n_pieces        # slice of Markups.pieces

cdef class Markups:
    """Markup, cut at the places where a bid's own URLs go, and escaped as JSON strings are."""
    cdef vector[Variant] variants
    cdef vector[string] pieces
    cdef vector[int] marks          # a `Mark`: what follows each piece
    cdef int32_t add(self, str text, uint64_t protocols) except -1
    cdef void clear(self) noexcept
