"""The bid token: what a notice needs to know of its bid, carried inside the tracker URL.

Layout: nonce (bid id 8 bytes, imp 2, version 2), content (80 bytes, AES-128-GCM), tag (16) -> 144 characters of web-safe
base64; then, for each URL, 11 characters of SipHash-2-4 over (kind, tag, extra). The bid id is unique for ever,
so the nonce never repeats under a key. The MAC keeps a URL of one kind from being used as another; for clicks ``extra``
is the landing URL, so that the redirect cannot be bent.

Tokens of version 3, which were in flight while a deployment was upgraded, still open: they had one byte of basis, format
and test flag where there is the context now.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython_ext.siphash cimport siphash

from binascii import Error as Base64Error, a2b_base64

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

assert sizeof(Content) == 80

cdef const char *ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
cdef int VERSION = 4
cdef uint32_t CONTEXT = (1 << BASIS_AT) - 1

cdef enum:
    OLD_VERSION = 3
    OLD_CONTENT = 77  # bytes; the last has what follows
    OLD_SEALED = 140  # characters
    OLD_TEST = 0x10
    OLD_FORMAT_AT = 5


class Forged(ValueError):
    """The token was not made by us, was altered, or belongs to another kind of event."""


class Token(msgspec.Struct, frozen=True, gc=False):
    """What a token says. Money is nanos of the exchange's currency."""

    bid: int
    imp: int
    bid_ns: int
    person: int
    site: int
    max_price: int
    advertiser: int
    campaign: int
    line_item: int
    creative: int
    deal: int
    lease: int
    rate: int
    terms: int
    exchange: int
    expiry_s: int
    basis: int
    format: int
    """Place in `domain.creative.FORMATS`."""
    test: bool
    device: int = 0
    """32 bits: the device whose impressions a frequency cap counts, where that is not the person's record; 0: none."""
    household: int = 0
    """The same of a household."""
    context: int = 0
    """`domain.context_word`; its format is always that of ``format``."""


cdef void to_base64(const unsigned char *data, Py_ssize_t length, char *out) noexcept nogil:
    cdef Py_ssize_t i, o = 0
    cdef uint32_t group
    for i in range(0, length - 2, 3):
        group = (<uint32_t>data[i] << 16) | (<uint32_t>data[i + 1] << 8) | data[i + 2]
        out[o] = ALPHABET[group >> 18]
        out[o + 1] = ALPHABET[(group >> 12) & 63]
        out[o + 2] = ALPHABET[(group >> 6) & 63]
        out[o + 3] = ALPHABET[group & 63]
        o += 4
    i = length - length % 3
    if length - i == 2:
        group = (<uint32_t>data[i] << 16) | (<uint32_t>data[i + 1] << 8)
        out[o] = ALPHABET[group >> 18]
        out[o + 1] = ALPHABET[(group >> 12) & 63]
        out[o + 2] = ALPHABET[(group >> 6) & 63]
    elif length - i == 1:
        group = <uint32_t>data[i] << 16
        out[o] = ALPHABET[group >> 18]
        out[o + 1] = ALPHABET[(group >> 12) & 63]


cdef inline uint32_t upgraded(uint32_t flags) noexcept nogil:
    """The last byte of version 3 -> today's word."""
    return pack_context(0, flags >> OLD_FORMAT_AT & 3, flags & 0x0F, flags & OLD_TEST != 0)


cdef class Sealer:
    """Seals and opens tokens under the deployment's keys (`domain.keys.Keys`)."""

    def __init__(self, bytes seal_key not None, bytes mac_key not None):
        if len(seal_key) != 16 or len(mac_key) != 16:
            raise ValueError("the seal and MAC keys have 16 bytes each")
        self.aes = AESGCM(seal_key)
        cdef const char *raw = mac_key
        memcpy(&self.k0, raw, 8)
        memcpy(&self.k1, raw + 8, 8)

    cdef int seal(self, uint64_t bid, int imp, Content *content, char *out) except -1:
        cdef bytes nonce = PyBytes_FromStringAndSize(NULL, 12)
        cdef char *n = PyBytes_AS_STRING(nonce)
        cdef uint16_t small = <uint16_t>imp
        cdef uint16_t version = <uint16_t>VERSION
        memcpy(n, &bid, 8)
        memcpy(n + 8, &small, 2)
        memcpy(n + 10, &version, 2)
        cdef bytes sealed = self.aes.encrypt(nonce, PyBytes_FromStringAndSize(<char *>content, sizeof(Content)), None)
        cdef unsigned char whole[108]
        memcpy(whole, n, 12)
        memcpy(whole + 12, PyBytes_AS_STRING(sealed), 96)
        to_base64(whole, 108, out)
        return 0

    cdef void bind(self, int kind, const char *sealed, const char *extra, Py_ssize_t extra_length, char *out) noexcept:
        self.bind_tag(kind, sealed + SEALED_TEXT - TAG_TEXT, extra, extra_length, out)

    cdef void bind_tag(self, int kind, const char *tag, const char *extra, Py_ssize_t extra_length, char *out) noexcept:
        # The tag stands for the whole sealed part: nobody can make another one with the same tag.
        cdef unsigned char message[TAG_TEXT + 9]
        cdef uint64_t mac
        message[0] = <unsigned char>kind
        memcpy(message + 1, tag, TAG_TEXT)
        mac = siphash(self.k0, self.k1, <const unsigned char *>extra, extra_length) if extra_length else 0
        memcpy(message + 1 + TAG_TEXT, &mac, 8)
        mac = siphash(self.k0, self.k1, message, TAG_TEXT + 9)
        to_base64(<unsigned char *>&mac, 8, out)

    def seal_token(self, token) -> str:
        """The sealed part (144 characters) of a `Token`; for tests and tools, the bidder seals from C."""
        cdef Content content
        cdef char out[SEALED_TEXT]
        content.bid_ns, content.person, content.site = token.bid_ns, token.person, token.site
        content.max_price = token.max_price
        content.advertiser, content.campaign, content.line_item = token.advertiser, token.campaign, token.line_item
        content.creative, content.deal, content.lease, content.rate = token.creative, token.deal, token.lease, token.rate
        content.terms = token.terms
        content.exchange, content.expiry_s = token.exchange, token.expiry_s
        content.device, content.household = token.device, token.household
        content.context = pack_context(
            token.context & ~(<uint32_t>7 << FORMAT_AT), token.format, token.basis, token.test
        )
        self.seal(token.bid, token.imp, &content, out)
        return out[:SEALED_TEXT].decode("ascii")

    def bind_token(self, str sealed not None, int kind, bytes extra=b"") -> str:
        """Sealed part -> the whole token text (155 characters) for a URL of this kind."""
        cdef char out[MAC_TEXT]
        cdef bytes raw = sealed.encode("ascii")
        if len(raw) != SEALED_TEXT:
            raise ValueError(f"the sealed part has {len(raw)} characters, not {SEALED_TEXT}")
        self.bind(kind, raw, extra, len(extra), out)
        return sealed + out[:MAC_TEXT].decode("ascii")

    def open(self, str text not None, int kind, bytes extra=b"") -> Token:
        """Whole token text of a URL of ``kind`` -> `Token`. Raises `Forged`."""
        cdef char mac[MAC_TEXT]
        cdef bytes raw
        cdef Content content
        cdef uint64_t bid
        cdef uint16_t imp, version
        try:
            raw = text.encode("ascii")
        except UnicodeEncodeError:
            raise Forged("the token has characters that no token has") from None
        cdef int length = SEALED_TEXT
        if len(raw) == OLD_SEALED + MAC_TEXT:
            length = OLD_SEALED
        elif len(raw) != TOKEN_TEXT:
            raise Forged(f"the token has {len(raw)} characters, not {TOKEN_TEXT}")
        cdef const char *given = raw
        self.bind_tag(kind, given + length - TAG_TEXT, extra, len(extra), mac)
        cdef int difference = 0, i
        for i in range(MAC_TEXT):
            difference |= given[length + i] ^ mac[i]
        if difference:
            raise Forged("the token is not one of ours, or is for another kind of event")
        try:
            whole = a2b_base64(raw[:length].translate(TO_STANDARD), strict_mode=True)
            plain = self.aes.decrypt(whole[:12], whole[12:], None)
        except (Base64Error, InvalidTag):
            raise Forged("the token is not one of ours") from None
        memcpy(&bid, PyBytes_AS_STRING(whole), 8)
        memcpy(&imp, PyBytes_AS_STRING(whole) + 8, 2)
        memcpy(&version, PyBytes_AS_STRING(whole) + 10, 2)
        if version != (VERSION if length == SEALED_TEXT else OLD_VERSION):
            raise Forged(f"the token is of version {version}; this tracker knows version {VERSION}")
        memcpy(&content, PyBytes_AS_STRING(plain), OLD_CONTENT if version == OLD_VERSION else sizeof(Content))
        if version == OLD_VERSION:
            content.context = upgraded(<unsigned char>PyBytes_AS_STRING(plain)[OLD_CONTENT - 1])
        return Token(
            bid, imp, content.bid_ns, content.person, content.site, content.max_price, content.advertiser,
            content.campaign, content.line_item, content.creative, content.deal, content.lease, content.rate,
            content.terms, content.exchange, content.expiry_s, content.context >> BASIS_AT & 7, (content.context >> FORMAT_AT & 7) - 1,
            bool(content.context >> TEST_AT), content.device, content.household, content.context & CONTEXT,
        )


TO_STANDARD = bytes.maketrans(b"-_+/", b"+/!!")
"""The standard alphabet's own two characters are in no token."""
