"""Records of MessagePack arrays -> columns as ClickHouse's Native format lays them out, told by a small program."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libcpp.string cimport string
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector


cdef enum Why:                      # a record is left aside
    TAKEN = 0
    NO_ARRAY = 1                    # it is no array, or ends too soon
    UNKNOWN_TAG = 2
    TOO_SHORT = 3                   # a field without default is missing
    WRONG_TYPE = 4
    NO_UTF8 = 5
    TRAILING = 6                    # bytes after the array
    OUT_OF_RANGE = 7                # its column cannot hold the number
    NO_SINK = 8                     # no sink takes this value of the selector

cdef struct Value:
    const uint8_t *text
    uint64_t number                 # of a text its size, of a negative integer its two's complement, of a double its bits
    bint negative

cdef struct Layout:
    int64_t tag
    string types                    # a letter a field: i, s, b, f or y
    uint32_t required
    int selector                    # field that chooses among the sinks of the tag, -1: the one sink takes all
    vector[Value] defaults          # of the fields after the required ones

cdef struct Slot:
    uint32_t field
    uint8_t code                    # one of CODES

cdef struct Sink:
    int64_t tag
    uint64_t value
    uint32_t clock                  # the field that parts are cut by
    vector[Slot] slots

cdef struct Column:
    string data                     # of a dictionary column: its keys
    vector[uint32_t] places         # of a dictionary column: of each row, its key
    unordered_map[string, uint32_t] keys
    string newest
    uint32_t newest_place

cdef struct Part:
    size_t sink
    uint64_t part
    uint64_t rows
    vector[Column] columns


cdef class Builder:
    cdef vector[Layout] layouts
    cdef vector[Sink] sinks
    cdef vector[int64_t] apart
    cdef uint64_t span, last
    cdef object kept                # what the defaults point into

    cdef int add(self, const uint8_t *record, size_t size, vector[Part] *parts, vector[int64_t] *latest,
                 vector[Value] *values, uint32_t *field) noexcept nogil
