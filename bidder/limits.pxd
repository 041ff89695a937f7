from libc.stdint cimport int64_t

cdef int64_t account_amount(int64_t price, int64_t rate) noexcept nogil
