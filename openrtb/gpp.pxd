"""The Global Privacy Platform: which sections a GPP string has, and what the US ones allow."""

from libc.stdint cimport uint64_t
from cython_ext.json_cursor cimport Text

cdef enum:
    MOST_SECTIONS = 64       # that are read of one string
    TCF_EU_V1 = 1
    TCF_EU = 2
    TCF_CANADA = 5
    US_PRIVACY_SECTION = 6
    US_NATIONAL = 7
    LAST_US = 27             # Rhode Island

cdef enum Choice:            # of a person under a US law
    MAY_USE
    OPTED_OUT                # of sale, sharing, targeted advertising or sensitive data; or a child, or not told of it
    UNREADABLE

cdef struct Gpp:
    int count
    int ids[MOST_SECTIONS]       # in the order of the sections
    Text sections[MOST_SECTIONS] # start NULL: the header promises it, and it is missing

# False: it cannot be read as GPP version 1.
cdef bint read_gpp(const Text *text, Gpp *out) noexcept nogil
# ``section`` from 7 on: subsections with their dots, without the tildes around them.
cdef Choice us_section(int section, const Text *text) noexcept nogil
# Four characters, such as 1YNN; also section 6.
cdef Choice us_privacy(const Text *text) noexcept nogil
