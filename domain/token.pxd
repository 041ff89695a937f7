from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    SEALED_TEXT = 140  # characters: 105 bytes (12 nonce, 77 content, 16 tag) in unpadded web-safe base64
    TAG_TEXT = 24      # the last characters, which hold the tag (and two bytes of content)
    MAC_TEXT = 11      # characters: 8 bytes
    TOKEN_TEXT = 151
    FORMAT_AT = 5      # in basis_and_flags

cdef packed struct Content:
    uint64_t bid_ns
    uint64_t person
    uint64_t site
    int64_t max_price
    uint32_t advertiser
    uint32_t campaign
    uint32_t line_item
    uint32_t creative
    uint32_t deal
    uint32_t lease
    uint32_t rate
    uint32_t terms
    uint32_t device        # in whose counters the impression counts, beside the person's; 0: none
    uint32_t household
    uint16_t exchange
    uint16_t expiry_s
    uint8_t basis_and_flags  # with it the length is a multiple of three, so that base64 has no loose ends

cdef class Sealer:
    cdef object aes
    cdef uint64_t k0, k1
    # Once a bid: writes the SEALED_TEXT characters of the sealed part.
    cdef int seal(self, uint64_t bid, int imp, Content *content, char *out) except -1
    # Once a URL: writes the MAC_TEXT characters that bind the sealed text (and ``extra``) to an event kind.
    cdef void bind(self, int kind, const char *sealed, const char *extra, Py_ssize_t extra_length, char *out) noexcept
