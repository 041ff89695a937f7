from libc.stdint cimport int64_t

from bidder.view cimport Price

cdef int64_t gross_amount(int64_t price, Price *of) noexcept nogil
