from libc.stdint cimport int32_t, uint8_t, uint32_t
from libcpp.vector cimport vector

from targeting.record cimport Parts

cdef struct ScopeRow:
    uint32_t scope
    int32_t n_times, n_hours  # how many of the times and hours are its own; they lie in the order of the scopes

cdef class Counters:
    cdef vector[ScopeRow] scopes
    cdef vector[uint32_t] times, hours

    cdef void clear(self) noexcept nogil
    cdef bint read(self, Parts *parts) noexcept nogil
    cdef void count(self, uint32_t scope, uint32_t at) noexcept nogil
    cdef void trim(self) noexcept nogil
    cdef void adopt(self, Counters other) noexcept nogil
    cdef void unite(self, Counters other) noexcept nogil
    cdef size_t place_of(self, uint32_t scope) noexcept nogil
    cdef void ahead_of(self, size_t place, size_t *n_times, size_t *n_hours) noexcept nogil
    cdef void drop(self, size_t place) noexcept nogil
    cdef uint8_t *write(self, uint8_t *at) noexcept nogil
