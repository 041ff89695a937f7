from cython_ext.json_cursor cimport Cursor, Text
from openrtb.request cimport Request

cdef struct Place:       # a site or an app
    bint there
    Text domain, page, bundle, id, publisher, publisher_domain, partner

cdef void clear_place(Place *place) noexcept nogil
# False: odd.
cdef bint scan_place(Cursor *c, Request r, Place *place) except -1
cdef bint name_place(Request r, Place *place) except -1
