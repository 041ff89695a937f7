"""The IAB's Transparency & Consent String, version 2, read for one vendor as it lies: nothing is unpacked or kept.

Source: IAB Tech Lab, "Transparency and Consent String with Global Vendor & CMP List Formats", v2.0 to v2.3. Reading a
string costs one pass over its characters and a look at the bits that concern us, about a microsecond; that is why no
answers are remembered.
"""

from libc.stdint cimport int64_t, uint32_t
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from cython_ext.sextets cimport Sextets, bits, open_sextets

LAST_PURPOSE = 24

cdef enum:
    # Bits of the core segment.
    CREATED_AT = 6
    UPDATED_AT = 42
    CMP_AT = 78
    CMP_VERSION_AT = 90
    SCREEN_AT = 102
    LANGUAGE_AT = 108
    LIST_VERSION_AT = 120
    POLICY_AT = 132
    SERVICE_SPECIFIC_AT = 138
    NON_STANDARD_AT = 139
    FEATURES_AT = 140
    PURPOSE_CONSENTS_AT = 152
    PURPOSE_INTERESTS_AT = 176
    PURPOSE_ONE_AT = 200
    COUNTRY_AT = 201
    VENDORS_AT = 213
    # Bits of a vendor section, from its beginning.
    IS_RANGE_AT = 16
    FIELD_AT = 17
    RANGES_AT = 29
    # Of the other segments.
    DISCLOSED = 1
    PUBLISHER = 3
    SEGMENT_AT = 3
    # Restriction types.
    NOT_ALLOWED = 1
    NEEDS_CONSENT = 2
    NEEDS_INTEREST = 4
    UNDEFINED = 8
    # Versions of the policy.
    WITHOUT_INTERESTS = 4        # v2.2: purposes 3 to 6 by consent only
    WITH_DISCLOSED = 5           # v2.3: the segment of disclosed vendors is mandatory
    FIRST_PURPOSE = 2            # bit of purpose 1, which is by consent only, always
    PROFILING = 0b1111000        # bits of purposes 3 to 6

cdef int64_t POLICY_4_SINCE = 16960320000   # 2023-09-30 00:00 UTC, deciseconds


cdef Py_ssize_t end_of_ranges(const Sextets *s, Py_ssize_t at) noexcept nogil:
    """The bit behind the range entries whose number stands at ``at``; -1: they are cut off."""
    cdef int64_t count = bits(s, at, 12), wide
    at += 12
    while count > 0:
        wide = bits(s, at, 1)
        if wide < 0:
            return -1
        at += 33 if wide else 17
        count -= 1
    return at if count == 0 and at <= s.size * 6 else -1


cdef bint in_ranges(const Sextets *s, Py_ssize_t at, int vendor) noexcept nogil:
    """Is the vendor in one of the range entries whose number stands at ``at``? They are known to be whole."""
    cdef int64_t count = bits(s, at, 12), wide, first
    at += 12
    while count > 0:
        wide = bits(s, at, 1)
        first = bits(s, at + 1, 16)
        if first == vendor or (wide and first < vendor <= bits(s, at + 17, 16)):
            return True
        at += 33 if wide else 17
        count -= 1
    return False


cdef Py_ssize_t end_of_vendors(const Sextets *s, Py_ssize_t at) noexcept nogil:
    """The bit behind a vendor section; -1: it is cut off."""
    cdef int64_t most = bits(s, at, 16), ranges = bits(s, at + IS_RANGE_AT, 1)
    if ranges < 0:
        return -1
    if ranges:
        return end_of_ranges(s, at + FIELD_AT)
    at += FIELD_AT + most
    return at if at <= s.size * 6 else -1


cdef int names_vendor(const Sextets *s, Py_ssize_t at, int vendor) noexcept nogil:
    if end_of_vendors(s, at) < 0:
        return -1
    if vendor <= 0 or vendor > bits(s, at, 16):
        return 0
    if bits(s, at + IS_RANGE_AT, 1):
        return in_ranges(s, at + FIELD_AT, vendor)
    return <int>bits(s, at + FIELD_AT + vendor - 1, 1)


cdef bint read_tc_string(const char *text, Py_ssize_t size, TcString *out) noexcept nogil:
    cdef Py_ssize_t at = 0, end, segment
    cdef int64_t count, kind
    cdef Sextets s
    out.disclosed.size = out.publisher.size = 0
    for segment in range(8):
        end = at
        while end < size and text[end] != 46:  # .
            end += 1
        if not open_sextets(text + at, end - at, &s):
            return False
        if segment == 0:
            out.core = s
        elif s.size:
            kind = bits(&s, 0, 3)
            if kind == DISCLOSED:
                out.disclosed = s
            elif kind == PUBLISHER:
                out.publisher = s
        at = end + 1
        if at > size:
            break
    else:
        return False  # the format has four kinds of segments, one of each
    if bits(&out.core, 0, 6) != 2:
        return False
    out.created = bits(&out.core, CREATED_AT, 36)
    out.policy = <int>bits(&out.core, POLICY_AT, 6)
    out.consents = VENDORS_AT
    out.interests = end_of_vendors(&out.core, out.consents)
    if out.interests < 0:
        return False
    out.restrictions = end_of_vendors(&out.core, out.interests)
    if out.restrictions < 0:
        return False
    count = bits(&out.core, out.restrictions, 12)
    if count < 0:
        return False
    at = out.restrictions + 12
    while count > 0:
        at = end_of_ranges(&out.core, at + 8)
        if at < 0:
            return False
        count -= 1
    return True


cdef bint is_valid(const TcString *tc) noexcept nogil:
    """Of one service (the scope of all services is gone), and not made under a policy that had ended by then."""
    return bits(&tc.core, SERVICE_SPECIFIC_AT, 1) == 1 and not (
        tc.policy < WITHOUT_INTERESTS and tc.created >= POLICY_4_SINCE + 864000
    )


cdef int restriction_types(const TcString *tc, int purpose, int vendor) noexcept nogil:
    cdef int64_t count = bits(&tc.core, tc.restrictions, 12)
    cdef Py_ssize_t at = tc.restrictions + 12
    cdef int types = 0
    while count > 0:
        if bits(&tc.core, at, 6) == purpose and in_ranges(&tc.core, at + 8, vendor):
            types |= 1 << <int>bits(&tc.core, at + 6, 2)
        at = end_of_ranges(&tc.core, at + 8)
        count -= 1
    return types


cdef void restrict(const TcString *tc, int vendor, int *types) noexcept nogil:
    """As `restriction_types`, for all purposes in one pass; ``types`` has a place for each of 64."""
    cdef int64_t count = bits(&tc.core, tc.restrictions, 12)
    cdef Py_ssize_t at = tc.restrictions + 12
    while count > 0:
        if in_ranges(&tc.core, at + 8, vendor):
            types[bits(&tc.core, at, 6)] |= 1 << <int>bits(&tc.core, at + 6, 2)
        at = end_of_ranges(&tc.core, at + 8)
        count -= 1


cdef uint32_t by_purpose(const TcString *tc, Py_ssize_t at) noexcept nogil:
    """24 bits of purposes -> bit n for purpose n."""
    cdef int64_t field = bits(&tc.core, at, 24)
    cdef uint32_t mask = 0
    cdef int purpose
    for purpose in range(1, 25):
        if field >> (24 - purpose) & 1:
            mask |= <uint32_t>1 << purpose
    return mask


cdef uint32_t granted(const char *text, Py_ssize_t size, Vendor vendor) noexcept nogil:
    """The basis of a purpose is the declared one; where it is flexible, the one that the publisher asks for.

    Purpose 1 is never by legitimate interest, purposes 3 to 6 are not from policy version 4 on.
    """
    cdef TcString tc
    cdef int types[64]
    cdef int purpose
    cdef uint32_t consented = 0, interested = 0, one, allowed = 0, may_interest = ~<uint32_t>FIRST_PURPOSE
    cdef bint by_interest
    if vendor.id <= 0 or not read_tc_string(text, size, &tc) or not is_valid(&tc):
        return 0
    if tc.disclosed.size:
        if names_vendor(&tc.disclosed, SEGMENT_AT, vendor.id) != 1:
            return 0
    elif tc.policy >= WITH_DISCLOSED:
        return 0
    if names_vendor(&tc.core, tc.consents, vendor.id):
        consented = by_purpose(&tc, PURPOSE_CONSENTS_AT)
    if names_vendor(&tc.core, tc.interests, vendor.id):
        interested = by_purpose(&tc, PURPOSE_INTERESTS_AT)
    if not (consented | interested):
        return 0
    if tc.policy >= WITHOUT_INTERESTS:
        may_interest &= ~<uint32_t>PROFILING
    for purpose in range(64):
        types[purpose] = 0
    restrict(&tc, vendor.id, types)
    for purpose in range(1, 25):
        one = <uint32_t>1 << purpose
        by_interest = (vendor.interests & may_interest & one) != 0
        if types[purpose] & (NOT_ALLOWED | UNDEFINED) or types[purpose] == NEEDS_CONSENT | NEEDS_INTEREST:
            continue
        if types[purpose] == (NEEDS_CONSENT if by_interest else NEEDS_INTEREST):
            if not (vendor.flexible & may_interest & one):
                continue
            by_interest = not by_interest
        if (interested if by_interest else consented) & one:
            allowed |= one
    return allowed


def _mask(purposes, what: str):
    cdef uint32_t mask = 0
    for purpose in purposes:
        if not isinstance(purpose, int) or not 1 <= purpose <= LAST_PURPOSE:
            raise ValueError(f"{what}: {purpose!r} is not allowed; it must be a purpose of the TCF, 1 to {LAST_PURPOSE}")
        mask |= <uint32_t>1 << <int>purpose
    return mask


cdef class Vendor:

    def __init__(self, int id=0, purposes=(1, 2, 3, 4, 7), legitimate_interests=(), flexible=()):
        if not 0 <= id <= 65535:
            raise ValueError(f"{id} is not allowed; a vendor id is 1 to 65535, and 0 says that there is none")
        self.id = id
        self.needed = _mask(purposes, "purposes")
        self.interests = _mask(legitimate_interests, "legitimate interests")
        self.flexible = _mask(flexible, "flexible purposes")
        if self.interests & FIRST_PURPOSE or self.flexible & FIRST_PURPOSE:
            raise ValueError("purpose 1 is by consent only")

    def granted(self, str consent not None):
        """The purposes that this TC String gives us a legal basis for; none if it cannot be read or relied on."""
        cdef Py_ssize_t size
        cdef const char *text = PyUnicode_AsUTF8AndSize(consent, &size)
        cdef uint32_t mask = granted(text, size, self)
        return frozenset(purpose for purpose in range(1, LAST_PURPOSE + 1) if mask >> <int>purpose & 1)

    def may_profile(self, str consent not None):
        """Does it cover all purposes that full use needs?"""
        cdef Py_ssize_t size
        cdef const char *text = PyUnicode_AsUTF8AndSize(consent, &size)
        return self.needed & ~granted(text, size, self) == 0 and self.id > 0


cdef class Consent:
    """A TC String for people and tools: all its fields. Raises ValueError for what is no TC String of version 2."""

    cdef bytes text
    cdef TcString tc

    def __init__(self, str text not None):
        self.text = text.encode()
        if not read_tc_string(self.text, len(self.text), &self.tc):
            raise ValueError(f"{text[:60]!r} is not allowed; it must be a TC String of the TCF, version 2")

    def _number(self, at: int, width: int):
        return bits(&self.tc.core, at, width)

    def _set(self, at: int, width: int):
        field = bits(&self.tc.core, at, width)
        return frozenset(n for n in range(1, width + 1) if field >> (width - n) & 1)

    def _letters(self, at: int):
        return "".join(chr(65 + bits(&self.tc.core, place, 6)) for place in (at, at + 6))

    def fields(self):
        """Everything before the vendor sections; times in deciseconds since 1970, sets of purpose or feature numbers."""
        return {
            "created": self.tc.created, "last_updated": self._number(UPDATED_AT, 36), "cmp_id": self._number(CMP_AT, 12),
            "cmp_version": self._number(CMP_VERSION_AT, 12), "consent_screen": self._number(SCREEN_AT, 6),
            "consent_language": self._letters(LANGUAGE_AT), "vendor_list_version": self._number(LIST_VERSION_AT, 12),
            "policy_version": self.tc.policy, "is_service_specific": bool(self._number(SERVICE_SPECIFIC_AT, 1)),
            "use_non_standard_texts": bool(self._number(NON_STANDARD_AT, 1)),
            "special_feature_opt_ins": self._set(FEATURES_AT, 12), "purpose_consents": self._set(PURPOSE_CONSENTS_AT, 24),
            "purpose_legitimate_interests": self._set(PURPOSE_INTERESTS_AT, 24),
            "purpose_one_treatment": bool(self._number(PURPOSE_ONE_AT, 1)), "publisher_country": self._letters(COUNTRY_AT),
        }

    def vendor_consent(self, int vendor):
        return names_vendor(&self.tc.core, self.tc.consents, vendor) == 1

    def vendor_legitimate_interest(self, int vendor):
        return names_vendor(&self.tc.core, self.tc.interests, vendor) == 1

    def disclosed(self, int vendor):
        """None: the string does not tell which vendors were disclosed."""
        return names_vendor(&self.tc.disclosed, SEGMENT_AT, vendor) == 1 if self.tc.disclosed.size else None

    def restrictions(self, int purpose, int vendor):
        """The publisher's: 0 not allowed, 1 by consent only, 2 by legitimate interest only."""
        types = restriction_types(&self.tc, purpose, vendor)
        return frozenset(n for n in range(4) if types >> n & 1)

    def publisher_purposes(self):
        """(consents, legitimate interests) to the publisher's own purposes; None if the string does not tell them."""
        consents, interests = bits(&self.tc.publisher, 3, 24), bits(&self.tc.publisher, 27, 24)
        if self.tc.publisher.size == 0 or interests < 0:
            return None
        return tuple(frozenset(n for n in range(1, 25) if field >> (24 - n) & 1) for field in (consents, interests))
