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
    SIDE = 14_280           # PAGE * 3.5: bytes of rows on either side of a split


def spread(env, txn, db, keys):
    """Spreads the pages around each of ``keys``, where a page was split. ``txn`` has not written yet.

    Rows are read as they were committed. As bytes they cost a third of what views of the map would; views say only on
    which pages a few of them lie.
    """
    done = b""
    with (
        env.begin() as committed, committed.cursor(db=db) as cursor,
        env.begin(buffers=True) as mapped, mapped.cursor(db=db) as places,
        txn.cursor(db=db) as writing,
    ):
        for key in sorted(keys):
            rows = window(cursor, places, key) if key > done else []
            if rows and done >= <bytes>(<tuple>rows[0])[0]:
                rows = [row for row in rows if row[0] > done]
            if rows:
                done = <bytes>(<tuple>rows[len(rows) - 1])[0]
                write_anew(writing, rows)


cdef write_anew(cursor, list rows):
    cdef list gaps = list(rows), ends = page_ends(rows)
    cdef Py_ssize_t place
    cursor.set_key(rows[0][0])
    delete = cursor.delete
    for _ in range(len(rows)):
        delete()
    # A row is made larger by the gap for a moment; then the gap is what it leaves behind.
    for place in ends:
        gaps[place] = rows[place][0], rows[place][1] + bytes(GAP)
    cursor.putmulti(gaps)
    cursor.putmulti([rows[place] for place in ends])


cdef list window(cursor, places, bytes key):
    """The rows of the page that ``key`` is on, and of some pages before and behind it, all of them whole."""
    cdef list before, behind
    cdef bint first, last
    if not cursor.set_key(key):
        return []
    before, first = rows_from(cursor.iterprev())
    cursor.set_key(key)
    behind, last = rows_from(cursor.iternext())
    if not first:
        del before[len(before) - on_last_page(places, before):]
    if not last:
        del behind[len(behind) - on_last_page(places, behind):]
    if not before or not behind:  # rows of the key's own page fill a side
        return []
    before.reverse()
    return before + behind[1:]


cdef tuple rows_from(items):
    """The rows from here on for a side, and whether there are no more."""
    cdef list rows = []
    cdef tuple item
    cdef Py_ssize_t size = 0
    for item in items:
        rows.append(item)
        size += NODE + len(<bytes>item[1]) if len(<bytes>item[1]) < HALF else NODE
        if size > SIDE:
            return rows, False
    return rows, True


cdef Py_ssize_t on_last_page(places, list rows):
    """How many of the rows, counted from the last, are on its page."""
    cdef uintptr_t page = page_of(places, rows, len(rows) - 1)
    cdef Py_ssize_t low = 0, high = len(rows) - 1, middle
    while low < high:  # the first that is on it
        middle = (low + high) >> 1
        if page_of(places, rows, middle) == page:
            high = middle
        else:
            low = middle + 1
    return len(rows) - low


cdef uintptr_t page_of(places, list rows, Py_ssize_t place):
    places.set_key(<bytes>(<tuple>rows[place])[0])
    return <uintptr_t>PyMemoryView_GET_BUFFER(places.key()).buf >> PAGE_BITS


cdef list page_ends(list rows):
    """Places of the rows that end a page, if pages are filled up to `FILL`, and can be made larger."""
    cdef list ends = []
    cdef Py_ssize_t place, length, size = 0
    for place in range(len(rows)):
        length = len(<bytes>(<tuple>rows[place])[1])
        size += NODE + length + length % 2
        if size + length > FILL:
            size = 0
            if length + GAP < HALF:
                ends.append(place)
    return ends
