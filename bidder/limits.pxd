from libc.stdint cimport int32_t, int64_t

from bidder.seller cimport Seller
from bidder.view cimport Price
from openrtb.request cimport Request

cdef int64_t gross_amount(int64_t price, Price *of) noexcept nogil
cdef int64_t billed(int64_t price, Seller seller, Request r, int32_t imp) noexcept nogil
