from cython_ext.json_cursor cimport Cursor, Text
from openrtb.request cimport Request

cdef struct Place:       # a site, an app or a screen in a public place
    bint there
    Text domain, page, bundle, id, name, publisher, publisher_domain, partner

cdef void clear_place(Place *place) noexcept nogil
# False: odd.
cdef bint scan_place(Cursor *c, Request r, Place *place) except -1
cdef bint scan_screen(Cursor *c, Request r, Place *place) except -1
cdef bint name_place(Request r, Place *place) except -1
cdef bint name_screen(Request r, Place *place) except -1
