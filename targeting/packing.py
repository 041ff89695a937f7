"""Keeping LMDB's pages full while values grow.

LMDB splits a full page into two halves, so a store that was loaded page by page would nearly double as its values grow
a little. As a B*-tree does, the pages around a split are therefore written anew, one page more than they were, so that
all of them have the same room for the next values. Where pages begin is seen by where the values lie in the memory
map, which is true of what is committed: so splits are collected in one transaction and mended at the start of the
next.
"""

from collections.abc import Callable, Iterable
from itertools import chain

import lmdb

from cython_ext.addresses import page_of

PAGE = 4_080
"""Bytes of a page for nodes."""
NODE = 18
"""Bytes of a node beside its value: header, key of 8 bytes, and its place in the page."""
WINDOW = 6
"""Pages that are spread over one more."""
FILL = PAGE * WINDOW // (WINDOW + 1)
GAP = PAGE - FILL
HALF = 2_000
"""Values above this lie on pages of their own."""

Rows = list[tuple[bytes, bytes]]


def spread(env: lmdb.Environment, txn: "lmdb.Transaction[bytes]", db: "lmdb._Database", keys: Iterable[bytes]) -> None:
    """Spreads the pages around each key, where a page was split. ``txn`` has not written yet."""
    windows: list[Rows] = []
    done = b""
    with env.begin(buffers=True) as committed, committed.cursor(db=db) as cursor:
        for key in sorted(keys):
            if key > done and (rows := [row for row in _window(cursor, key) if row[0] > done]):
                done = rows[-1][0]
                windows.append(rows)
    with txn.cursor(db=db) as writing:
        for rows in windows:
            writing.set_key(rows[0][0])
            for _ in rows:
                writing.delete()
            # A row is made larger by the gap for a moment; then the gap is what it leaves behind.
            ends = [row for row in _page_ends(rows) if len(row[1]) + GAP < HALF]
            gaps = {key: value + bytes(GAP) for key, value in ends}
            writing.putmulti([(key, gaps.get(key, value)) for key, value in rows])
            writing.putmulti(ends)


def _window(cursor: "lmdb.Cursor[memoryview]", key: bytes) -> Rows:
    """The rows of the page that ``key`` is on, and of the pages before and behind it."""
    if not cursor.set_key(key):
        return []
    before = _rows(cursor, cursor.prev)
    cursor.set_key(key)
    return list(chain(reversed(before), _rows(cursor, cursor.next)[1:]))


def _rows(cursor: "lmdb.Cursor[memoryview]", step: Callable[[], bool]) -> Rows:
    """The rows from here to the end of half a window."""
    rows: Rows = []
    pages, page, more = 0, 0, True
    while more:
        key, value = cursor.item()
        if len(value) < HALF and page_of(value) != page:
            page = page_of(value)
            pages += 1
            if pages > WINDOW // 2 + 1:
                break
        rows.append((bytes(key), bytes(value)))
        more = step()
    return rows


def _page_ends(rows: Rows) -> Rows:
    """The rows that end a page, if pages are filled up to `FILL`."""
    ends, size = [], 0
    for key, value in rows:
        size += NODE + len(value) + len(value) % 2
        if size + len(value) > FILL:
            ends.append((key, value))
            size = 0
    return ends
