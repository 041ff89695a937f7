"""The IAB's Global Privacy Platform string, and its US sections read field by field.

Sources: IAB Tech Lab, "Global Privacy Platform String" 1.0 (header, Fibonacci coding), "Section Information" (ids), and
the specification of each section; "US Privacy String" 1.0. A US section is a version in six bits and then fields of two
bits each, so a layout is a row of letters here, one a field. The sections of Indiana, Kentucky, Maryland and
Rhode Island are read as the IAB's own library writes them: their specifications put a header of its own in front, with a
subsection id 0 that Fibonacci coding cannot express; a string with that header cannot be read, which is careful.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t
from cython_ext.json_cursor cimport Text
from cython_ext.sextets cimport Sextets, bits, fibonacci, open_sextets

# What a field of two bits says (0 is "not applicable" in all, 3 is undefined in all):
#   N notice given: 1 yes, 2 no                      O opt-out: 1 opted out, 2 did not
#   S sensitive data: 1 opted out or no consent      K known child: 1 no consent, 2 consent
#   P other processing of personal data: 1 no consent, 2 consent
#   C covered transaction and M opt-out mode (of the MSPA): no matter here
#   V service provider mode: 1 yes (the publisher neither sells nor shares)     W MSPA mode: 2 service provider
LAYOUTS = {
    7: b"NNNNNNOOOSSSSSSSSSSSSKKPCMV",        # US national, version 1; version 2 is NATIONAL_2
    8: b"NNNOOSSSSSSSSSKKPCMV",               # California
    9: b"NNNOOSSSSSSSSKCMV",                  # Virginia
    10: b"NNNOOSSSSSSSKCMV",                  # Colorado
    11: b"NNNNOOSSSSSSSSKCMV",                # Utah
    12: b"NNNOOSSSSSSSSKKKCMV",               # Connecticut
    13: b"NNNOOSSSSSSSSKKKPCMV",              # Florida
    14: b"NNNOOSSSSSSSSKKKPCMV",              # Montana
    15: b"NNNOOSSSSSSSSSSSKKKPCMV",           # Oregon
    16: b"NNNOOSSSSSSSSKPCMV",                # Texas
    17: b"NNNOOSSSSSSSSSKKKKKPCMV",           # Delaware
    18: b"NNNNOOSSSSSSSSKCMV",                # Iowa
    19: b"NNNOOSSSSSSSSKPCMV",                # Nebraska
    20: b"NNNOOSSSSSSSSKKKPCMV",              # New Hampshire
    21: b"NNNOOSSSSSSSSSSKKKKKPCMV",          # New Jersey
    22: b"NNNOOSSSSSSSSKPCMV",                # Tennessee
    23: b"NNNOOSSSSSSSSKPCMV",                # Minnesota
    24: b"CWNNNOOP",                          # Maryland
    25: b"CWNNNOOKP",                         # Indiana
    26: b"CWNNNOOKP",                         # Kentucky
    27: b"CWNNNOOKP",                         # Rhode Island
}
NATIONAL_2 = b"NNNNNNOOOSSSSSSSSSSSSSSSSKKKPCMV"
WITH_SENSITIVE_SUBSECTION = (25, 26, 27)
"""Their second subsection is eight fields on sensitive data, not a GPC flag."""

cdef const char *FIELDS[28]
cdef bytes kept = NATIONAL_2
cdef const char *NATIONAL_2_FIELDS = kept
cdef const char *SENSITIVE_FIELDS = b"SSSSSSSS"
for number, layout in LAYOUTS.items():
    FIELDS[<int>number] = <const char *><bytes>layout


cdef bint read_gpp(const Text *text, Gpp *out) noexcept nogil:
    """The header says which sections follow, in order: ids as ranges of Fibonacci-coded distances to the last one."""
    cdef Py_ssize_t at = 0, end = 0
    cdef Sextets header
    cdef int64_t amount, wide, distance, last = 0, to
    out.count = 0
    while end < text.size and text.start[end] != 126:  # ~
        end += 1
    if not open_sextets(text.start, end, &header) or bits(&header, 0, 6) != 3 or bits(&header, 6, 6) != 1:
        return False
    amount = bits(&header, 12, 12)
    if amount < 0:
        return False
    at = 24
    while amount > 0:
        wide = bits(&header, at, 1)
        at += 1
        distance = fibonacci(&header, &at) if wide >= 0 else -1
        if distance < 0:
            return False
        last += distance
        to = last
        if wide:
            distance = fibonacci(&header, &at)
            if distance < 0:
                return False
            to = last + distance
        if last > 2147483647 or to - last >= MOST_SECTIONS - out.count:
            return False
        while True:
            end = take_section(text, end, &out.sections[out.count])
            out.ids[out.count] = <int>min(last, 2147483647)
            out.count += 1
            if last == to:
                break
            last += 1
        amount -= 1
    return True


cdef Py_ssize_t take_section(const Text *text, Py_ssize_t tilde, Text *out) noexcept nogil:
    """The text between this tilde and the next, whose place it returns; the text's end counts as one."""
    cdef Py_ssize_t end = tilde + 1
    out.start = NULL
    out.size = 0
    if tilde >= text.size:
        return text.size
    while end < text.size and text.start[end] != 126:
        end += 1
    out.start = text.start + tilde + 1
    out.size = end - tilde - 1
    return end


cdef Choice read_fields(const Sextets *s, Py_ssize_t at, const char *fields) noexcept nogil:
    cdef Choice choice = MAY_USE
    cdef int64_t value
    while fields[0]:
        value = bits(s, at, 2)
        if value < 0 or value == 3:
            return UNREADABLE
        if fields[0] == b"N":
            if value == 2:
                choice = OPTED_OUT
        elif fields[0] == b"K":
            if value != 0:
                choice = OPTED_OUT
        elif fields[0] == b"W":
            if value == 2:
                choice = OPTED_OUT
        elif fields[0] != b"C" and fields[0] != b"M":
            if value == 1:
                choice = OPTED_OUT
        fields += 1
        at += 2
    return choice


cdef Choice us_section(int section, const Text *text) noexcept nogil:
    cdef Py_ssize_t at = 0, end
    cdef int64_t version
    cdef Sextets s
    cdef Choice choice = MAY_USE, found
    cdef const char *fields
    cdef int place = 0
    if text.start is NULL or not US_NATIONAL <= section <= LAST_US:
        return UNREADABLE
    while at <= text.size:
        end = at
        while end < text.size and text.start[end] != 46:  # .
            end += 1
        if not open_sextets(text.start + at, end - at, &s) or s.size == 0:
            return UNREADABLE
        if place == 0:
            version = bits(&s, 0, 6)
            fields = FIELDS[section]
            if section == US_NATIONAL and version == 2:
                fields = NATIONAL_2_FIELDS
            elif version != 1:
                return UNREADABLE
            found = read_fields(&s, 6, fields)
        elif section >= 25:
            found = read_fields(&s, 0, SENSITIVE_FIELDS)
        else:
            # Global Privacy Control: a subsection type in two bits, and the flag.
            found = UNREADABLE if bits(&s, 0, 2) != 1 else OPTED_OUT if bits(&s, 2, 1) == 1 else MAY_USE
        if found == UNREADABLE or place > 1:
            return UNREADABLE
        if found == OPTED_OUT:
            choice = OPTED_OUT
        place += 1
        at = end + 1
    return choice


cdef Choice us_privacy(const Text *text) noexcept nogil:
    """Version 1, notice given, opted out of the sale, covered by the LSPA; each Y, N or - (not applicable)."""
    cdef int i
    cdef char letter, notice = 0, opt_out = 0
    if text.size != 4 or text.start[0] != 49:  # 1
        return UNREADABLE
    for i in range(1, 4):
        letter = text.start[i] & <char>0xDF if text.start[i] >= 97 else text.start[i]
        if letter != 89 and letter != 78 and letter != 45:  # Y N -
            return UNREADABLE
        if i == 1:
            notice = letter
        elif i == 2:
            opt_out = letter
    return OPTED_OUT if opt_out == 89 or notice == 78 else MAY_USE


cdef Text borrow(str text):
    cdef Text out
    out.start = PyUnicode_AsUTF8AndSize(text, &out.size)
    return out


def sections(str text not None):
    """[(section id, its text, or None if it is missing), …] of a GPP string. Raises ValueError for what is none."""
    cdef Gpp gpp
    cdef Text borrowed = borrow(text)
    if not read_gpp(&borrowed, &gpp):
        raise ValueError(f"{text[:60]!r} is not allowed; it must be a GPP string, version 1")
    return [
        (gpp.ids[i], gpp.sections[i].start[: gpp.sections[i].size].decode() if gpp.sections[i].start is not NULL else None)
        for i in range(gpp.count)
    ]


def us_choice(int section, str text not None):
    """``may_use``, ``opted_out`` or ``unreadable``: what a US section says; section 6 is the US privacy string."""
    cdef Text borrowed = borrow(text)
    cdef Choice choice = us_privacy(&borrowed) if section == US_PRIVACY_SECTION else us_section(section, &borrowed)
    return ("may_use", "opted_out", "unreadable")[<int>choice]
