"""Who the tracker knows to be one person: joins of a browser's cookie with other ids, and their opt-out.

They are on disk before the answer is sent. A join that is there already costs no write. Whoever opted out or was
forgotten is joined with nothing.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence

from aiohttp import web

from domain.clock import SECOND
from targeting.due import ALL, AT_ONCE
from targeting.forgotten import Forgotten
from targeting.identity import CERTAIN, TooManyKeys, WasForgotten
from targeting.opt_outs import opt_out, restore
from targeting.profiles import ProfileStore
from targeting.record import OPT_OUT, is_member
from targeting.redis_address import Away
from targeting.redis_profiles import RedisProfiles

RETRY_S = 5.0
log = logging.getLogger(__name__)


class Joins:
    """In the store that holds the persons' records; one in Redis is for this alone. Calls wait for it in a thread.
    ``own``: beside a store in Redis the tracker's own, in which it is noted whose audiences are to be decided anew.
    """

    def __init__(
        self, store: ProfileStore | RedisProfiles, forgotten: Forgotten, own: ProfileStore | None = None
    ) -> None:
        self._store, self._forgotten, self._own = store, forgotten, own
        self._turn = threading.Lock()

    async def join(self, cookie: int, other: int, source: str, now_ns: int) -> str:
        """Says what came of it: ``joined``, ``known``, ``refused``. Raises `targeting.redis_address.Away`."""
        return await asyncio.to_thread(self._join, cookie, other, source, now_ns // SECOND)

    async def opt_out(self, cookie: int) -> int:
        """Of the person of a cookie, by all their keys; says how many these are. Raises `Away`."""
        return await asyncio.to_thread(self._opt_out, cookie)

    async def restore(self) -> None:
        """Opts out anew who did so on this host, if the store does not know it (`targeting.opt_outs`). Waits for it."""
        while True:
            try:
                return await asyncio.to_thread(self._restore)
            except Away:
                log.warning("whether the store knows all opt-outs is not known, since it is away; trying again")
                await asyncio.sleep(RETRY_S)

    def _restore(self) -> None:
        with self._turn:
            if count := restore(self._store, self._forgotten.path.parent):
                log.warning("%d keys had opted out, and the store did not know it any more", count)

    def _join(self, cookie: int, other: int, source: str, at_s: int) -> str:
        with self._turn:
            return self._joined(cookie, other, source, at_s)

    def _joined(self, cookie: int, other: int, source: str, at_s: int) -> str:
        self._forgotten.refresh()
        if cookie in self._forgotten or other in self._forgotten or self._opted_out((cookie, other)):
            return "refused"
        if other in self._store.identity.keys(cookie):
            return "known"
        try:
            self._store.identity.join(cookie, other, source, CERTAIN, at_s)
        except (TooManyKeys, WasForgotten):  # forgotten at this very moment
            return "refused"
        if self._own is not None:
            with self._own.write() as txn:
                self._own.due.add(txn, AT_ONCE, cookie, ALL)
        return "joined"

    def _opted_out(self, keys: Sequence[int]) -> bool:
        return any(is_member(record, OPT_OUT) for record in self._store.get_many(keys) if record is not None)

    def _opt_out(self, cookie: int) -> int:
        with self._turn:
            keys = self._store.identity.keys(cookie)
            opt_out(self._store, self._forgotten.path.parent, keys)
            return len(keys)


JOINS = web.AppKey("joins", Joins)
