"""One suite for every place where profiles can be kept: LMDB, a Redis, a Redis Cluster."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from domain.person import Stage
from targeting.erasing import Erased, audiences_of, erase
from targeting.forgotten import Forgotten
from targeting.identity import Edge, Outcome, WasForgotten
from targeting.people import Change, Profiles
from targeting.profiles import ProfileStore
from targeting.record import NEVER, OPT_OUT, campaign_scope, is_capped, line_item_scope, live_segments, standing
from targeting.record_editor import Editor
from targeting.redis_address import parse
from targeting.redis_keys import record_key
from targeting.redis_nodes import Command
from targeting.redis_profiles import RedisProfiles
from targeting.unpacked import Record, pack, unpack
from tests.redis_server import RedisCluster, RedisServer

Open = Callable[[], Profiles]


@pytest.fixture(params=["lmdb", "redis_server", "redis_cluster"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the store once more, as another process would; LMDB is opened once a process."""
    opened: list[Profiles] = []
    if request.param == "lmdb":
        lmdb = ProfileStore(tmp_path / "profiles.lmdb")
        opened.append(lmdb)
        yield lambda: lmdb
    else:
        server: RedisServer | RedisCluster = request.getfixturevalue(
            f"redis_{'server' if request.param == 'redis_server' else 'cluster'}"
        )
        for node in server.nodes if isinstance(server, RedisCluster) else [server]:
            node.ask("FLUSHALL")

        def open_one() -> Profiles:
            opened.append(RedisProfiles(parse(server.url)))
            return opened[-1]

        yield open_one
    for store in opened:
        store.close()


def test_who_is_erased_is_gone_and_nobody_else(open_store: Open) -> None:
    store = open_store()
    assert isinstance(store, ProfileStore | RedisProfiles)
    ann, ben = 0xA1B2C3D4E5F60718, 0xA1B2C3D4E5F60719
    for segment in (OPT_OUT, 1, 2**28):
        store.join(segment, [ann, ben, *range(segment + 1, segment + 50)])
    store.change([(ann, show(1_000, 4)), (ben, show(1_000, 4))])
    assert store.identity.join(ann, 77, "login", 1.0, 1) and audiences_of(store, ann) == [OPT_OUT, 1, 2**28]
    before = store.get_many([ben, 3])
    store.identity.forget(ann)
    erase(store, [ann, 77])
    assert store.get_many([ann, 77, ben, 3]) == [None, None, *before]
    assert audiences_of(store, ann) == [] and audiences_of(store, ben) == [OPT_OUT, 1, 2**28]
    assert store.identity.keys(ann) == [ann] and erase(store, [ann]) == Erased(0, 0)
    assert [store.size(segment) for segment in (OPT_OUT, 1, 2**28)] == [50, 50, 50]


def test_nothing_is_written_of_who_was_forgotten(open_store: Open, tmp_path: Path) -> None:
    store, forgotten = open_store(), Forgotten(tmp_path)
    if isinstance(store, RedisProfiles):
        store._forgotten = Forgotten(tmp_path)
    forgotten.add([42], 1)
    store.change([(42, show(1_000, 4)), (43, show(1_000, 4))])
    assert store.join(5, [42, 43]) == 1 and store.replace_audience(6, [42, 43]).added == 1
    row = pack(Record({7: NEVER}))
    if isinstance(store, RedisProfiles):
        store.absorb([(42, row), (43, row)])
    assert store.get_many([42]) == [None] and store.members(5) == store.members(6) == [43]
    before = store.get_many([43])
    outcome = store.identity.join_all([Edge(42, 43, "file", 1.0, 9), Edge(43, 42, "file", 0.1, 9)])
    assert outcome == Outcome(0, {}, forgotten=2)
    with pytest.raises(WasForgotten):
        store.identity.join(43, 42, "login", 1.0, 9)
    assert store.identity.keys(43) == [43] and store.get_many([42, 43]) == [None, *before]
    assert store.identity.edges(42) == store.identity.edges(43) == []
    forgotten.remove([42])
    assert store.identity.join(43, 44, "login", 1.0, 9) and store.identity.split(43, 44) == 1
    assert store.join(5, [42]) == 1 and store.members(5) == [42, 43]


def show(at_s: int, line_item: int) -> Callable[[Editor], object]:
    return lambda editor: editor.show(at_s, [campaign_scope(3), line_item_scope(line_item)], 1)


def test_impressions_count(open_store: Open) -> None:
    store = open_store()
    store.change([(42, show(1_000, 4)), (42, show(1_010, 5)), (43, show(1_000, 4))])
    data, other, none = store.get_many([42, 43, 44])
    assert data is not None and other is not None and none is None
    assert is_capped(data, campaign_scope(3), 2, 60, 1_059)
    assert not is_capped(data, line_item_scope(4), 2, 60, 1_059)
    assert is_capped(other, campaign_scope(3), 1, 60, 1_059)
    assert open_store().get_many([42]) == [data]


def test_whatever_is_known_of_a_person(open_store: Open) -> None:
    store = open_store()
    store.change(
        [(2**64 - 1, lambda editor: editor.reach(9, Stage.APPROVED, 5)), (1, lambda editor: editor.visit(9, 7))]
    )
    last, first = store.get_many([2**64 - 1, 1])
    found = standing(last or b"", 9)
    assert found is not None and found.stage == Stage.APPROVED
    assert unpack(first or b"").relations[9].visited_s == 7


def test_memberships_beside_impressions(open_store: Open) -> None:
    store = open_store()
    store.change([(42, show(1_000, 4))])
    assert store.join(7, [42, 43], expires_s=2_000) == 2
    assert store.join(7, [42, 44], expires_s=3_000) == 1
    store.join(8, [42])
    assert unpack(store.get_many([42])[0] or b"").segments == {7: 3_000, 8: NEVER}
    assert store.members(7) == [42, 43, 44]
    assert (store.size(7), store.size(8), store.size(9)) == (3, 1, 0)
    assert store.leave(7, [42, 43, 99]) == 2
    data = store.get_many([42])[0] or b""
    assert live_segments(data, 0) == [8]
    assert is_capped(data, campaign_scope(3), 1, 60, 1_000)
    assert store.get_many([43]) == [None], "an empty profile takes no room"
    assert store.members(7) == [44]


def test_replacing_an_audience(open_store: Open) -> None:
    store = open_store()
    many = [person << 40 | person for person in range(1, 3_000)]
    assert store.replace_audience(7, many) == Change(added=2_999, removed=0, size=2_999)
    assert store.members(7) == many
    assert store.replace_audience(7, [*many[1_000:], 5]) == Change(added=1, removed=1_000, size=2_000)
    assert store.members(7) == sorted([*many[1_000:], 5])
    kept, gone = store.get_many([many[1_000], many[999]])
    assert live_segments(kept or b"", 0) == [7] and gone is None
    assert store.replace_audience(7, []) == Change(added=0, removed=2_000, size=0)


def test_several_writers_lose_no_impression(open_store: Open) -> None:
    def write(line_item: int) -> None:
        store = open_store()
        for i in range(40):
            store.change([(42, show(1_000 + i, line_item)), (43 + i, show(1_000, line_item))])

    writers = [threading.Thread(target=write, args=(line_item,)) for line_item in (1, 2, 3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    shown = unpack(open_store().get_many([42])[0] or b"").shown
    assert [shown[line_item_scope(n)] for n in (1, 2, 3)] == [list(range(1_000, 1_040))] * 3
    assert len(shown[campaign_scope(3)]) == 100, "the newest times are kept exactly"
    hours = unpack(open_store().get_many([42])[0] or b"").hours[campaign_scope(3)]
    assert sum(hours.values()) == 20


def test_writers_who_would_write_the_same_bytes_both_count(open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another tracker counts an impression of the same ad in the same second, between our reading and our writing."""
    store, other = open_store(), open_store()
    store.identity.join(43, 44, "login", 1.0, 5)  # what was learnt under a key of several is a value of another kind
    waiting: list[int] = []
    if isinstance(store, RedisProfiles):
        ask = store._nodes.ask

        def asking(commands: Sequence[Command]) -> list[object]:
            if waiting and commands[0][1][0] == "EVALSHA":
                other.change([(waiting.pop(), show(1_000, 4))])
            return ask(commands)

        monkeypatch.setattr(store._nodes, "ask", asking)
    for person in (42, 43):
        waiting.append(person)
        store.change([(person, show(1_000, 4))])
    other.change((person, show(1_000, 4)) for person in waiting)  # LMDB has one writer at a time
    for record in store.get_many([42, 43]):
        assert unpack(record or b"").shown[line_item_scope(4)] == [1_000, 1_000]


def test_a_record_of_another_version_is_begun_afresh(open_store: Open, caplog: pytest.LogCaptureFixture) -> None:
    store = open_store()
    if isinstance(store, ProfileStore):
        with store.write() as txn:
            txn.put((42).to_bytes(8, "big"), b"from the future", db=store.profiles)
    elif isinstance(store, RedisProfiles):
        store._nodes.ask([(record_key(42), ("SET", record_key(42), b"from the future"))])
    store.change([(42, show(1_000, 4))])
    assert is_capped(store.get_many([42])[0] or b"", campaign_scope(3), 1, 60, 1_000)
    assert "person 000000000000002a is begun afresh" in caplog.text
