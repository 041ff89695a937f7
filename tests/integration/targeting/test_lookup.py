"""Look-ups of a bidder in a real Redis and a real cluster: together, in time, and when Redis is slow, gone or moved."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from targeting.people import Edit
from targeting.record import live_segments
from targeting.redis_address import parse, slot_of
from targeting.redis_keys import record_key
from targeting.redis_lookup import UNKNOWN, RedisLookup
from targeting.redis_profiles import RedisProfiles
from tests.redis_server import RedisCluster, RedisServer

Server = RedisServer | RedisCluster
WAIT_S = 30.0
"""Longer than any machine is busy: what is not about deadlines must not depend on them."""


def join(segment: int) -> Edit:
    return lambda editor: editor.join(segment, 10_000)


@pytest.fixture(params=["redis_server", "redis_cluster"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    for node in nodes(server):
        node.ask("FLUSHALL")
    with RedisProfiles(parse(server.url)) as store:
        store.change((person, join(person)) for person in range(1, 100))
    return server


def nodes(server: Server) -> list[RedisServer]:
    return server.nodes if isinstance(server, RedisCluster) else [server]


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not what():  # noqa: ASYNC110  (nobody tells when)
            await asyncio.sleep(0.005)


@asynccontextmanager
async def lookups(server: Server, **settings: float) -> AsyncIterator[RedisLookup]:
    lookup = RedisLookup(parse(server.url), **settings)  # type: ignore[arg-type]
    running = asyncio.create_task(lookup.run())
    await until(lambda: lookup.ask(1, WAIT_S, lambda record: None))
    if lookup.cluster:
        await until(lambda: all(lookup._connection_of(person) for person in range(1, 100)))
    await until(lambda: not lookup._waiting)
    lookup.found = lookup.absent = lookup.skipped = 0
    try:
        yield lookup
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def ask(lookup: RedisLookup, person: int, wait_s: float = WAIT_S) -> Awaitable[bytes | None]:
    answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    assert lookup.ask(person, wait_s, answer.set_result), "it asks"
    return answer


def commands(server: Server, name: str) -> int:
    """How many of them Redis has carried out."""
    told = [str(node.ask("INFO", "commandstats")) for node in nodes(server)]
    return sum(int(found[1]) for text in told if (found := re.search(rf"cmdstat_{name}:calls=(\d+)", text)))


async def test_everybody_is_found_and_nobody_else(server: Server) -> None:
    with RedisProfiles(parse(server.url)) as store:
        expected = store.get_many(range(1, 101))
    async with lookups(server) as lookup:
        assert await asyncio.gather(*(ask(lookup, person) for person in range(1, 101))) == expected
        assert (lookup.found, lookup.absent, lookup.late, lookup.unanswered) == (99, 1, 0, 0)


async def test_look_ups_of_one_turn_go_out_together(redis_server: RedisServer) -> None:
    async with lookups(redis_server) as lookup:
        before = commands(redis_server, "mget")
        await asyncio.gather(*(ask(lookup, person) for person in range(1, 50)))
        await ask(lookup, 1)
        assert commands(redis_server, "mget") - before == 2


async def test_who_is_late_is_given_up_and_the_answer_is_dropped(redis_server: RedisServer) -> None:
    async with lookups(redis_server) as lookup:
        redis_server.signal(signal.SIGSTOP)
        try:
            assert await ask(lookup, 1, 0.005) == UNKNOWN
            assert (lookup.late, lookup.found) == (1, 0)
        finally:
            redis_server.signal(signal.SIGCONT)
        assert await ask(lookup, 1) is not None, "the late answer was not taken for this one"
        assert await ask(lookup, 101) is None


async def test_the_circuit_breaker_opens_and_closes(redis_server: RedisServer) -> None:
    async with lookups(redis_server, failures=3, rest_s=0.05) as lookup:
        redis_server.signal(signal.SIGSTOP)
        try:
            for _ in range(3):
                assert await ask(lookup, 1, 0.002) == UNKNOWN
            assert not lookup.ask(1, WAIT_S, pytest.fail), "Redis is left alone"
            assert lookup.skipped == 1
            await asyncio.sleep(0.06)
            assert await ask(lookup, 1, 0.002) == UNKNOWN, "one is asked, to see whether it is back"
            assert not lookup.ask(1, WAIT_S, pytest.fail)
        finally:
            redis_server.signal(signal.SIGCONT)
        await asyncio.sleep(0.06)
        assert await ask(lookup, 1) is not None
        assert await ask(lookup, 2) is not None


async def test_a_redis_that_is_killed_answers_nobody_and_is_found_again(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, password="")
    server.start()
    try:
        async with lookups(server, failures=1_000) as lookup:
            server.signal(signal.SIGSTOP)
            waiting = ask(lookup, 1)
            await asyncio.sleep(0.01)
            server.kill()
            assert await waiting == UNKNOWN
            assert lookup.unanswered == 1
            await until(lambda: lookup._connection_of(1) is None)
            assert not lookup.ask(1, WAIT_S, pytest.fail)
            await asyncio.to_thread(server.start)
            await until(lambda: lookup._connection_of(1) is not None)
            assert await ask(lookup, 1) is None
            assert lookup.absent == 1
    finally:
        server.kill()


async def test_a_slot_that_moves_is_followed(redis_cluster: RedisCluster) -> None:
    """While it moves its look-ups may fail; afterwards they do not, and writers wait."""
    person = 7
    slot = slot_of(record_key(person))
    with RedisProfiles(parse(redis_cluster.url)) as store:
        store.change([(person, join(5))])
        old = next(n for n in redis_cluster.nodes if record_key(person) in n.ask("KEYS", "*"))  # type: ignore[operator]
        new = next(node for node in redis_cluster.nodes if node is not old)
        async with lookups(redis_cluster) as lookup:
            ids = {node: str(node.ask("CLUSTER", "MYID"), "ascii") for node in redis_cluster.nodes}  # type: ignore[call-overload]
            new.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[old])
            old.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[new])
            for key in old.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):  # type: ignore[attr-defined]
                moved = old.ask("MIGRATE", "127.0.0.1", new.port, key, 0, 5_000, "AUTH", new.password)
                assert moved == b"OK"
            await asyncio.to_thread(store.change, [(person, join(6))])  # the slot is in between: ASK
            for node in redis_cluster.nodes:
                node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[new])
            found = None
            async with asyncio.timeout(WAIT_S):
                while found in (None, UNKNOWN):
                    await asyncio.sleep(0.01)
                    found = await ask(lookup, person)
            assert found == (await asyncio.to_thread(store.get_many, [person]))[0]
            await asyncio.to_thread(store.change, [(person, join(8))])
    with RedisProfiles(parse(redis_cluster.url)) as store:
        assert {5, 6, 8} <= set(live_segments(store.get_many([person])[0] or b"", 0))


async def test_a_wrong_password_is_said_and_nobody_is_known(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    lookup = RedisLookup(parse(redis_server.url.replace("secret", "wrong")))
    running = asyncio.create_task(lookup.run())
    await until(lambda: "WRONGPASS" in caplog.text)
    assert not lookup.ask(1, WAIT_S, pytest.fail)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "wrong" not in caplog.text.replace("WRONGPASS", "")
