"""Looking persons up in Redis while an event loop serves requests: look-ups of one turn of the loop go out together.

To a single Redis they are one MGET, to a cluster one pipeline of GETs a node. A look-up has a deadline; when it has not
been answered then, or cannot be asked at all, the caller gets `UNKNOWN`, and a counter says why. After repeated
failures Redis is left alone for a while (a circuit breaker).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import cast

import hiredis

from targeting.redis_address import Address, Away, Node, Words, pack_command, packed, read_slots, slot_of
from targeting.redis_profiles import record_key

Then = Callable[[bytes | None], None]
"""What is to be done with the record; None: there is none; `UNKNOWN`: Redis did not say."""
UNKNOWN = b"\0"
"""Bytes that are no record: somebody in no audience, whose caps all count as reached, since they may be."""

SWEEP_S = 0.001
"""How often deadlines are looked at: how much too late a late look-up is given up."""
CONNECT_S = 2.0
RETRY_S = 0.25
REMAP_S = 0.05
"""How soon a node that is gone, or a slot that moved, is noticed."""
MOST_WAITING = 10_000
"""Look-ups in flight a connection: beyond that, Redis is too slow for what is asked."""

log = logging.getLogger(__name__)


class _Waiting:
    """One look-up in flight."""

    __slots__ = ("person", "then", "until")

    def __init__(self, person: int, then: Then, until: float) -> None:
        self.person, self.until = person, until
        self.then: Then | None = then


class _Connection(asyncio.Protocol):
    """One connection to one node. Answers come in the order of the questions; the first are those of the greeting."""

    def __init__(self, lookup: "RedisLookup", node: Node) -> None:
        self._lookup, self.node = lookup, node
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._batches: deque[list[_Waiting] | asyncio.Future[object]] = deque()
        self._ready: list[_Waiting] = []
        self.in_flight = 0
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by their class

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        for batch in self._batches:
            if isinstance(batch, list):
                self._lookup.failed(batch, exc)
            elif not batch.done():
                batch.set_exception(Away(f"{self.node[0]}:{self.node[1]}: the connection was closed"))
        self._batches.clear()

    async def ask(self, words: Words) -> object:
        """One command of our own, answered in its turn. Raises `Away`."""
        if self.lost.is_set() or self._transport is None:
            raise Away(f"{self.node[0]}:{self.node[1]}: the connection was closed")
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._batches.append(answer)
        self._transport.write(packed([words]))
        return await answer

    def add(self, waiting: _Waiting) -> None:
        """To be asked with the next `flush`."""
        self._ready.append(waiting)

    def flush(self) -> None:
        """Asks what was added."""
        asked, self._ready = self._ready, []
        if not asked:
            return
        if self._transport is None or self.lost.is_set():
            self._lookup.failed(asked, None)
            return
        self.in_flight += len(asked)
        keys = [record_key(waiting.person) for waiting in asked]
        if self._lookup.cluster:
            self._batches.extend([waiting] for waiting in asked)
            self._transport.write(packed([("GET", key) for key in keys]))
        else:
            self._batches.append(asked)
            self._transport.write(pack_command(("MGET", *keys)))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                batch = self._batches.popleft()
                if not isinstance(batch, list):
                    if not batch.done():
                        batch.set_result(reply)
                    continue
                self.in_flight -= len(batch)
                self._lookup.answered(batch, reply)
        except (hiredis.ProtocolError, IndexError):
            log.exception("%s:%d answers what nobody asked", *self.node)
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class RedisLookup:
    """Look-ups for one event loop. ``run`` keeps the connections; until they stand, nobody is known."""

    def __init__(self, address: Address, *, failures: int = 5, rest_s: float = 1.0) -> None:
        self._address, self._failures, self._rest_s = address, failures, rest_s
        self.cluster = address.cluster
        self._connections: dict[Node, _Connection] = {}
        self._slots: list[Node] = []
        self._touched: set[_Connection] = set()
        self._waiting: deque[_Waiting] = deque()
        self._in_a_row = 0
        self._open_until = 0.0
        self._sweeping = False
        self._remap = False
        self._silent: set[Node] = set()
        self.found = self.absent = self.late = self.unanswered = self.skipped = 0
        self.here: dict[int, bytes | None] = {}
        """The records of the request that is being decided: the chain's profile module asks `get` for them."""
        self.taken_ns = 0
        """When they were asked for (monotonic): what was written before then is in them."""

    any_opted_out = True
    """There may be: the records of all ids are here, so they are looked at."""

    def get(self, person: int) -> bytes | None:
        """What was looked up for the request at hand, as a store's reader would answer; `UNKNOWN` of anybody else."""
        return self.here.get(person, UNKNOWN)

    def ask(self, person: int, wait_s: float, then: Then) -> bool:
        """Looks a person up; ``then`` is called once, at most about ``wait_s`` later, never from within this call.
        False: Redis is not asked now, and ``then`` not called.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._in_a_row >= self._failures:
            if now < self._open_until:
                self.skipped += 1
                return False
            self._open_until = now + self._rest_s  # this one is asked, to see whether Redis is back
        connection = self._connection_of(person)
        if connection is None or connection.in_flight >= MOST_WAITING:
            self.skipped += 1
            return False
        waiting = _Waiting(person, then, now + wait_s)
        connection.add(waiting)
        if not self._touched:
            loop.call_soon(self._flush)
        self._touched.add(connection)
        self._waiting.append(waiting)
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(SWEEP_S, self._sweep, loop)
        return True

    def _connection_of(self, person: int) -> _Connection | None:
        if not self.cluster:
            return self._connections.get(self._address.nodes[0])
        return self._connections.get(self._slots[slot_of(record_key(person))]) if self._slots else None

    def _flush(self) -> None:
        touched, self._touched = self._touched, set()
        for connection in touched:
            connection.flush()

    def answered(self, batch: list[_Waiting], reply: object) -> None:
        """A node has answered a batch: a list for an MGET, a value for the GET of one."""
        if isinstance(reply, hiredis.ReplyError):
            if self.cluster:
                self._remap = True  # MOVED, ASK, CLUSTERDOWN: the slots are asked for anew
            self.failed(batch, reply)
            return
        records = reply if isinstance(reply, list) else [reply]
        self._in_a_row = 0
        for waiting, record in zip(batch, records, strict=True):
            if (then := waiting.then) is not None:
                waiting.then = None
                if record is None:
                    self.absent += 1
                else:
                    self.found += 1
                then(record)

    def failed(self, batch: list[_Waiting], why: Exception | None) -> None:
        """A batch will have no answer."""
        self._count_failure(why)
        for waiting in batch:
            if (then := waiting.then) is not None:
                waiting.then = None
                self.unanswered += 1
                then(UNKNOWN)

    def _count_failure(self, why: Exception | None) -> None:
        self._in_a_row += 1
        if self._in_a_row == self._failures:
            self._open_until = asyncio.get_running_loop().time() + self._rest_s
            log.warning(
                "profiles are not asked for at %s for %g s: %s", self._address, self._rest_s, why or "no answer"
            )

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Gives up what is late: in the order of asking, so that one that may wait longer holds up those behind it."""
        now, late = loop.time(), []
        waiting = self._waiting
        while waiting and (waiting[0].then is None or waiting[0].until <= now):
            first = waiting.popleft()
            if first.then is not None:
                late.append(first)
        self._sweeping = bool(waiting)
        if waiting:
            loop.call_later(SWEEP_S, self._sweep, loop)
        if late:
            self._count_failure(None)
        for one in late:
            then, one.then = one.then, None
            self.late += 1
            if then is not None:
                then(UNKNOWN)

    # connections

    async def run(self) -> None:
        """Keeps a connection to every node, until cancelled."""
        keeping: dict[Node, asyncio.Task[None]] = {}
        try:
            while True:
                for node in self._wanted():
                    if node not in keeping or keeping[node].done():
                        keeping[node] = asyncio.create_task(self._keep(node))
                await asyncio.sleep(REMAP_S)
                if self.cluster and (self._remap or not self._slots):
                    self._remap = False
                    await self._map()
        finally:
            for task in keeping.values():
                task.cancel()
            await asyncio.gather(*keeping.values(), return_exceptions=True)

    def _wanted(self) -> set[Node]:
        known = set(self._slots)
        return known if known & self._connections.keys() else known | set(self._address.nodes)

    async def _keep(self, node: Node) -> None:
        """One connection, from its beginning to its end."""
        loop = asyncio.get_running_loop()
        connection: _Connection | None = None
        try:
            made = loop.create_connection(lambda: _Connection(self, node), *node, ssl=self._address.context())
            async with asyncio.timeout(CONNECT_S):
                connection = (await made)[1]
                for words in self._address.greeting():
                    reply = await connection.ask(words)
                    if isinstance(reply, hiredis.ReplyError):
                        raise Away(f"{node[0]}:{node[1]}: {reply}")
            self._connections[node] = connection
            self._silent.discard(node)
            self._remap = True
            await connection.lost.wait()
        except (OSError, TimeoutError, Away) as error:
            if node not in self._silent:
                self._silent.add(node)
                log.warning("no profiles from %s:%d: %s", *node, error or "it does not answer")
            await asyncio.sleep(RETRY_S)
        finally:
            self._remap = True
            if self._connections.get(node) is connection:
                self._connections.pop(node, None)
            if connection is not None:
                connection.close()

    async def _map(self) -> None:
        for node, connection in list(self._connections.items()):
            try:
                async with asyncio.timeout(CONNECT_S):
                    self._slots = read_slots(await connection.ask(("CLUSTER", "SLOTS")), node)
                return
            except (TimeoutError, Away) as error:
                log.warning("%s:%d does not know the cluster: %s", *node, error or "it does not answer")
