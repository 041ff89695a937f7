from libc.stdint cimport int32_t
from cython_ext.json_cursor cimport Cursor, Text
from openrtb.request cimport Request

cdef enum Fault:         # by the rules of openrtb.validate, in rising order
    SOUND
    DEFECTIVE            # of an imp: there is no bid on it
    CONTRADICTORY        # of the request: two imps have the same id

# False: odd. ``fault`` is raised to what the imp brings in.
cdef bint scan_imp(Cursor *c, Request r, Text *seat, int32_t place, int *fault) except -1
