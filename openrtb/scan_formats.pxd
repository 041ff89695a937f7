from cython_ext.json_cursor cimport Cursor
from openrtb.request cimport Imp, Request

# Each adds a row to Request.imps if the format can be bid on: a copy of ``row``. False: odd.
cdef bint scan_banner(Cursor *c, Request r, Imp row) except -1
cdef bint scan_video(Cursor *c, Request r, Imp row) except -1
cdef bint scan_audio(Cursor *c, Request r, Imp row) except -1
cdef bint scan_native(Cursor *c, Request r, Imp row) except -1
