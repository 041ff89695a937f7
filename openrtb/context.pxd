from libc.stdint cimport int32_t, uint64_t
from libcpp.vector cimport vector

cdef enum Part:          # of a request, to be read or left out
    OF_DEVICE = 1
    OF_PLACE = 2         # site or app
    OF_USER = 4
    OF_IMPS = 8

cdef struct ImpContext:  # of an imp, by its place
    uint64_t tag         # exact name id of its tagid; 0: none
    int32_t banner_position, video_position  # AdCOM list "Placement Positions"; 0: not told
    int32_t video_placement  # AdCOM list "Plcmt Subtypes - Video"; 0: not told
    bint rewarded
    int32_t pairs, n_pairs   # slice of Context.imp_pairs

cdef class Context:
    """Facts of a request that only targeting asks for. Text is a folded name id, 0 where it is not told."""
    # of the device
    cdef uint64_t make, model, carrier, metro, postcode
    cdef uint64_t os_version           # as `packed_version`; 0: not told
    cdef int connection                # AdCOM list "Connection Types"; 0: not told
    cdef bint located, clocked
    cdef double latitude, longitude
    cdef int utc_offset                # minutes
    cdef bint ifa
    # of site or app, and its content; pairs: ``key=value``
    cdef bytes page                    # of the site; None where it is not told
    cdef uint64_t content_language, content_rating
    cdef vector[uint64_t] genres, keywords, pairs
    # of the user; sources: of eids that have ids
    cdef bint buyeruid, user_id
    cdef int year_of_birth             # 0: not told
    cdef uint64_t gender
    cdef vector[uint64_t] user_keywords, user_pairs, sources
    cdef vector[ImpContext] imps
    cdef vector[uint64_t] imp_pairs

    cdef int forget(self) except -1
    cdef int close(self) except -1
