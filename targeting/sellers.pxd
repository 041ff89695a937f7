from libc.stdint cimport int64_t, uint8_t, uint64_t

# What a record says of a seller.
cdef enum Said:
    UNKNOWN     # no record, one that is out of date, or unreadable
    NO_FILE     # there is none, so nobody is told who may sell
    UNLISTED
    LISTED      # and from here on LISTED + code: of ads.txt 0 reseller, 1 direct; of sellers.json 0 publisher,
                # 1 intermediary, 2 both

# Which file of a domain: a record's key is the domain's name id with one of these mixed in.
cdef enum:
    ADS_TXT = 0
    APP_ADS_TXT = 0x5bd1e995
    SELLERS_JSON = 0x1b873593

cdef inline uint64_t seller_key(uint64_t system, uint64_t account) noexcept nogil:
    """One id for (name id of an advertising system's domain, exact name id of an account there)."""
    cdef uint64_t x = (system ^ (system >> 29)) * <uint64_t>0x9E3779B97F4A7C15 + account
    x = (x ^ (x >> 32)) * <uint64_t>0xD6E8FEB86659FD93
    return x ^ (x >> 32)

# ``seller``: a seller_key. An alias is UNKNOWN here: ask `alias_of` first.
cdef int said(const uint8_t *data, Py_ssize_t size, uint64_t seller, int64_t now_s) noexcept nogil
# The domain's name id that an alias stands for; 0: it is none.
cdef uint64_t alias_of(const uint8_t *data, Py_ssize_t size) noexcept nogil
