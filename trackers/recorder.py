"""The road of an event through the tracker: marked, appended, durable, answered; and beside it into the memory."""

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress

import lmdb

from domain.clock import SECOND, Clock
from domain.events import Conversion, Notice, Visit, decode, encode
from eventlog.consumers import MEMORY, passed
from eventlog.frames import LogFull
from eventlog.reader import LogReader
from eventlog.writer import LogWriter
from targeting.redis_address import Away
from trackers.counting import facts, mark_conversion, mark_notice
from trackers.memory import MOST_DUE, Memory
from trackers.rule_revision import Revision

BATCH = 4_000
"""Most events applied to the memory in one transaction: the more there are, the fewer pages of the profile store are
written for each.
"""
GATHER_S = 0.02
"""Between two transactions, so that events share one: each costs a sync of the store."""
RETRY_S = 1.0
LOOK_AGAIN_S = 0.5
"""Between two looks at memberships that begin again by themselves."""


class Recorder:
    """Records events in ``log``, each counted once with the help of ``memory``, which must be up to date (`replay`).
    By ``clock`` memberships of audiences begin again.

    Marking and appending happen without a pause between them, so of two notices that arrive together one is the first.
    """

    def __init__(self, log: LogWriter, memory: Memory, clock: Clock) -> None:
        self._log, self._memory, self._clock = log, memory, clock
        self._waiting: deque[tuple[int, Notice | Conversion | Visit]] = deque()
        self._news = asyncio.Event()
        self._closing = False
        self._looked = 0.0
        self._revision: Revision | None = None

    async def notice(self, notice: Notice) -> Notice:
        """Records a notice, and returns it as marked when it is on disk. Raises LogFull."""
        marked = mark_notice(self._memory.unnamed(notice), self._memory.seen)
        self._memory.see(marked)
        await self._record(marked)
        return marked

    async def conversion(self, conversion: Conversion) -> Conversion:
        """Records a conversion, and returns it as marked when it is on disk. Raises LogFull."""
        marked = mark_conversion(self._memory.unnamed(conversion), self._memory.seen)
        await self._record(marked)
        return marked

    async def visit(self, visit: Visit) -> Visit:
        """Records a visit, and returns it when it is on disk. Raises LogFull."""
        visit = self._memory.unnamed(visit)
        await self._record(visit)
        return visit

    def click(self, bid: int, imp: int) -> Notice | None:
        return self._memory.click(bid, imp)

    @property
    def writer(self) -> LogWriter:
        return self._log

    @property
    def behind(self) -> int:
        """Events that are logged and not yet in the memory's store."""
        return len(self._waiting)

    async def _record(self, event: Notice | Conversion | Visit) -> None:
        position = self._log.append(encode(event))
        self._memory.hold(facts(event))
        self._waiting.append((position, event))
        self._news.set()
        try:
            await self._log.durable(position)
        except LogFull:
            self._memory.release(facts(event))  # its sender is told so, and will send it again
            raise

    async def remember(self) -> None:
        """Moves durable events into the memory's store, until `close`; run it as a task."""
        while self._waiting or not self._closing:
            self._news.clear()
            if not self._waiting:
                if self._revision is None:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AGAIN_S):
                            await self._news.wait()
                await self._without_events()
                continue
            batch = [self._waiting[i] for i in range(min(BATCH, len(self._waiting)))]
            kept = [(position, event) for position, event in batch if await self._is_durable(position)]
            if kept:
                await self._apply([event for _, event in kept], kept[-1][0])
            for _, event in kept:
                self._memory.release(facts(event))
            for _ in batch:
                self._waiting.popleft()
            await self._without_events()
            if not self._closing and len(batch) < BATCH:
                await asyncio.sleep(GATHER_S)

    async def _is_durable(self, position: int) -> bool:
        try:
            await self._log.durable(position)
        except LogFull:
            return False
        return True

    async def _without_events(self) -> None:
        """What is to be done besides: memberships that are due, and a step of what new rules need."""
        try:
            if look := time.monotonic() - self._looked >= LOOK_AGAIN_S:
                while await asyncio.to_thread(self._memory.look_again, self._clock.now_ns() // SECOND) == MOST_DUE:
                    pass
                self._looked = time.monotonic()
            if self._revision is not None:
                await self._revise(self._revision)
            elif look:
                now_s = self._clock.now_ns() // SECOND
                self._revision = await asyncio.to_thread(self._memory.revision, self._log.directory, now_s)
        except (lmdb.Error, Away):
            self._looked = time.monotonic()
            logging.exception("memberships of audiences cannot be looked at; trying again")

    async def _revise(self, revision: Revision) -> None:
        """A step; a kill, or other rules in between, begin it anew."""
        self._revision = None
        ended = await asyncio.to_thread(revision.step, self._memory, self._clock.now_ns() // SECOND)
        if not ended and not self._closing:
            self._revision = revision

    async def _apply(self, events: list[Notice | Conversion | Visit], position: int) -> None:
        while True:
            try:
                await asyncio.to_thread(self._memory.apply, events, position)
                return passed(self._log.directory, MEMORY, position)
            except (lmdb.Error, Away):
                # Nothing is lost meanwhile: the log has the events, and the process holds what they say.
                logging.exception("the profile store takes no events; trying again")
                await asyncio.sleep(RETRY_S)

    def close(self) -> None:
        """Ends `remember` once all that is recorded is remembered."""
        self._closing = True
        self._news.set()


def replay(log: LogWriter, memory: Memory) -> None:
    """Brings the memory up to the log's end, as a killed process left it."""
    if not memory.position():
        memory.follow()  # from the log's beginning on, so there is nothing to make good
    reader = LogReader(log.directory, memory.position())
    while True:
        records, position = reader.read()
        if not records:
            memory.settle()
            return
        events = [event for event in map(decode, records) if isinstance(event, Notice | Conversion | Visit)]
        memory.apply(events, position)
        passed(log.directory, MEMORY, position)
