"""Asking a scoring service about persons while an event loop serves requests.

Each question has a deadline. What was told lately is told again without asking; questions about one person that are on
their way together are one. Late answers are no use to the request that asked, but to the next one about this person.
A service that does not answer, answers late or answers nonsense several times in a row is left alone for a while (a
circuit breaker); whoever asks meanwhile goes without at once.
"""

import asyncio
import logging
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit

from bidder.enrichment.answer_cache import AnswerCache
from bidder.enrichment.service_connection import BROKEN, OK, WRONG, ServiceConnection
from monitoring.histogram import Histogram

if TYPE_CHECKING:
    from bidder.config import ModuleSettings

T = TypeVar("T")

CONNECT_S = 1.0
RETRY_S = 0.25
SWEEP_S = 0.1
MOST_QUEUED = 1_000
ABANDON_S = 1.0
"""A question that has no answer after so long will have none: its connection is closed."""
BOUNDS_S = tuple((1 << n) / 1e6 for n in range(7, 20))
"""Powers of two from 128 µs to half a second."""
ENDS = ("answered", "cached", "late", "unanswered", "wrong", "skipped")
"""How questions end: in time, from the cache, too late, without an answer, with one that is none, not asked."""

log = logging.getLogger(__name__)


class _Question(Generic[T]):
    __slots__ = ("asked_s", "failed", "key", "sent", "text", "waiters")

    def __init__(self, key: Hashable, text: bytes, asked_s: float) -> None:
        self.key, self.text, self.asked_s, self.failed, self.sent = key, text, asked_s, False, False
        self.waiters: dict[Callable[[T | None], None], asyncio.TimerHandle] = {}


class RemoteService(Generic[T]):
    """One service, for one event loop. ``run`` keeps the connections; until they stand, nothing is known.

    ``read`` makes an answer of a body, and raises ValueError for what is none. ``url``: of the service; ``path``: of
    what is asked there.
    """

    def __init__(
        self,
        name: str,
        url: str,
        path: str,
        key: str,
        read: Callable[[bytes], T],
        cache: AnswerCache[T],
        *,
        connections: int = 16,
        failures: int = 10,
        rest_s: float = 1.0,
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        self._ssl = ssl.create_default_context() if parts.scheme == "https" else None
        self._head = (
            f"POST {parts.path.rstrip('/')}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            + (f"Authorization: Bearer {key}\r\n" if key else "")
            + "Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: "
        ).encode()
        self.name, self._read, self._cache, self._count = name, read, cache, connections
        self._failures, self._rest_s = failures, rest_s
        self._idle: list[ServiceConnection] = []
        self._connections: set[ServiceConnection] = set()
        self._queue: deque[_Question[T]] = deque()
        """Questions that wait for a connection."""
        self._asked: dict[Hashable, _Question[T]] = {}
        self._in_a_row = 0
        self._rests_until = 0.0
        self._trouble = ""
        self.ended: Counter[str] = Counter(dict.fromkeys(ENDS, 0))
        self.seconds = Histogram(BOUNDS_S)
        self.ready = asyncio.Event()
        """Set once a connection has stood."""

    @classmethod
    def of(cls, name: str, settings: "ModuleSettings", path: str, read: Callable[[bytes], T]) -> "RemoteService[T]":
        """As a module's settings have it."""
        return cls(
            name,
            settings.url,
            path,
            settings.key,
            read,
            AnswerCache(settings.cache_s, settings.cache_entries),
            connections=settings.connections,
            failures=settings.breaker_failures,
            rest_s=settings.breaker_rest_s,
        )

    @property
    def resting(self) -> bool:
        """Is it left alone, because it did not answer?"""
        return self._in_a_row >= self._failures

    def known(self, key: Hashable) -> T | None:
        """What was told lately; None: nothing."""
        told = self._cache.get(key, asyncio.get_running_loop().time())
        if told is not None:
            self.ended["cached"] += 1
        return told

    def ask(self, key: Hashable, body: Callable[[], bytes], wait_s: float, then: Callable[[T | None], None]) -> bool:
        """Asks; ``then`` is called once, at most about ``wait_s`` later, never from within this call; None: it is not
        known. False: the service is not asked now, and ``then`` is not called.
        """
        loop = asyncio.get_running_loop()
        question = self._asked.get(key)
        if question is None:
            now = loop.time()
            if wait_s <= 0 or not self._open(now):
                self.ended["skipped"] += 1
                return False
            question = _Question(key, body(), time.monotonic())  # the loop's own time has whole milliseconds
            self._asked[key] = question
            self._send(question)
        question.waiters[then] = loop.call_later(max(0.0, wait_s), self._late, question, then)
        return True

    def _open(self, now: float) -> bool:
        """Is the service to be asked now?"""
        if not self._connections or len(self._queue) >= MOST_QUEUED:
            return False
        if self.resting:
            if now < self._rests_until:
                return False
            self._rests_until = now + self._rest_s  # this one is asked, to see whether the service is back
        return True

    def _send(self, question: _Question[T]) -> None:
        """On a connection that is free, or the next one that is."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost.is_set():
                question.sent = True
                now = asyncio.get_running_loop().time()
                connection.ask(self._head, question.text, partial(self._came, question), now)
                return
        self._queue.append(question)

    def _late(self, question: _Question[T], then: Callable[[T | None], None]) -> None:
        del question.waiters[then]
        if not question.sent and not question.waiters:
            del self._asked[question.key]  # nobody will ask it any more
        self.ended["late"] += 1
        self._fail(question, "it is late")
        then(None)

    def _came(self, question: _Question[T], status: int, body: bytes) -> None:
        """The end of a question: its answer, or that there is none."""
        loop, told, how = asyncio.get_running_loop(), None, "answered"
        del self._asked[question.key]
        if status == OK:
            try:
                told = self._read(body)
            except Exception as error:  # whatever it sends, this is no bug of ours, and no request may fail by it
                how = "wrong"
                self._fail(question, f"it answers what is no answer: {error or type(error).__name__}")
            else:
                self._cache.put(question.key, told, loop.time())
                self.seconds.observe(time.monotonic() - question.asked_s)
                if not question.failed:
                    self._recover()
        else:
            how = "wrong" if status == WRONG else "unanswered"
            self._fail(question, "the connection broke" if status == BROKEN else f"it answers with status {status}")
        for then, timer in question.waiters.items():
            timer.cancel()
            self.ended[how] += 1
            then(told)

    def _fail(self, question: _Question[T], why: str) -> None:
        if question.failed:
            return
        question.failed = True
        self._in_a_row += 1
        if self._in_a_row >= self._failures:
            self._rests_until = asyncio.get_running_loop().time() + self._rest_s
            self._complain(f"it is not asked for {self._rest_s:g} s: {why}")

    def _recover(self) -> None:
        self._in_a_row = 0
        if self._trouble:
            log.info("the %s service answers again", self.name)
            self._trouble = ""

    def _complain(self, why: str) -> None:
        if not self._trouble:
            log.warning("the %s service at %s:%d: %s", self.name, self._host, self._port, why)
        self._trouble = why

    # connections

    def _free(self, connection: ServiceConnection) -> None:
        self._connections.add(connection)
        self._idle.append(connection)
        self.ready.set()
        while self._queue and self._idle:
            question = self._queue.popleft()
            if question.waiters:
                self._send(question)

    async def run(self) -> None:
        """Keeps the connections, until cancelled."""
        tasks = [asyncio.create_task(self._keep()) for _ in range(self._count)]
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(SWEEP_S)
                for connection in [one for one in self._connections if one.waits]:
                    if loop.time() - connection.asked_s > ABANDON_S:
                        connection.give_up()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for connection in list(self._connections):
                connection.give_up()

    async def _keep(self) -> None:
        """One connection after the other."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                async with asyncio.timeout(CONNECT_S):
                    made = await loop.create_connection(
                        lambda: ServiceConnection(self._free), self._host, self._port, ssl=self._ssl
                    )
            except (OSError, TimeoutError) as error:
                self._complain(f"no connection: {error or 'it does not answer'}")
                await asyncio.sleep(RETRY_S)
                continue
            connection = made[1]
            try:
                await connection.lost.wait()
            finally:
                self._connections.discard(connection)
                if connection in self._idle:
                    self._idle.remove(connection)
            await asyncio.sleep(max(0.0, RETRY_S - (loop.time() - began)))
