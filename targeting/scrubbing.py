"""Making the bytes of persons' keys go from the file of a profile store in LMDB, once they are deleted from its tables.

Pages that are given up keep their bytes until they are used again, pages in use keep stale bytes in their unfilled
middle, and a key can live on as a signpost in an inner page. So what lies around a person is written anew, which
empties the leaves and with them the signposts, and pages that are free are filled with zeros. Others read and write
meanwhile. `remains` looks for the bytes themselves.

Of LMDB's file format (version 0.9, ``mdb.c``) only this is used: pages of 4,096 bytes, whose header of 16 has flags at
10 and the end of the places of nodes at 12; and nodes of a leaf, whose key begins at 8 and has as many bytes as the
two bytes at 6 say.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import mmap
import struct
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import lmdb

from targeting.profile_reader import RENEW_S
from targeting.profiles import ProfileStore

PAGE, HEADER, LEAF, KINDS = 4_096, 16, 0x02, 0x7F
AROUND = (16_384, 262_144, 4_194_304)
"""Bytes of entries that are written anew on each side of a person: more, if fewer were not enough."""
ZEROS = bytes(4_064)
"""A value that fills a page of its own: a page less its header, and some to spare."""
ZERO_PAGES = 128
"""Pages filled in one transaction: others that write wait no longer than that."""
FILLING = b"zeros"

Entry = tuple[bytes, bytes]


def remains(path: Path, persons: Iterable[int]) -> int:
    """How often the keys of persons stand in the file of the store in the directory ``path``, as tables have them."""
    with open(path / "data.mdb", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return sum(1 for person in persons for _ in _places(data, person.to_bytes(8, "big")))


def _places(data: mmap.mmap, pattern: bytes) -> Iterator[int]:
    at = data.find(pattern)
    while at >= 0:
        yield at
        at = data.find(pattern, at + 1)


def scrub(path: Path, persons: Collection[int]) -> int:
    """Returns how often the keys are in the file still: never, unless somebody reads an old state for long, or a
    process that writes had them in memory and set them down again meanwhile. The store must not be open in this
    process; others go on.
    """
    patterns = [person.to_bytes(8, "big") for person in persons]
    for around in AROUND:
        if not remains(path, persons):
            return 0
        # In each step the environment is opened anew: a process's own page buffers are not cleared between two uses.
        for replant in (True, False):
            touched = list(_keys_beside(path, patterns))
            with ProfileStore(path) as store:
                _write_anew(store, patterns, touched, around, replant=replant)
        time.sleep(2 * RENEW_S)  # then readers have let go of the pages
        with ProfileStore(path) as store:
            _fill_free_pages(store)
    return remains(path, persons)


def _keys_beside(path: Path, patterns: Iterable[bytes]) -> Iterator[bytes]:
    """Keys of the entries on leaves that have one of ``patterns`` somewhere."""
    with open(path / "data.mdb", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        pages = {at // PAGE for pattern in patterns for at in _places(data, pattern)}
        for page in pages:
            yield from _keys(data[page * PAGE : (page + 1) * PAGE])


def _keys(page: bytes) -> Iterator[bytes]:
    flags, lower = struct.unpack_from("<HH", page, 10)
    if flags & KINDS != LEAF or not HEADER <= lower <= PAGE:
        return
    for node in struct.unpack_from(f"<{(lower - HEADER) // 2}H", page, HEADER):
        if HEADER <= node <= PAGE - 8:
            (size,) = struct.unpack_from("<H", page, node + 6)
            yield page[node + 8 : node + 8 + size]


def _write_anew(
    store: ProfileStore, patterns: Iterable[bytes], beside: Iterable[bytes], around: int, *, replant: bool
) -> None:
    """Writes entries around persons, and those ``beside`` stale bytes, once more. Where they are: then their pages are
    copied without stale bytes. Or ``replant``: all are taken out first, and leaves that are emptied take their
    signposts with them.
    """
    tables = _tables(store)
    with store.write() as txn:
        for db, grouped in tables:
            for entries in _neighbourhoods(txn, db, grouped, patterns, beside, around):
                if replant:
                    for name, value in entries:
                        txn.delete(name, value, db=db)
                for name, value in entries:
                    txn.put(name, value, db=db)


def _tables(store: ProfileStore) -> list[tuple[lmdb._Database, bool]]:
    """All tables of the environment, and whether many values lie under one key."""
    with store.env.begin() as txn, txn.cursor() as cursor:
        names = [name for name in cursor.iternext(keys=True, values=False)]
    tables = [store.env.open_db(name, create=False) for name in names]
    with store.env.begin() as txn:
        return [(db, bool(db.flags()["dupsort"])) for db in tables]


def _neighbourhoods(
    txn: lmdb.Transaction[bytes],
    db: lmdb._Database,
    grouped: bool,
    patterns: Iterable[bytes],
    beside: Iterable[bytes],
    around: int,
) -> Iterator[list[Entry]]:
    if grouped:
        with txn.cursor(db=db) as cursor:
            for name in list(cursor.iternext_nodup()):
                for pattern in patterns:
                    yield _members_around(txn, db, name, pattern, around)
        return
    for pattern in patterns:
        yield _around(txn, db, pattern, around)
    yield [(name, value) for name in beside if name and (value := txn.get(name, db=db)) is not None]


def _around(txn: lmdb.Transaction[bytes], db: lmdb._Database, key: bytes, around: int) -> list[Entry]:
    found: list[Entry] = []
    with txn.cursor(db=db) as cursor:
        if cursor.set_range(key):
            found += _take(cursor.iternext(), around)
            there = cursor.set_range(key) and cursor.prev()
        else:
            there = cursor.last()
        if there:
            found += _take(cursor.iterprev(), around)
    return found


def _members_around(
    txn: lmdb.Transaction[bytes], db: lmdb._Database, segment: bytes, key: bytes, around: int
) -> list[Entry]:
    found: list[Entry] = []
    with txn.cursor(db=db) as cursor:
        if cursor.set_range_dup(segment, key):
            found += _take(((segment, member) for member in cursor.iternext_dup()), around)
            if cursor.set_range_dup(segment, key) and cursor.prev_dup():
                found += _take(((segment, member) for member in cursor.iterprev_dup()), around)
        elif cursor.set_key(segment) and cursor.last_dup():
            found += _take(((segment, member) for member in cursor.iterprev_dup()), around)
    return found


def _take(entries: Iterable[Entry], around: int) -> Iterator[Entry]:
    size = 0
    for name, value in entries:
        yield name, value
        size += 16 + len(name) + len(value)
        if size > around:
            return


def _fill_free_pages(store: ProfileStore) -> None:
    """Uses up all pages that are free, with zeros, and gives them back: only then does the file grow."""
    filling = store.env.open_db(FILLING)
    before, number = store.env.info()["last_pgno"], 0
    while store.env.info()["last_pgno"] <= before:
        with store.write() as txn:
            for _ in range(ZERO_PAGES):
                txn.put(number.to_bytes(8, "big"), ZEROS, db=filling, append=True)
                number += 1
    with store.write() as txn:
        txn.drop(filling, delete=True)
