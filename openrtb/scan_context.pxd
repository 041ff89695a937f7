from libc.stdint cimport uint32_t
from openrtb.context cimport Context

# False: odd, and ``x`` is half-filled. ``x`` is empty (`Context.forget`).
cdef bint scan_context(Context x, bytes body, uint32_t parts) except -1
