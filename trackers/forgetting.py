"""Taking persons out of what a tracker remembers beside their records: clicks, and moments that are due.

What it remembers of bids (`trackers.counting`) names nobody.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

from collections.abc import Collection
from itertools import islice

import lmdb

from domain.blanking import blanked, written
from targeting.profiles import ProfileStore

CLICKS = b"clicks"
BATCH = 5_000
"""Entries looked at in one transaction."""


def forget_persons(store: ProfileStore, persons: Collection[int]) -> int:
    """Blanks their clicks, which conversions still find, and takes out what is due of them; says how many of both."""
    return _blank_clicks(store, persons) + _drop_due(store, persons)


def _blank_clicks(store: ProfileStore, persons: Collection[int]) -> int:
    clicks, done, after = store.env.open_db(CLICKS), 0, b""
    marks = [written(person) for person in persons]
    while True:
        with store.env.begin(db=clicks) as txn, txn.cursor() as cursor:
            found = list(islice(cursor.iternext(), BATCH)) if cursor.set_range(after) else []
        theirs = [key for key, value in found if any(mark in value for mark in marks)]
        if theirs:
            with store.write() as txn:
                for key in theirs:
                    done += _blank(txn, clicks, key, persons)
        if len(found) < BATCH:
            return done
        after = found[-1][0] + b"\0"


def _drop_due(store: ProfileStore, persons: Collection[int]) -> int:
    theirs = store.due.of(persons)
    with store.write() as txn:
        store.due.remove(txn, theirs)
    return len(theirs)


def _blank(txn: lmdb.Transaction[bytes], clicks: lmdb._Database, key: bytes, persons: Collection[int]) -> bool:
    new = blanked(txn.get(key, b"", db=clicks), persons)
    return new is not None and txn.put(key, new, db=clicks)
