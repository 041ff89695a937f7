from libc.stdint cimport uint32_t, uint64_t

# Counters of devices and households lie in the profile store beside persons: their keys are a number of 32 bits
# behind a mark of their own, as a bid's token has no room for more.

cdef uint64_t DEVICE_MARK, HOUSEHOLD_MARK

cdef inline uint32_t number(uint64_t id) noexcept nogil:
    """Of the name id of a device's own id, or of a key."""
    return <uint32_t>id

# Number of the household behind an address; 0: none can be told.
cdef uint32_t household_number(str address)
