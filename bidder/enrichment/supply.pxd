from libc.stdint cimport int64_t, uint32_t, uint64_t

from bidder.seller cimport Seller
from openrtb.request cimport Request

cdef class SupplyModule:
    """Local: what the host's store of ads.txt, app-ads.txt and sellers.json says of a request's sellers.

    One or two look-ups in memory-mapped LMDB for the inventory, one for each advertising system whose sellers.json is
    asked for, and only where a line item has a rule on it. Without a store, or a record, nothing is known.
    """

    cdef object reader
    cdef object fetched                     # the last record, kept while its bytes are read
    # A targeting.sellers.Said of the seller and all nodes.
    cdef int ads_txt(self, Request r, Seller seller) except -1
    cdef int sellers_json(self, Request r, Seller seller) except -1
    cdef int ask(self, uint64_t key, uint64_t system, uint64_t account, int64_t now_s, int worst) except -1
