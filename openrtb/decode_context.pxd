from libc.stdint cimport uint32_t
from openrtb.context cimport Context
from openrtb.request cimport Request

# What ``parts`` (of openrtb.context.Part) hold. ``body`` is the request that ``r`` was filled from.
cdef int read_context(Context x, Request r, bytes body, uint32_t parts) except -1
