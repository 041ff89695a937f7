from libcpp.vector cimport vector
from cython_ext.json_cursor cimport Cursor
from openrtb.request cimport LengthFloor

cdef bint scan_length_floors(Cursor *c, vector[LengthFloor] *rows) noexcept nogil
