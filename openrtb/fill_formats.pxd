from openrtb.request cimport Imp, Request

# Each adds a row to Request.imps if the format is there and can be bid on: a copy of ``row``, which has what the imp says.
cdef int fill_banner(Request r, Imp row, object banner) except -1
cdef int fill_video(Request r, Imp row, object video) except -1
cdef int fill_audio(Request r, Imp row, object audio) except -1
cdef int fill_native(Request r, Imp row, object native) except -1
