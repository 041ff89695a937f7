from libc.stdint cimport int32_t, int64_t, uint64_t
from libcpp.vector cimport vector
from cython_ext.json_cursor cimport Cursor, Text

# ``15.2.1`` -> 16 bits a number, four numbers; 0: no version.
cdef uint64_t packed_version(const char *text, Py_ssize_t size) noexcept nogil
cdef uint64_t postcode_id(const char *text, Py_ssize_t size) noexcept nogil
# ``video.plcmt``, else what ``video.placement`` of 2.5 comes to; 0: not told.
cdef int32_t plcmt_of(int64_t plcmt, int64_t placement) noexcept nogil
cdef int split_text(str text, vector[uint64_t] *words) except -1
cdef int add_pairs(object data, vector[uint64_t] *pairs) except -1
# False: odd.
cdef bint take_words(Cursor *c, Text *plain, list other) except -1
cdef bint take_name(Cursor *c, uint64_t *id) except -1
cdef bint take_keywords(Cursor *c, vector[uint64_t] *words) except -1
cdef bint take_several(Cursor *c, vector[uint64_t] *words) except -1
cdef bint take_told(Cursor *c, bint *told) except -1
cdef bint take_degrees(Cursor *c, double *degrees, bint *told) noexcept nogil
cdef bint take_data(Cursor *c, vector[uint64_t] *pairs) except -1
cdef bint take_sources(Cursor *c, vector[uint64_t] *sources) except -1
