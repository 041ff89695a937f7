from libc.stdint cimport uint32_t
from openrtb.context cimport Context
from openrtb.request cimport Request

# ``r`` was filled from ``body``. ``x`` is empty (`Context.forget`).
cdef int fill_context(Context x, Request r, bytes body, uint32_t parts) except -1
