from openrtb.request cimport Request

cdef int fill(Request r, object model, object exchange) except -1
