from libc.stdint cimport int64_t, uint64_t
from cython_ext.json_cursor cimport Text
from openrtb.request cimport Request

cdef enum:
    MOST_EIDS = 8        # further ones are not looked at
    LONGEST_SOURCE = 255 # bytes; of a longer one, or a longer value, nobody is recognised
    LONGEST_VALUE = 1024

# An id of ``eids``; ``atype`` (AdCOM list Agent Types) and ``match`` (ID Match Methods) as sent, 0: not said.
cdef void add_eid(Request r, Text source, Text value, int64_t atype, int64_t match) noexcept nogil

# All ids of the model's ``eids``; it keeps their texts alive.
cdef int fill_eids(Request r, list eids) except -1

# Puts the ids in the order of trust, and names the person; keys, 0: absent.
cdef void name_person(Request r, uint64_t ifa, uint64_t buyeruid, uint64_t user_id) noexcept nogil

# Key of one of ``Request.ids``.
cdef uint64_t id_key(Request r, size_t place) noexcept nogil

# A record was found by this id. ``person``: the key of the person; ``joined``: they have several keys.
cdef void meet(Request r, size_t place, uint64_t person, bint joined) noexcept nogil
