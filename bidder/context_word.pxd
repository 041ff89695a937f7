from libc.stdint cimport uint32_t

from openrtb.request cimport Request

# A request's part of the word (`domain.context_word`): all but the format. Once a request that is bid on.
cdef uint32_t context_word(Request r) except? 0xFFFFFFFF
