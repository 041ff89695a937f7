"""The part of `json_cursor.pxd` that calls itself."""


cdef bint skip_value(Cursor *c, int depth=0) noexcept nogil:
    """Any value, checked as strictly as one that is read."""
    cdef Text text
    cdef int64_t digits = 0
    cdef int fraction = 0
    cdef Step step = BEGIN
    cdef unsigned char kind = c.at[0]
    if kind == 34:
        return skip_text(c)
    if kind == 123 or kind == 91:
        if depth >= DEEPEST:
            return False
        while next_key(c, &text, &step) if kind == 123 else next_item(c, &step):
            if not skip_value(c, depth + 1):
                return False
        return step == ENDED
    if kind == 116:
        return skip_literal(c, b"true", 4)
    if kind == 102:
        return skip_literal(c, b"false", 5)
    if kind == 110:
        return skip_literal(c, b"null", 4)
    return take_number(c, &digits, &fraction)
