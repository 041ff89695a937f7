from libc.stdint cimport uint64_t
from libcpp.vector cimport vector

from targeting.holds cimport Shown

# Bids in flight as they are written in Redis, see the .pyx.

cdef bytes word_of(char state, Shown *shown, uint64_t bid)

# Appends what words hold, but for ``n_own`` bids from id ``own`` on. Bytes that are no such word are passed over.
cdef int gather_words(list words, uint64_t own, uint64_t n_own, vector[Shown] &found) except -1
