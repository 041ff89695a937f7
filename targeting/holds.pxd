from libc.stdint cimport int64_t, uint32_t, uint64_t
from libcpp.vector cimport vector

# The bids in flight of a host, in memory that its processes share; `Holds` in the .pyx says how.

cdef enum:
    SLOTS = 7                 # holds of a bucket
    MOST_BUCKETS = 64         # that one key's holds may spread over

cdef enum:                    # levels: places in Shown.ids
    CAMPAIGN
    LINE_ITEM
    ADVERTISER
    CREATIVE
    AUDIENCE                  # of caps only: an ad is of the audiences that its line item targets

cdef struct Shown:            # what would be shown
    uint32_t ids[4]

cdef struct Bucket:           # 320 bytes, five cache lines; a look at the first says that there is nothing
    uint64_t reach            # how far behind this bucket holds of its keys lie, and until when
    uint64_t keys[SLOTS]
    uint64_t words[SLOTS]     # state, version and time of each slot
    uint64_t spare
    uint64_t bids[SLOTS]
    uint64_t spare_too
    Shown shown[SLOTS]
    uint64_t room[2]

cdef int64_t monotonic_ns() noexcept nogil

cdef class Holds:
    cdef object memory        # keeps it mapped
    cdef Bucket *buckets
    cdef uint64_t mask        # buckets - 1
    cdef int shift
    cdef public int64_t frozen_ns  # for tests: its time stands still there; 0: the machine's

    cdef int64_t now(self) noexcept nogil

    # The key's bucket will be looked at: it is fetched from memory meanwhile.
    cdef void expect(self, uint64_t key) noexcept nogil

    # Appends what is held of a key. ``known_ns`` (monotonic): impressions counted before then are known from the
    # record, and their holds say nothing more.
    cdef void gather(self, uint64_t key, int64_t known_ns, vector[Shown] &found) noexcept nogil

    # Holds a bid for ``seconds``; returns where its id is to be written. NULL: the table is full there.
    cdef uint64_t *take(self, uint64_t key, Shown *shown, uint64_t bid, int64_t seconds) noexcept nogil

    # Lets go of a bid that was just taken and never sent.
    cdef void withdraw(self, uint64_t *bid) noexcept nogil

    cdef uint64_t *put(self, uint64_t key, Shown *shown, uint64_t bid, int state, uint64_t length) noexcept nogil
    cdef void reach(self, uint64_t key, uint64_t distance, uint64_t until) noexcept nogil
    cdef bint change(self, uint64_t key, uint64_t bid, bint reported, int into) noexcept nogil

# Writes the id of a bid that was taken before it had one.
cdef void name_bid(uint64_t *place, uint64_t bid) noexcept nogil
