from cython_ext.json_cursor cimport Cursor
from openrtb.request cimport Request

# False: odd.
cdef bint scan_regs(Cursor *c, Request r) except -1
