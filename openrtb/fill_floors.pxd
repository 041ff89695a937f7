from libc.stdint cimport int64_t
from libcpp.vector cimport vector
from openrtb.request cimport LengthFloor

cdef int fill_length_floors(vector[LengthFloor] *rows, list floors) except -1
cdef int64_t floor_per_second(object deal) except -1
