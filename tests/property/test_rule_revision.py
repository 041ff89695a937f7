"""A rule finds the past, whenever it is published: against the twin, and case by case."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.audience_rule import Happened, Rule, conditions, holds
from domain.clock import SECOND
from domain.events import Kind, Visit, encode
from eventlog.segments import read_mark, segment_path, segments
from eventlog.writer import LogWriter
from targeting.profiles import ProfileStore
from tests.audience_rules_twin import (
    ADVERTISER,
    BASE,
    DAY,
    RULES,
    STEPS,
    Event,
    belongs,
    conversion,
    logged,
    members,
    memory_of,
    notice,
    one_of,
)
from trackers import rule_revision
from trackers.memory import Memory


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = (tmp_path_factory.mktemp(f"store{n}") for n in range(1 << 20))
    yield lambda: next(made)


class Log:
    """Stands for `eventlog.reader.LogReader`: a position is how many records there were before."""

    records: ClassVar[list[bytes]] = []

    def __init__(self, directory: Path, position: int = 0) -> None:
        self.position = position

    def read(self, limit: int, until: int) -> tuple[list[bytes], int]:
        found = self.records[self.position : min(until, self.position + limit)]
        self.position += len(found)
        return found, self.position


SENSIBLE = RULES.filter(lambda rule: not holds(rule, dict.fromkeys(conditions(rule), False)))
OFTEN = st.builds(Happened, st.just("visited"), st.just(3 * DAY), st.integers(1, 4), pages=one_of("loans/*", "*"))
PUBLISHED = st.tuples(st.integers(0, 12), st.integers(0, 7))
"""After how many events, and which of three rules, a bit each."""


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    STEPS,
    st.tuples(SENSIBLE, OFTEN, SENSIBLE | OFTEN),
    st.lists(PUBLISHED, min_size=1, max_size=4),
    st.lists(st.integers(0, 30), max_size=3),
    st.integers(0, 2),
)
def test_a_rule_finds_the_past_whenever_it_is_published(
    folders: Any,
    steps: list[tuple[int, Any]],
    pool: tuple[Rule, ...],
    published: list[tuple[int, int]],
    kills: list[int],
    pace: int,
) -> None:
    """Rules come and go, and come again, between any two events; ``pace`` steps are made after each event, so that
    others come first; what is due is looked at in between; and the process is killed at any step.
    """
    events = logged(steps)
    rules: dict[int, Rule] = {}
    with ProfileStore(folders(), sync=False) as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rule_revision, "LogReader", Log)
        patch.setattr(rule_revision, "READ", 2)
        patch.setattr(rule_revision, "WRITTEN", 1)
        Log.records = []
        memory, revision, work = memory_of(store, rules), None, 0
        memory.follow()
        now_s = BASE
        for place, event in enumerate([*events, None]):
            now_s = event.received_ns // SECOND if event else now_s
            for at, new in published:
                if min(at, len(events)) == place:
                    rules = {n: rule for n, rule in enumerate(pool, 1) if new >> n - 1 & 1}
                    memory, revision = memory_of(store, rules), None
            for _ in range(pace if event else 10_000):
                work += 1
                if work in kills:
                    memory, revision = memory_of(store, rules), None
                revision = revision or memory.revision(Path("nowhere"), now_s)
                if revision is None:
                    break
                if revision.step(memory, now_s):
                    revision = None
                memory.look_again(now_s)
            if event:
                Log.records.append(encode(event))
                memory.apply([event], place + 1)
        while memory.look_again(now_s):
            pass
        for audience, rule in rules.items():
            for person in (7, 8):
                expected = belongs(rule, person, events, now_s)
                assert members(store, audience, person, now_s) == expected, (audience, person)
                assert (person in store.members(audience)) == expected


TWICE = Happened("visited", DAY, 2, pages=("loans/*",))


def revised(memory: Memory, steps: int, at_s: int = BASE) -> None:
    """So many steps of what there is to do; -1: all."""
    revision = None
    while steps and (revision := revision or memory.revision(Path("nowhere"), at_s)):
        steps -= 1
        if revision.step(memory, at_s):
            revision = None


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> type[Log]:
    monkeypatch.setattr(rule_revision, "LogReader", Log)
    Log.records = []
    return Log


def happen(memory: Memory, past: type[Log], *events: Event) -> None:
    for event in events:
        past.records.append(encode(event))
        memory.apply([event], len(past.records))


def visited(at_s: int) -> Visit:
    return Visit(at_s * SECOND, 0, ADVERTISER, "loans/home", "", 0, 7)


@pytest.mark.parametrize("steps", [0, 1])
def test_what_comes_while_a_new_rule_is_followed_counts_once(folders: Any, past: type[Log], steps: int) -> None:
    with ProfileStore(folders(), sync=False) as store:
        memory = memory_of(store, {})
        memory.follow()
        past.records.append(b"of a version to come")
        happen(memory, past, *[visited(BASE)] * 60)  # more than one step reads, if a step reads so little
        memory = memory_of(store, {1: TWICE, 2: Happened("visited", DAY, 62), 3: Happened("visited", DAY, 63)})
        revised(memory, steps)
        happen(memory, past, visited(BASE), visited(BASE + 1))
        revised(memory, -1, BASE + 1)
        assert [bool(store.members(audience)) for audience in (1, 2, 3)] == [True, True, False]


def test_a_rule_that_comes_again_finds_what_happened_meanwhile(folders: Any, past: type[Log]) -> None:
    with ProfileStore(folders(), sync=False) as store:
        for rules in ({1: TWICE}, {}):
            memory = memory_of(store, rules)
            revised(memory, -1)
            happen(memory, past, visited(BASE))
            assert store.members(1) == []
        revised(memory_of(store, {1: TWICE}), -1)
        assert store.members(1) == [7]
        revised(memory_of(store, {1: Happened("visited", DAY, 3, pages=("loans/*",))}), -1)
        assert store.members(1) == []


def test_a_rule_that_comes_again_before_others_are_followed_finds_what_happened_meanwhile(
    folders: Any, past: type[Log], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_revision, "READ", 2)
    visits = {2: Happened("visited", 3 * DAY)}
    with ProfileStore(folders(), sync=False) as store:
        memory = memory_of(store, visits)
        memory.follow()
        happen(memory, past, *[conversion(BASE, "lead")] * 4)
        memory = memory_of(store, {1: Happened("converted", events=("application",))})
        revised(memory, 1)
        happen(memory, past, visited(BASE))
        revised(memory_of(store, visits), -1)
        assert store.members(2) == [7]


def test_conversions_that_no_record_has_are_found_in_the_log(folders: Any, past: type[Log]) -> None:
    """Of before records had them, or of a person who had too many kinds."""
    with ProfileStore(folders(), sync=False) as store:
        memory = memory_of(store, {})
        memory.follow()
        happen(memory, past, conversion(BASE - 300 * DAY, "application"), conversion(BASE - 200 * DAY, "application"))
        with store.write() as txn:
            txn.drop(store.profiles, delete=False)
        customer = Happened("converted", 0, 2, events=("application",))
        revised(memory_of(store, {1: customer, 2: Happened("converted", 0, 3, events=("application",))}), -1)
        assert (store.members(1), store.members(2)) == ([7], [])


def test_a_conversion_counts_once_however_many_conditions_name_it(folders: Any, past: type[Log]) -> None:
    with ProfileStore(folders(), sync=False) as store:
        memory = memory_of(store, {})
        memory.follow()
        happen(memory, past, conversion(BASE, "lead"))
        lead = Happened("converted", events=("lead",))
        twice = Happened("converted", 0, 2, events=("lead",))
        either = Happened("converted", 0, 2, events=("application", "lead"))
        revised(memory_of(store, {1: lead, 2: twice, 3: either}), -1)
        assert [store.members(audience) for audience in (1, 2, 3)] == [[7], [], []]


def test_what_a_person_of_two_keys_was_shown_is_counted_where_it_was_already(folders: Any, past: type[Log]) -> None:
    """Under the key of the device, whether it was counted as it came or is found in the log."""
    with ProfileStore(folders(), sync=False) as store:
        store.identity.join(7, 9, "sync", 1.0, BASE)
        memory = memory_of(store, {})
        memory.follow()
        rules = {1: Happened("shown", DAY, 2), 2: Happened("shown", DAY, 3)}
        happen(memory, past, notice(Kind.IMPRESSION, BASE, device=9))
        memory = memory_of(store, rules)
        happen(memory, past, notice(Kind.IMPRESSION, BASE + 1, device=9))
        revised(memory, -1, BASE + 1)
        assert [members(store, audience, 7, BASE + 1) for audience in (1, 2)] == [True, False]
        store.identity.split(7, 9)
        while memory.look_again(BASE + 1):
            pass
        assert [members(store, 1, key, BASE + 1) for key in (7, 9)] == [False, True]


def test_a_list_that_becomes_a_rule_loses_who_does_not_meet_it(folders: Any, past: type[Log]) -> None:
    with ProfileStore(folders(), sync=False) as store:
        store.join(1, [7, 9])
        memory = memory_of(store, {})
        memory.follow()
        happen(memory, past, visited(BASE), visited(BASE))
        revised(memory_of(store, {1: TWICE}), -1)
        assert store.members(1) == [7]
        assert members(store, 1, 7, BASE + DAY - 1) and not members(store, 1, 7, BASE + DAY)


@pytest.fixture
def damaged(folders: Any) -> Path:
    """A log with a visit of person 7 in each of three segments, of which the second is damaged; all were applied."""
    folder: Path = folders()

    async def visit(at_s: int) -> None:
        log = LogWriter(folder)
        await log.durable(log.append(encode(visited(at_s))))
        log.close()

    for at_s in (BASE, BASE + 1, BASE + 2):
        asyncio.run(visit(at_s))
    with segment_path(folder, segments(folder)[1]).open("r+b") as file:
        file.seek(20)
        file.write(b"\xff\xff")
    return folder


def test_a_damaged_segment_does_not_keep_a_rule_from_being_followed(folders: Any, damaged: Path) -> None:
    with ProfileStore(folders(), sync=False) as store:
        store.join(1, [8])
        store.join(2, [8])
        memory_of(store, {}).follow()
        memory_of(store, {}).apply([], read_mark(damaged))
        memory = memory_of(store, {1: TWICE, 2: Happened("visited", DAY, 3)})
        revision = memory.revision(damaged, BASE + 2)
        assert revision is not None
        while not revision.step(memory, BASE + 2):
            pass
        assert (store.members(1), store.members(2)) == ([7], []), "by what lies before and behind the damage"
