"""Pages of the profile store that were split, and wait until the pages around them are spread.

Spreading (`targeting.packing`) costs some 100 µs, fifteen times what an update does, and splits come in crowds: nearly
every page of a store that was just loaded splits once. So who has updates to keep up with spreads later, when there is
time: then, too, splits that lie close together are mended in one go. What waits is in memory alone; pages that are
forgotten with the process stay half empty until they fill again.
"""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import lmdb

from targeting.packing import spread

AT_ONCE = 250
"""Splits mended in a transaction of their own, some 20 ms."""
MOST_SHARE = 2
"""One in so many pages may wait; what is beyond is mended with the next update."""


class Splits:
    """Of one table. ``later``: whoever owns it sees to `mend`; else all is mended in the transaction that follows."""

    def __init__(self, env: lmdb.Environment, db: lmdb._Database, later: bool) -> None:
        self._env, self._db, self._later = env, db, later
        self.new: set[bytes] = set()
        """Keys at which a page was split; to be added to."""
        self._sorted: list[bytes] = []

    def __len__(self) -> int:
        return len(self.new) + len(self._sorted)

    def begin(self, txn: lmdb.Transaction[bytes], pages: int) -> None:
        """What cannot wait any longer, in a transaction that has not written yet. ``pages``: the table has so many."""
        self.mend(txn, max(0, len(self) - pages // MOST_SHARE) if self._later else len(self))

    def mend(self, txn: lmdb.Transaction[bytes], most: int = AT_ONCE) -> None:
        """Spreads the pages around ``most`` of the splits, in a transaction that has not written yet."""
        if not most:
            return
        if len(self._sorted) < most:
            self._sorted = sorted({*self._sorted, *self.new}, reverse=True)
            self.new.clear()
        spread(self._env, txn, self._db, self._sorted[-most:])
        del self._sorted[-most:]
