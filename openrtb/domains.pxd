from libc.stdint cimport uint64_t
from libcpp.vector cimport vector
from cython_ext.json_cursor cimport Cursor, Text

cdef void keep_host(Text *text) noexcept nogil
# Of a clean request, as it lies; False: odd.
cdef bint take_domains(Cursor *c, vector[uint64_t] *names) noexcept nogil
# Of the typed model.
cdef int add_domains(vector[uint64_t] *names, list texts) except -1
