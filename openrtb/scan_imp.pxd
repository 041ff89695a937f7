from libc.stdint cimport int32_t
from cython_ext.json_cursor cimport Cursor, Text
from openrtb.request cimport Request

# False: odd. ``invalid`` is set where the imp contradicts the request (its id is taken) or itself (a negative floor).
cdef bint scan_imp(Cursor *c, Request r, Text *seat, int32_t place, bint *invalid) except -1
