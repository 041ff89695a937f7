"""TCF v2: what a Transparency & Consent String lets one vendor do."""

from libc.stdint cimport int64_t, uint32_t
from cython_ext.sextets cimport Sextets

cdef class Vendor:
    """Who we are in the Global Vendor List, and what our entry there declares."""
    cdef readonly int id              # 0: not in the list, so nobody ever consented to us
    cdef uint32_t needed              # bit n: purpose n, which full use needs
    cdef uint32_t interests           # bit n: purpose n is declared on legitimate interest, others on consent
    cdef uint32_t flexible            # bit n: a publisher may ask for the other basis

cdef struct TcString:
    Sextets core, disclosed, publisher           # size 0: the string has no such segment
    int policy
    int64_t created                              # deciseconds since 1970
    Py_ssize_t consents, interests, restrictions # bits of the core where these begin

# False: it cannot be read as TCF v2.
cdef bint read_tc_string(const char *text, Py_ssize_t size, TcString *out) noexcept nogil
# Is it one that vendors may rely on?
cdef bint is_valid(const TcString *tc) noexcept nogil
# 1: the vendor section at this bit names the vendor; 0: it does not; -1: it is cut off.
cdef int names_vendor(const Sextets *s, Py_ssize_t at, int vendor) noexcept nogil
# Bit n: the publisher restricts this vendor's purpose by type n.
cdef int restriction_types(const TcString *tc, int purpose, int vendor) noexcept nogil
# Bit n: the vendor has a legal basis for purpose n. 0: for none, which is what a string says that cannot be read.
cdef uint32_t granted(const char *text, Py_ssize_t size, Vendor vendor) noexcept nogil
