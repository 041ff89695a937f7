"""When rules of audiences are to be decided again for somebody without an event: moments, which trackers look at.

``visited within 30d, and not within 7d`` begins to hold seven days after the last visit, when nothing happens. Whose
membership is over is to be listed among the members no more. And when keys turn out to be one person's, or not to be,
all rules are to be decided on what is known of the person now.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import struct
from collections.abc import Collection, Iterable
from typing import NamedTuple

import lmdb

_KEY = struct.Struct(">IQI")


class Due(NamedTuple):
    at_s: int
    """Unix seconds."""
    person: int
    audience: int
    """`ALL`: whatever rules there are."""


ALL = 0
AT_ONCE = 0


class DueTable:
    """Moments in ascending order, in the table ``due`` of the profile store's environment; one that is noted twice is
    there once. ``txn``: that the table is made in; None: it is there.
    """

    def __init__(self, env: lmdb.Environment, txn: lmdb.Transaction[bytes] | None) -> None:
        self._env = env
        self._table = env.open_db(b"due", txn=txn, create=txn is not None)

    def add(self, txn: lmdb.Transaction[bytes], at_s: int, person: int, audience: int) -> None:
        txn.put(_KEY.pack(at_s, person, audience), b"", db=self._table)

    def until(self, now_s: int, most: int) -> list[Due]:
        """The first ``most`` that are due at ``now_s``."""
        found: list[Due] = []
        with self._env.begin(db=self._table) as txn, txn.cursor() as cursor:
            for key in cursor.iternext(keys=True, values=False):
                due = Due(*_KEY.unpack(key))
                if due.at_s > now_s or len(found) == most:
                    break
                found.append(due)
        return found

    def of(self, persons: Collection[int]) -> list[Due]:
        """All that is noted of some persons; goes through the whole table."""
        with self._env.begin(db=self._table) as txn, txn.cursor() as cursor:
            return [due for key in cursor.iternext(values=False) if (due := Due(*_KEY.unpack(key))).person in persons]

    def remove(self, txn: lmdb.Transaction[bytes], due: Iterable[Due]) -> None:
        for one in due:
            txn.delete(_KEY.pack(*one), db=self._table)
