from libc.stdint cimport int64_t
from libcpp.string cimport string

cdef void append_json(string *out, str text) except *
cdef void append_number(string *out, int64_t number) noexcept nogil
cdef void append_cpm(string *out, int64_t micros) noexcept nogil
