"""Walking over JSON as it lies, without making objects: strict, and quick to say "this is odd".

Every function returns False (or -1) for what it does not want to read: text with escapes or beyond ASCII (unless it is
skipped or taken by `take_utf8`), numbers with exponents or more than 15 digits, deep nesting, anything that is no JSON.
The caller then reads the whole document in another way; so what is read here needs no second thought. Bytes must end with a NUL, as those of a Python ``bytes`` do.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp

cdef enum:
    DEEPEST = 32

cdef enum Step:          # of a walk through an object or an array
    BEGIN
    INSIDE
    ENDED
    STUCK

cdef struct Cursor:
    const unsigned char *at

cdef struct Text:
    const char *start
    Py_ssize_t size


cdef inline unsigned char skip_space(Cursor *c) noexcept nogil:
    """Moves to the next character that is no white space, and says which it is."""
    while c.at[0] == 32 or c.at[0] == 10 or c.at[0] == 13 or c.at[0] == 9:
        c.at += 1
    return c.at[0]


cdef inline bint take_text(Cursor *c, Text *out) noexcept nogil:
    """A string of plain ASCII."""
    cdef const unsigned char *p
    if c.at[0] != 34:  # "
        return False
    p = c.at + 1
    out.start = <const char *>p
    while 32 <= p[0] < 128 and p[0] != 34 and p[0] != 92:  # \
        p += 1
    if p[0] != 34:
        return False
    out.size = <const char *>p - out.start
    c.at = p + 1
    return True


cdef inline bint take_utf8(Cursor *c, Text *out) noexcept nogil:
    """A string without escapes; whether what lies beyond ASCII in it is UTF-8 is left to whoever decodes it."""
    cdef const unsigned char *p
    if c.at[0] != 34:
        return False
    p = c.at + 1
    out.start = <const char *>p
    while p[0] >= 32 and p[0] != 34 and p[0] != 92:
        p += 1
    if p[0] != 34:
        return False
    out.size = <const char *>p - out.start
    c.at = p + 1
    return True


cdef inline bint is_hex(unsigned char digit) noexcept nogil:
    return 48 <= digit <= 57 or 97 <= (digit | 32) <= 102


cdef inline bint skip_text(Cursor *c) noexcept nogil:
    """Any string, escapes and all: the cursor moves behind it. Bytes that are no UTF-8 do not matter: readers that mend
    them never take a quote for a part of a character."""
    cdef const unsigned char *p = c.at + 1
    if c.at[0] != 34:
        return False
    while p[0] != 34:
        if p[0] < 32:  # the NUL at the end, too
            return False
        if p[0] == 92:
            p += 1
            if p[0] == 117:  # u
                if not (is_hex(p[1]) and is_hex(p[2]) and is_hex(p[3]) and is_hex(p[4])):
                    return False
                p += 4
            elif not (p[0] == 34 or p[0] == 92 or p[0] == 47 or p[0] == 98 or p[0] == 102 or p[0] == 110
                      or p[0] == 114 or p[0] == 116):
                return False
        p += 1
    c.at = p + 1
    return True


cdef inline bint skip_literal(Cursor *c, const char *word, int size) noexcept nogil:
    """This word, if that is what stands here."""
    cdef int i
    for i in range(size):
        if c.at[i] != <unsigned char>word[i]:  # at the latest at the NUL
            return False
    c.at += size
    return True


cdef inline bint take_null(Cursor *c) noexcept nogil:
    return skip_literal(c, b"null", 4)


cdef inline bint take_number(Cursor *c, int64_t *digits, int *fraction) noexcept nogil:
    """A decimal of at most 15 digits: its digits as a whole number, and how many of them stand behind the point."""
    cdef const unsigned char *p = c.at
    cdef bint negative = p[0] == 45
    cdef int n = 0
    cdef int64_t value = 0
    if negative:
        p += 1
    if p[0] == 48 and 48 <= p[1] <= 57:  # no leading zeros
        return False
    while 48 <= p[0] <= 57 and n < 16:
        value = value * 10 + (p[0] - 48)
        n += 1
        p += 1
    if n == 0:
        return False
    fraction[0] = 0
    if p[0] == 46:
        p += 1
        while 48 <= p[0] <= 57 and n < 16:
            value = value * 10 + (p[0] - 48)
            n += 1
            fraction[0] += 1
            p += 1
        if fraction[0] == 0:
            return False
    if n > 15 or p[0] == 101 or p[0] == 69 or p[0] == 46:
        return False
    digits[0] = -value if negative else value
    c.at = p
    return True


cdef inline bint take_integer(Cursor *c, int64_t *out) noexcept nogil:
    """A whole number of 32 bits, written as one."""
    cdef int fraction = 0
    cdef bint negative = c.at[0] == 45
    if not take_number(c, out, &fraction) or fraction:
        return False
    return not (negative and out[0] == 0) and -2147483648 <= out[0] <= 2147483647


cdef inline bint go_on(Cursor *c, Step *step, unsigned char opening, unsigned char closing) noexcept nogil:
    """From before a bracket, or from behind a value in it, to what comes next. False: it ended, or is odd."""
    cdef unsigned char found
    if step[0] == BEGIN:
        if c.at[0] != opening:
            step[0] = STUCK
            return False
        c.at += 1
    found = skip_space(c)
    if found == closing:
        c.at += 1
        step[0] = ENDED
        return False
    if step[0] == INSIDE:
        if found != 44 or not step_over(c, closing):
            step[0] = STUCK
            return False
    step[0] = INSIDE
    return True


cdef inline bint step_over(Cursor *c, unsigned char closing) noexcept nogil:
    """A comma, behind which the bracket must not close."""
    c.at += 1
    return skip_space(c) != closing


cdef inline bint next_key(Cursor *c, Text *key, Step *step) noexcept nogil:
    """Reads the next key of an object and moves to its value. False: ENDED behind the object, or STUCK where it is odd.
    Begin before the ``{``.
    """
    if not go_on(c, step, 123, 125):
        return False
    if not take_text(c, key) or skip_space(c) != 58:  # :
        step[0] = STUCK
        return False
    c.at += 1
    skip_space(c)
    return True


cdef inline bint next_item(Cursor *c, Step *step) noexcept nogil:
    """Moves to the next item of an array. False: ENDED behind the array, or STUCK where it is odd. Begin before the ``[``."""
    return go_on(c, step, 91, 93)


cdef inline bint key_is(Text *key, const char *name, Py_ssize_t size) noexcept nogil:
    return key.size == size and memcmp(key.start, name, size) == 0


cdef bint skip_value(Cursor *c, int depth=*) noexcept nogil
