from libc.stdint cimport int64_t
from cython_ext.json_cursor cimport Cursor, Text
from openrtb.request cimport Request

cdef struct Person:      # by the names that a request has for one
    Text ifa, buyeruid, id

cdef struct Told:        # an id of user.ext.eids
    Text source, value
    int64_t atype, match

# False: odd.
cdef bint scan_device(Cursor *c, Request r, Text *ifa) except -1
cdef bint scan_user(Cursor *c, Request r, Person *person) except -1
cdef bint name_ids(Request r, Person *person, str exchange) except -1
