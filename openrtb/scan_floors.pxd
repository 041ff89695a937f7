from libcpp.vector cimport vector
from cython_ext.json_cursor cimport Cursor
from openrtb.request cimport LengthFloor

# False: odd. ``negative`` is raised by a floor below zero, which counts as one that nobody reaches.
cdef bint scan_length_floors(Cursor *c, vector[LengthFloor] *rows, bint *negative) noexcept nogil
