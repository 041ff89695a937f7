from libc.stdint cimport uint32_t, uint64_t


# The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection in which every bit of the input moves every bit of
# what comes out with a chance of about one half.
cdef inline uint64_t mixed(uint64_t x) noexcept nogil:
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)


# A category's value from an integer id: never 0, which says that there is none.
cdef inline uint32_t category_of_id(uint64_t number) noexcept nogil:
    cdef uint32_t low = <uint32_t>mixed(number + <uint64_t>0x9E3779B97F4A7C15)
    return low if low else 1


# The same from text, or other bytes.
cdef uint32_t category_of_text(const unsigned char *data, Py_ssize_t length) noexcept nogil


# A cross's value from those of its two parts; the order matters.
cdef inline uint32_t crossed(uint32_t first, uint32_t second) noexcept nogil:
    return category_of_id(<uint64_t>first << 32 | second)


# Where a slot's value is in a table of ``mask + 1`` places.
cdef inline uint32_t place_of(uint32_t slot, uint32_t value, uint32_t mask) noexcept nogil:
    return <uint32_t>(mixed((<uint64_t>slot << 32 | value) + <uint64_t>0x9E3779B97F4A7C15) >> 16) & mask
