"""Looking persons up in Redis while an event loop serves requests: look-ups of one turn of the loop go out together.

To a single Redis they are one MGET, to a cluster one pipeline of GETs a node. With the records come the bids that are
held against frequency caps, if they are asked for; and bids are held here (`targeting.redis_holds`). Each question has
a deadline; when it has not been answered then, or cannot be asked at all, the caller gets `UNKNOWN`, and a counter says
why. After repeated failures Redis is left alone for a while (a circuit breaker).
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable
from functools import partial
from itertools import count

import hiredis

from targeting.redis_address import Address, Away, Node, read_slots, slot_of
from targeting.redis_connection import Connection
from targeting.redis_holds import TAKE, take_words
from targeting.redis_keys import holds_key, record_key

Then = Callable[[bytes | None], None]
"""What is to be done with the record; None: there is none; `UNKNOWN`: Redis did not say."""
Held = tuple[bytes | None, list[bytes]]
"""A record, and the words (`targeting.held_words`) of all bids that are held."""
UNKNOWN = b"\0"
"""Bytes that are no record: somebody in no audience, whose caps all count as reached, since they may be."""
NOT_HELD: Held = (UNKNOWN, [])
"""Redis did not hold, or did not say so."""

SWEEP_S = 0.001
"""How often deadlines are looked at: how much too late a late look-up is given up."""
CONNECT_S = 2.0
RETRY_S = 0.25
REMAP_S = 0.05
"""How soon a node that is gone, or a slot that moved, is noticed."""
MOST_WAITING = 10_000
"""Commands in flight a connection: beyond that, Redis is too slow for what is asked."""

log = logging.getLogger(__name__)


class _Waiting:
    """A question in flight. ``held`` is where the words of held bids go, if they are wanted."""

    __slots__ = ("held", "key", "then", "until")

    def __init__(self, key: int, then: Then, until: float, held: list[bytes] | None) -> None:
        self.key, self.until, self.held = key, until, held
        self.then: Then | None = then


class RedisLookup:
    """Look-ups for one event loop. ``run`` keeps the connections; until they stand, nobody is known."""

    def __init__(self, address: Address, *, failures: int = 5, rest_s: float = 1.0) -> None:
        self._address, self._failures, self._rest_s = address, failures, rest_s
        self.cluster = address.cluster
        self._connections: dict[Node, Connection] = {}
        self._slots: list[Node] = []
        self._touched: set[Connection] = set()
        self._ready: dict[Connection, list[_Waiting]] = {}
        self._waiting: list[tuple[float, int, _Waiting]] = []
        self._number = count()
        self._in_a_row = 0
        self._open_until = 0.0
        self._sweeping = False
        self._remap = False
        self._silent: set[Node] = set()
        self.found = self.absent = self.late = self.unanswered = self.skipped = self.full = 0
        self.here: dict[int, bytes | None] = {}
        """The records of the request that is being decided: the chain's profile module asks `get` for them."""
        self.held_here: dict[int, list[bytes]] = {}
        """And the bids that are held, as `held` says."""
        self.taken_ns = 0
        """When they were asked for (monotonic): what was written before then is in them."""

    any_opted_out = True
    """There may be: the records of all ids are here, so they are looked at."""

    def get(self, person: int) -> bytes | None:
        """What was looked up for the request at hand, as a store's reader would answer; `UNKNOWN` of anybody else."""
        return self.here.get(person, UNKNOWN)

    def held(self, key: int) -> list[bytes]:
        """The words of the bids that were held when the request at hand was looked up."""
        return self.held_here.get(key, [])

    def ask(self, person: int, wait_s: float, then: Then, held: list[bytes] | None = None) -> bool:
        """Looks a person up; ``then`` is called once, at most about ``wait_s`` later, never from within this call.
        False: Redis is not asked now, and ``then`` not called. ``held`` is filled with the words of held bids before.
        """
        connection = self._open(person)
        if connection is None:
            return False
        waiting = self._wait(_Waiting(person, then, asyncio.get_running_loop().time() + wait_s, held))
        if connection not in self._ready:
            self._ready[connection] = []
            self._touch(connection)
        self._ready[connection].append(waiting)
        return True

    def take(self, key: int, words: list[bytes | int], wait_s: float, then: Callable[[Held], None]) -> bool:
        """Holds bids of a key: ``words``, each followed by its milliseconds. ``then`` gets the record and all that is
        held then, these among them; `NOT_HELD` if there is no room or no answer, and the words are to be withdrawn.
        False: Redis is not asked now.
        """
        connection = self._open(key)
        if connection is None:
            return False
        held: list[bytes] = []
        until = asyncio.get_running_loop().time() + wait_s
        waiting = self._wait(_Waiting(key, lambda record: then((record, held)), until, held))
        connection.send(take_words(key, words), partial(self._taken, waiting))
        return True

    def withdraw(self, key: int, words: list[bytes]) -> None:
        """Lets go of bids that were not sent. If that is lost on the way, they expire."""
        connection = self._connection_of(key)
        if connection is not None:
            connection.send(("ZREM", holds_key(key), *words), _ignored)

    def _open(self, key: int) -> Connection | None:
        """The connection to ask for a key; None, and counted, if it is not to be asked now."""
        if self._in_a_row >= self._failures:
            now = asyncio.get_running_loop().time()
            if now < self._open_until:
                self.skipped += 1
                return None
            self._open_until = now + self._rest_s  # this one is asked, to see whether Redis is back
        connection = self._connection_of(key)
        if connection is None or connection.in_flight >= MOST_WAITING:
            self.skipped += 1
            return None
        return connection

    def _wait(self, waiting: _Waiting) -> _Waiting:
        heapq.heappush(self._waiting, (waiting.until, next(self._number), waiting))
        if not self._sweeping:
            self._sweeping = True
            loop = asyncio.get_running_loop()
            loop.call_later(SWEEP_S, self._sweep, loop)
        return waiting

    def _connection_of(self, person: int) -> Connection | None:
        if not self.cluster:
            return self._connections.get(self._address.nodes[0])
        return self._connections.get(self._slots[slot_of(record_key(person))]) if self._slots else None

    def _touch(self, connection: Connection) -> None:
        """Something is to be sent there at the end of this turn of the loop."""
        if not self._touched:
            asyncio.get_running_loop().call_soon(self._flush)
        self._touched.add(connection)

    def _flush(self) -> None:
        ready, self._ready = self._ready, {}
        for connection, asked in ready.items():
            self._look_up(connection, asked)
        touched, self._touched = self._touched, set()
        for connection in touched:
            connection.flush()

    def _look_up(self, connection: Connection, asked: list[_Waiting]) -> None:
        """Asks for what is held before the records: what is counted in between is seen twice then, and not missed."""
        now = b"(%d" % (time.time_ns() // 1_000_000)  # only what has surely expired is passed over; TAKE says all
        for waiting in asked:
            if waiting.held is not None:
                command = ("ZRANGEBYSCORE", holds_key(waiting.key), now, "+inf")
                connection.send(command, partial(self._found_held, waiting))
        keys = [record_key(waiting.key) for waiting in asked]
        if self.cluster:
            for waiting, key in zip(asked, keys, strict=True):
                connection.send(("GET", key), partial(self._answered, [waiting]))
        else:
            connection.send(("MGET", *keys), partial(self._answered, asked))

    def _found_held(self, waiting: _Waiting, reply: object) -> None:
        if isinstance(reply, list) and waiting.held is not None:
            waiting.held.extend(reply)
        elif waiting.then is not None:  # the record is not likely to come either, and counts the failure
            self.unanswered += 1
            self._end(waiting, UNKNOWN)

    def _taken(self, waiting: _Waiting, reply: object) -> None:
        if reply is None:
            self.full += 1
            self._end(waiting, UNKNOWN)
        elif isinstance(reply, list) and waiting.held is not None:
            self._in_a_row = 0
            record, words = reply
            waiting.held.extend(words)
            self._end(waiting, record)
        else:
            self._failed([waiting], reply)

    def _answered(self, batch: list[_Waiting], reply: object) -> None:
        """A node has answered a batch: a list for an MGET, a value for the GET of one."""
        if isinstance(reply, Exception):
            self._failed(batch, reply)
            return
        records = reply if isinstance(reply, list) else [reply]
        self._in_a_row = 0
        for waiting, record in zip(batch, records, strict=True):
            if waiting.then is not None:
                if record is None:
                    self.absent += 1
                else:
                    self.found += 1
                self._end(waiting, record)

    def _end(self, waiting: _Waiting, record: bytes | None) -> None:
        then, waiting.then = waiting.then, None
        if then is not None:
            then(record)

    def _failed(self, batch: list[_Waiting], why: object) -> None:
        """A batch will have no answer."""
        if isinstance(why, hiredis.ReplyError):
            if self.cluster:
                self._remap = True  # MOVED, ASK, CLUSTERDOWN: the slots are asked for anew
            if str(why).startswith("NOSCRIPT"):
                for connection in self._connections.values():
                    connection.send(("SCRIPT", "LOAD", TAKE), _ignored)
        self._count_failure(why)
        for waiting in batch:
            if waiting.then is not None:
                self.unanswered += 1
                self._end(waiting, UNKNOWN)

    def _count_failure(self, why: object) -> None:
        self._in_a_row += 1
        if self._in_a_row == self._failures:
            self._open_until = asyncio.get_running_loop().time() + self._rest_s
            log.warning(
                "profiles are not asked for at %s for %g s: %s", self._address, self._rest_s, why or "no answer"
            )

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Gives up what is late."""
        now, late = loop.time(), []
        waiting = self._waiting
        while waiting and (waiting[0][2].then is None or waiting[0][0] <= now):
            first = heapq.heappop(waiting)[2]
            if first.then is not None:
                late.append(first)
        self._sweeping = bool(waiting)
        if waiting:
            loop.call_later(SWEEP_S, self._sweep, loop)
        if late:
            self._count_failure(None)
        for one in late:
            self.late += 1
            self._end(one, UNKNOWN)

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
        connection: Connection | None = None
        try:
            made = loop.create_connection(lambda: Connection(node, self._touch), *node, ssl=self._address.context())
            async with asyncio.timeout(CONNECT_S):
                connection = (await made)[1]
                for words in (*self._address.greeting(), ("SCRIPT", "LOAD", TAKE)):
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


def _ignored(reply: object) -> None:
    """Nobody waits for it."""
