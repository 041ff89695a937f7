from openrtb.request cimport Request

cdef enum:
    ODD = -2

# 0, a no-bid reason, or ODD: not read, and ``r`` is half-filled. ``r`` is empty (`Request.begin`).
cdef int scan(Request r, bytes body, object exchange) except -1
