"""Keeping LMDB's pages full while values grow.

LMDB splits a full page into two halves, so a store that was loaded page by page would nearly double as its values grow
a little. As a B*-tree does, the pages around a split are therefore written anew, one page more than they were, so that
all of them have the same room for the next values. Where pages begin is seen by where the values lie in the memory
map, which is true of what is committed: so splits are collected in one transaction and mended at the start of the
next.
"""

from libc.stdint cimport uintptr_t

cdef extern from "Python.h":
    Py_buffer *PyMemoryView_GET_BUFFER(object view)

cdef enum:
    PAGE = 4_080            # bytes of a page for nodes
    PAGE_BITS = 12
    NODE = 18               # bytes of a node beside its value: header, key of 8 bytes, and its place in the page
    WINDOW = 6              # pages that are spread over one more
    FILL = 3_497            # PAGE * WINDOW / (WINDOW + 1)
    GAP = 583               # PAGE - FILL
    HALF = 2_000            # values above this lie on pages of their own


def spread(env, txn, db, keys):
    """Spreads the pages around each of ``keys``, where a page was split. ``txn`` has not written yet.

    Rows are handed on as they lie in committed pages, which stay as they are while a transaction that sees them is open.
    """
    done = b""
    with env.begin(buffers=True) as committed, committed.cursor(db=db) as cursor, txn.cursor(db=db) as writing:
        for key in sorted(keys):
            rows = window(cursor, key) if key > done else []
            if rows and done >= bytes(rows[0][0]):
                rows = [row for row in rows if bytes(row[0]) > done]
            if rows:
                done = bytes(rows[len(rows) - 1][0])
                write_anew(writing, rows)


cdef write_anew(cursor, list rows):
    cdef list gaps = list(rows), ends = page_ends(rows)
    cdef Py_ssize_t place
    cursor.set_key(bytes(rows[0][0]))
    delete = cursor.delete
    for _ in range(len(rows)):
        delete()
    # A row is made larger by the gap for a moment; then the gap is what it leaves behind.
    for place in ends:
        gaps[place] = rows[place][0], bytes(rows[place][1]) + bytes(GAP)
    cursor.putmulti(gaps)
    cursor.putmulti([rows[place] for place in ends])


cdef list window(cursor, bytes key):
    """The rows of the page that ``key`` is on, and of the pages before and behind it."""
    if not cursor.set_key(key):
        return []
    before = rows_from(cursor.iterprev())
    before.reverse()
    cursor.set_key(key)
    return before + rows_from(cursor.iternext())[1:]


cdef list rows_from(items):
    """The rows from here to the end of half a window."""
    cdef list rows = []
    cdef tuple item
    cdef Py_buffer *value
    cdef uintptr_t page = 0
    cdef int pages = 0
    for item in items:
        value = PyMemoryView_GET_BUFFER(item[1])
        if <uintptr_t>value.buf >> PAGE_BITS != page and value.len < HALF:
            page = <uintptr_t>value.buf >> PAGE_BITS
            pages += 1
            if pages > WINDOW // 2 + 1:
                break
        rows.append(item)
    return rows


cdef list page_ends(list rows):
    """Places of the rows that end a page, if pages are filled up to `FILL`, and can be made larger."""
    cdef list ends = []
    cdef Py_ssize_t place, length, size = 0
    for place in range(len(rows)):
        length = PyMemoryView_GET_BUFFER(<object>(<tuple>rows[place])[1]).len
        size += NODE + length + length % 2
        if size + length > FILL:
            size = 0
            if length + GAP < HALF:
                ends.append(place)
    return ends
