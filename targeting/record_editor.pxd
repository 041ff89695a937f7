from libc.stdint cimport int32_t, uint8_t, uint32_t
from libcpp.vector cimport vector

from targeting.counters cimport Counters
from targeting.record cimport Relation

cdef struct ScoreRow:
    uint32_t id
    int32_t value
    uint32_t at

cdef struct ConversionRow:
    uint32_t kind, last, count

cdef struct SegmentRow:
    uint32_t id, expires

cdef class Editor:
    cdef vector[Relation] relations
    cdef vector[ScoreRow] scores
    cdef vector[ConversionRow] conversions
    cdef vector[SegmentRow] segments
    cdef Counters counters

    cdef void clear(self) noexcept nogil
    cdef bint read(self, const uint8_t *data, Py_ssize_t size) noexcept nogil
    cdef Relation *with_advertiser(self, uint32_t advertiser) noexcept nogil
    cdef bint put_segment(self, uint32_t segment, uint32_t expires) noexcept nogil
    cdef void put_stage(self, uint32_t advertiser, uint32_t stage, uint32_t at) noexcept nogil
    cdef void put_score(self, uint32_t id, int32_t value, uint32_t at) noexcept nogil
    cdef void put_conversions(self, uint32_t kind, uint32_t last, uint32_t count, bint add) noexcept nogil
    cdef Py_ssize_t size(self) noexcept nogil
    cdef void write(self, uint8_t *into) noexcept nogil
