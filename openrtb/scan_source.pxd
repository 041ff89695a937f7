from cython_ext.json_cursor cimport Cursor
from openrtb.request cimport Request

# False: odd.
cdef bint scan_source(Cursor *c, Request r) noexcept nogil
cdef bint skip_ext(Cursor *c, Request r) noexcept nogil
