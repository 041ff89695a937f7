"""Look-ups in the profile store of a host, in a transaction that is renewed now and then."""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import time

import lmdb

RENEW_S = 0.05


class Reader:
    """Look-ups in one read transaction, which sees the store as it was when last renewed.

    ``taken_ns`` (monotonic): what was committed before then is seen.
    """

    def __init__(self, env: lmdb.Environment, profiles: lmdb._Database) -> None:
        self._env, self._profiles = env, profiles
        self.taken_ns = time.monotonic_ns()
        self._txn = env.begin(db=profiles)
        self._get = self._txn.get
        self._renewed = time.monotonic()

    def get(self, person: int) -> bytes | None:
        """The packed record of a person, or None; an alias (`targeting.merge`), where the person has another key. The
        bytes are a copy: they outlive the transaction.
        """
        return self._get(person.to_bytes(8, "big"))

    def renew(self, now: float) -> None:
        """Looks at the store anew if the last time is at least 50 ms ago; ``now`` is `time.monotonic`.

        To be called with every request, or from a timer; an idle process must call it too, for as long as a transaction
        is open the pages it can see are not used again, and the file grows.
        """
        if now - self._renewed >= RENEW_S:
            self._txn.abort()
            self.taken_ns = time.monotonic_ns()
            self._txn = self._env.begin(db=self._profiles)
            self._get = self._txn.get
            self._renewed = now

    def close(self) -> None:
        self._txn.abort()
