"""The identity map on a Redis and on a Redis Cluster: the same as in LMDB, and with many writers at a time."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli import identity
from cli.main import main
from targeting.due import ALL
from targeting.identity import MAX_KEYS, Edge
from targeting.people import impression
from targeting.profiles import ProfileStore
from targeting.record import line_item_scope, live_segments
from targeting.redis_address import parse
from targeting.redis_keys import record_key
from targeting.redis_profiles import RedisProfiles
from targeting.unpacked import unpack
from tests.identity_twin import KEYS, OPS, Op, Twin
from tests.redis_server import RedisCluster, RedisServer

Open = Callable[[], RedisProfiles]


@pytest.fixture(params=["redis_server", "redis_cluster"])
def server(request: pytest.FixtureRequest) -> RedisServer | RedisCluster:
    found: RedisServer | RedisCluster = request.getfixturevalue(request.param)
    return found


def empty(server: RedisServer | RedisCluster) -> None:
    for node in server.nodes if isinstance(server, RedisCluster) else [server]:
        node.ask("FLUSHALL")


@pytest.fixture
def open_store(server: RedisServer | RedisCluster) -> Iterator[Open]:
    """Opens the store once more, as another process would."""
    empty(server)
    opened: list[RedisProfiles] = []

    def open_one() -> RedisProfiles:
        opened.append(RedisProfiles(parse(server.url)))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(ops=st.lists(OPS, min_size=1, max_size=20))
def test_the_store_says_what_edges_and_events_say(server: RedisServer | RedisCluster, ops: list[Op]) -> None:
    empty(server)
    with RedisProfiles(parse(server.url)) as store:
        twin = Twin()
        for op in ops:
            twin.do(store, store.identity, op)
        twin.check(store, store.identity, lambda keys: [store.get(key) for key in keys])
        for first, second in combinations(KEYS, 2):
            twin.do(store, store.identity, ("split", first, second))
        twin.check(store, store.identity, lambda keys: [store.get(key) for key in keys])
        assert not any(name.startswith((b"q", b"e")) for name in store._nodes.scan(b"*"))


def test_no_impression_is_lost_while_keys_are_joined_and_split(open_store: Open) -> None:
    """Four trackers count while two others join and split; in the end each key has what was counted under it."""
    counted, told = 40, []

    def count(key: int) -> None:
        with open_store() as store:
            for n in range(counted):
                store.change([(key, impression(1_000 + n, 3, 4, 1))])

    def connect(seed: int) -> None:
        chance = random.Random(seed)
        with open_store() as store:
            for _ in range(12):
                first, second = chance.sample(KEYS[:4], 2)
                if chance.random() < 0.7:
                    store.identity.join(first, second, f"by {seed}", 1.0, 5)
                else:
                    store.identity.split(first, second)
        told.append(seed)

    threads = [threading.Thread(target=count, args=(key,)) for key in KEYS[:4]]
    threads += [threading.Thread(target=connect, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = open_store()
    assert len(told) == 2
    for key, record in zip(KEYS[:4], store.get_many(KEYS[:4]), strict=True):
        shown = unpack(record or b"").shown[line_item_scope(4)]
        assert len(shown) == min(100, counted * len(store.identity.keys(key)))
    for first, second in combinations(KEYS[:4], 2):
        store.identity.split(first, second)
    for record in store.get_many(KEYS[:4]):
        assert unpack(record or b"").shown[line_item_scope(4)] == [1_000 + n for n in range(counted)]


def test_what_was_broken_off_is_completed_by_the_next(open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process is killed after each of the steps of a join, and of a split; another runs the same again."""

    class Killed(Exception):
        pass

    for split in (False, True):
        for steps in range(12):
            dying, store = open_store(), open_store()
            store.identity.forget(1)
            store.join(7, [1])
            store.join(8, [2])
            if split:
                store.identity.join(1, 2, "sync", 1.0, 5)
            left = [steps]
            ask = dying._nodes.ask

            def kill(commands, ask=ask, left=left):
                if any(words[0] == "EVALSHA" for _, words in commands):
                    left[0] -= 1
                    if left[0] < 0:
                        raise Killed
                return ask(commands)

            monkeypatch.setattr(dying._nodes, "ask", kill)
            do = (lambda to: to.split(1, 2)) if split else (lambda to: to.join(1, 2, "sync", 1.0, 5))
            with suppress(Killed):
                do(dying.identity)
            store.join(9, [2])  # by somebody who comes by meanwhile
            do(store.identity)
            both = [7, 8, 9]
            assert [live_segments(record or b"", 0) for record in store.get_many([1, 2])] == (
                [[7], [8, 9]] if split else [both, both]
            ), (split, steps)
            store.identity.split(1, 2)
            store.leave(9, [2])


def test_many_at_a_time(open_store: Open) -> None:
    store = open_store()
    edges = [Edge(1, key, "sync", 1.0, key) for key in range(2, MAX_KEYS + 3)]
    edges += [Edge(1_000 + n, 2_000 + n, "login", 1.0, 5) for n in range(1_000)] + [Edge(7, 7, "x", 1.0, 5)]
    outcome = store.identity.join_all(edges)
    assert outcome.joined == MAX_KEYS - 1 + 1_000
    assert set(outcome.refused) == {MAX_KEYS - 1, MAX_KEYS, len(edges) - 1}
    assert len(store.identity.keys(1)) == MAX_KEYS and store.identity.person(2_500) == 1_500
    assert store.identity.rebuild() == MAX_KEYS + 2_000
    assert store.get(2_500) is not None and record_key(2_500) in set(store._nodes.scan(b"{p*"))


def test_whose_keys_change_is_decided_anew(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the tracker of the host on which the command is run."""
    empty(redis_server)
    monkeypatch.setenv("OUTBID_PROFILES_STORE", redis_server.url)
    monkeypatch.setenv("OUTBID_OUTBID_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(identity, "_known", lambda: (None, None))
    first, second = "key:00000000000000a1", "key:00000000000000b2"

    def due_after(*command: str, confidence: str = "", least: str = "0.5") -> set[int]:
        (tmp_path / "joins.csv").write_text(f"{first},{second},{confidence}\n")
        monkeypatch.setenv("OUTBID_PROFILES_LEAST_CONFIDENCE", least)
        assert main(["identity", *command]) == 0
        with ProfileStore(tmp_path / "profiles.lmdb") as own:
            found = own.due.until(1 << 31, 10)
            assert {one.audience for one in found} <= {ALL}
            with own.write() as txn:
                own.due.remove(txn, found)
        return {one.person for one in found}

    join = "join", str(tmp_path / "joins.csv")
    assert not due_after(*join, confidence="0.3")
    assert due_after(*join, confidence="0.9") == {0xA1}
    assert not due_after(*join)
    assert not due_after("rebuild")
    assert due_after("split", first, second) == {0xA1, 0xB2}
    assert not due_after(*join, confidence="0.3")
    assert due_after("rebuild", least="0.2") == {0xA1}
    assert due_after(*join, confidence="0.1", least="0.2") == {0xA1, 0xB2}
