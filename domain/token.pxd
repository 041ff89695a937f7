from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

cdef enum:
    SEALED_TEXT = 144  # characters: 108 bytes (12 nonce, 80 content, 16 tag) in unpadded web-safe base64
    TAG_TEXT = 24      # the last characters, which hold the tag (and two bytes of content)
    MAC_TEXT = 11      # characters: 8 bytes
    TOKEN_TEXT = 155
    FORMAT_AT = 25     # in context: place in domain.creative.FORMATS + 1
    BASIS_AT = 28      # in context, above the word of domain.context_word; 3 bits
    TEST_AT = 31

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
    uint32_t context         # and basis and test flag. The whole is a multiple of three, so base64 has no loose ends

cdef inline uint32_t pack_context(uint32_t word, int format, int basis, bint test) noexcept nogil:
    """``word``: `domain.context_word` without a format."""
    return word | (<uint32_t>(format + 1) << FORMAT_AT) | (<uint32_t>basis << BASIS_AT) | (<uint32_t>test << TEST_AT)

cdef class Sealer:
    cdef object aes
    cdef uint64_t k0, k1
    # Once a bid: writes the SEALED_TEXT characters of the sealed part.
    cdef int seal(self, uint64_t bid, int imp, Content *content, char *out) except -1
    # Once a URL: writes the MAC_TEXT characters that bind the sealed text (and ``extra``) to an event kind.
    cdef void bind(self, int kind, const char *sealed, const char *extra, Py_ssize_t extra_length, char *out) noexcept
    cdef void bind_tag(self, int kind, const char *tag, const char *extra, Py_ssize_t extra_length, char *out) noexcept
