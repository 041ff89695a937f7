"""Lists into audiences, wherever profiles are kept: against sets of Python's own, and killed at any step."""

import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.audience import AudienceSet
from targeting import audience_import
from targeting.audience_counts import end_memberships, live_sizes, overlap
from targeting.audience_files import Column, IdFile
from targeting.audience_import import Mode, Tally, import_list, note_of
from targeting.audience_lists import lists_of, live
from targeting.audience_spool import PARTS
from targeting.identity_keys import parse_person
from targeting.profiles import ProfileStore
from targeting.record import NEVER, line_item_scope
from targeting.redis_address import parse
from targeting.redis_profiles import RedisProfiles
from targeting.unpacked import unpack
from tests.redis_server import RedisCluster, RedisServer

Store = ProfileStore | RedisProfiles
Open = Callable[[], Store]
NOW = 1_795_000_000
AUDIENCE, OTHER = 7, 8


@pytest.fixture(params=["lmdb", "redis_server", "redis_cluster"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the store, as one process after the other does."""
    if request.param == "lmdb":
        yield lambda: ProfileStore(tmp_path / "profiles.lmdb", sync=False)
        return
    server: RedisServer | RedisCluster = request.getfixturevalue(request.param)
    for node in server.nodes if isinstance(server, RedisCluster) else [server]:
        node.ask("FLUSHALL")
    yield lambda: RedisProfiles(parse(server.url))


def listed(path: Path, names: list[str]) -> IdFile:
    """Half of them in one column, half in another."""
    rows = [f"{name},\n" if i % 2 else f",{name}\n" for i, name in enumerate(names)]
    path.write_text("maid,cookie\n" + "".join(rows))
    return IdFile(path, [Column("ifa", "maid"), Column("user:usx", "cookie")])


def keys(names: list[str]) -> set[int]:
    return {parse_person(f"ifa:{name}" if i % 2 else f"user:usx:{name}") for i, name in enumerate(names)}


def members(store: Store, audience: int) -> set[int]:
    """By the list, which must be what the records say."""
    lists = lists_of(store)
    found = [person for part in range(PARTS) for person in lists.part(audience, part)]
    assert found == store.members(audience) == sorted(set(found)) and lists.size(audience) == len(found)
    records = dict(zip(found, store.get_many(found), strict=True))
    assert all(audience in unpack(record or b"").segments for record in records.values())
    return set(found)


def test_lists_are_put_in_place_added_and_taken_out(opening: Open, tmp_path: Path) -> None:
    names = [f"n{i}" for i in range(900)]
    known = sorted(keys(names))[::3]
    with opening() as store:
        lists = lists_of(store)
        store.change((person, lambda editor: editor.show(NOW, [line_item_scope(4)], 1)) for person in known)
        store.join(OTHER, sorted(keys(names))[::2])
        tally = import_list(lists, listed(tmp_path / "one.csv", names[:600]), AUDIENCE, now_s=NOW)
        assert members(store, AUDIENCE) == keys(names[:600])
        assert (tally.rows, tally.size, tally.added, tally.removed) == (600, 600, 600, 0)
        assert tally.persons == {"ifa": 300, "user:usx": 300}
        assert sum(tally.met.values()) == len(keys(names[:600]).intersection(known)), "on another list is not known"
        file = listed(tmp_path / "two.csv", names[400:700] * 2)
        tally = import_list(lists, file, AUDIENCE, mode="add", ttl_s=3_600, now_s=NOW)
        assert members(store, AUDIENCE) == keys(names[:700])
        assert (tally.rows, tally.size, tally.added, tally.removed) == (600, 300, 100, 0)
        alive = {person for part in range(PARTS) for person in live(lists, AUDIENCE, part, NOW + 3_600)}
        assert alive == keys(names[:400]), "whose membership was renewed, had it renewed to this end"
        ended = [lists.end(AUDIENCE, lists.part(AUDIENCE, part), NOW + 3_599) for part in range(PARTS)]
        assert not any(ended)
        ended = [lists.end(AUDIENCE, lists.part(AUDIENCE, part), NOW + 3_600) for part in range(PARTS)]
        assert sum(ended) == 300 and members(store, AUDIENCE) == keys(names[:400])
        tally = import_list(lists, listed(tmp_path / "two.csv", names[300:500]), AUDIENCE, mode="remove", now_s=NOW)
        assert members(store, AUDIENCE) == keys(names[:300])
        assert (tally.size, tally.added, tally.removed) == (200, 0, 100)
        tally = import_list(lists, listed(tmp_path / "two.csv", names[800:]), AUDIENCE, now_s=NOW)
        assert members(store, AUDIENCE) == keys(names[800:])
        assert (tally.added, tally.removed) == (100, 300)
        note = note_of(lists, AUDIENCE)
        assert (note.source, note.mode, note.at_s, note.expires_s) == (str(tmp_path / "two.csv"), "replace", NOW, NEVER)
        assert note.tally == tally and note.running is None
        assert members(store, OTHER) == set(sorted(keys(names))[::2])
        shown = [record for record in store.get_many(known) if record and unpack(record).shown]
        assert len(shown) == len(known)


@pytest.mark.parametrize("mode", ["replace", "add", "remove"])
def test_killed_at_any_step_and_run_again_it_is_complete(
    opening: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    monkeypatch.setattr(audience_import, "STEP", 3)
    draw = random.Random(mode)
    names = [f"n{i}" for i in range(1_200)]
    before, file = sorted(keys(names[:700])), listed(tmp_path / "list.csv", names[400:])

    def run(steps: int, now_s: int) -> None:
        """Until so many steps are behind it."""
        left = steps
        with opening() as store:
            lists = lists_of(store)
            step = lists.step

            def counted(*told: object) -> None:
                nonlocal left
                left -= 1
                if left == 0:  # in the middle of it: in LMDB the transaction is open, in Redis members are written
                    *most, _ = told

                    def die(done: object) -> bytes:
                        os.kill(os.getpid(), signal.SIGKILL)
                        return b""

                    step(*most, die)  # type: ignore[arg-type]
                step(*told)  # type: ignore[arg-type]

            lists.step = counted  # type: ignore[method-assign]
            import_list(lists, file, AUDIENCE, mode=mode, ttl_s=600, now_s=now_s)

    with opening() as store:
        store.join(AUDIENCE, before)
    kills = 0
    while True:
        process = multiprocessing.get_context("fork").Process(target=run, args=(draw.randint(15, 70), NOW + kills))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        kills += 1
        assert kills < 40, "it does not go on where it was"
    assert kills >= 3
    with opening() as store:
        named, had = keys(names[400:]), set(before)
        expected = {"replace": named, "add": named | had, "remove": had - named}[mode]
        assert members(store, AUDIENCE) == expected
        note = note_of(lists_of(store), AUDIENCE)
        assert note.expires_s == NOW + 600, "as when it was begun"
        added, removed = len(expected - had), len(had - expected)
        if isinstance(store, ProfileStore):
            assert note.tally == Tally(800, 0, 0, {"ifa": 400, "user:usx": 400}, {}, added, removed)
        else:
            assert note.tally.size == 800 and added - 3 * kills <= note.tally.added <= added
        renewed = [unpack(record or b"").segments[AUDIENCE] for record in store.get_many(sorted(named & expected))]
        assert set(renewed) <= {NOW + 600}


def test_another_list_takes_the_place_of_one_that_was_broken_off(opening: Open, tmp_path: Path) -> None:
    names = [f"n{i}" for i in range(100)]
    with opening() as store:
        lists = lists_of(store)
        file = listed(tmp_path / "list.csv", names)
        step, lists.step = lists.step, None  # type: ignore[method-assign, assignment]
        with pytest.raises(TypeError):
            import_list(lists, file, AUDIENCE, now_s=NOW)
        lists.step = step  # type: ignore[method-assign]
        import_list(lists, listed(tmp_path / "list.csv", names[:10]), AUDIENCE, now_s=NOW)
        assert members(store, AUDIENCE) == keys(names[:10])


def test_members_that_came_with_profiles_are_found(tmp_path: Path) -> None:
    """LMDB lists them when somebody asks; also one that may only be read, which cannot list them."""
    path = tmp_path / "profiles.lmdb"
    persons = [5 << 56, 6 << 56 | 1, 7]
    with ProfileStore(path) as store:
        store.join(AUDIENCE, persons)
        with store.write() as txn:
            txn.drop(store._members, delete=False)
            store.mark_unlisted(txn, [AUDIENCE])
    with ProfileStore(path, readonly=True) as store:
        lists = lists_of(store)
        assert [list(lists.part(AUDIENCE, part)) for part in (0, 5, 6, 8)] == [[7], [5 << 56], [6 << 56 | 1], []]
        assert lists.note(AUDIENCE) is None
    with ProfileStore(path) as store:
        assert members(store, AUDIENCE) == set(persons)


def test_sizes_and_overlaps_are_those_of_plain_sets(opening: Open) -> None:
    """Of lists that end and do not, and of sets of them; against sets of Python's own."""
    draw = random.Random(5)
    persons = [draw.getrandbits(64) for _ in range(2_000)]
    ends = {
        audience: {p: NOW + draw.choice((-1, 0, 1, 50)) for p in draw.sample(persons, 600)} for audience in (1, 2, 3)
    }
    definitions = {8: AudienceSet(any_of=(1, 2), none_of=(3,)), 9: AudienceSet(all_of=(8, AudienceSet(any_of=(2, 3))))}
    with opening() as store:
        for audience, members_ in ends.items():
            for end in set(members_.values()):
                store.join(audience, [person for person, at in members_.items() if at == end], end)
        lists = lists_of(store)
        one, two, three = ({person for person, at in ends[n].items() if at > NOW} for n in (1, 2, 3))
        made = (one | two) - three
        alive = [one, two, three, made, made & (two | three), set()]
        ids = [1, 2, 3, 8, 9, 4]
        found = overlap(lists, ids, definitions, NOW)
        assert found.shared == tuple(tuple(len(a & b) for b in alive) for a in alive)
        assert found.share(0, 1) == len(one & two) / len(one) and found.share(5, 0) == 0
        assert live_sizes(lists, ids, definitions, NOW) == [len(members_) for members_ in alive]
        assert end_memberships(lists, 1, NOW) == 600 - len(one)
        assert members(store, 1) == one and members(store, 2) == ends[2].keys()
        assert overlap(lists, ids, definitions, NOW) == found
