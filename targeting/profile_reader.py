"""Look-ups in the profile store of a host, in a transaction that is renewed now and then."""

from __future__ import annotations  # lmdb's types are generic for the type checker only

import time

import lmdb

from targeting.record import OPT_OUT

RENEW_S = 0.05


class Reader:
    """Look-ups in one read transaction, which sees the store as it was when last renewed.

    ``taken_ns`` (monotonic): what was committed before then is seen.
    """

    def __init__(self, env: lmdb.Environment, profiles: lmdb._Database, members: lmdb._Database) -> None:
        self._env, self._profiles, self._members = env, profiles, members
        self.taken_ns = time.monotonic_ns()
        self._txn = env.begin(db=profiles)
        self._get = self._txn.get
        self._renewed = time.monotonic()
        self.any_opted_out = self._look_for_opt_outs()
        """Whether there is anybody who opted out: else only one of a request's ids is looked up."""

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
            self.any_opted_out = self._look_for_opt_outs()

    def _look_for_opt_outs(self) -> bool:
        return self._get(OPT_OUT.to_bytes(4, "big"), db=self._members) is not None

    def close(self) -> None:
        self._txn.abort()
