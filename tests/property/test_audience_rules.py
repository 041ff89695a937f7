"""Who belongs to an audience by a rule, at every second, against a twin that looks through all that ever happened."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.audience_rule import AllOf, AnyOf, Happened, Not, Rule, conditions, holds
from domain.campaign import Audience
from domain.clock import SECOND
from domain.events import Conversion, Kind, Mark, Notice, Visit, encode
from targeting.profiles import ProfileStore
from targeting.record import live_segments
from trackers import rule_revision
from trackers.audience_rules import RuleBook
from trackers.memory import Memory

BASE = 1_800_000_000
DAY = 86_400
ADVERTISER, OTHER = 10, 11
Event = Notice | Conversion | Visit

PAGES = ("loans/personal", "loans/home", "cards", "loans")
PATTERNS = ("loans/*", "*", "cards", "*o*s*l", "loans/*/x")
EVENTS = ("lead", "application")
TIMES = st.sampled_from([0, 1, 60, 3_600, DAY - 1, DAY, 2 * DAY])
WITHIN = st.sampled_from([60, 3_600, DAY, 3 * DAY])
AT_LEAST = st.sampled_from([1, 1, 1, 2, 3])


def one_of(*values: Any) -> Any:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(sorted).map(tuple)


CONDITIONS = st.one_of(
    st.builds(Happened, st.just("visited"), WITHIN, AT_LEAST, pages=one_of(*PATTERNS), urls=one_of("acme.example/*")),
    st.builds(Happened, st.just("converted"), WITHIN, AT_LEAST, events=one_of(*EVENTS)),
    st.builds(Happened, st.just("converted"), st.just(0), AT_LEAST, events=st.just(("application",))),
    st.builds(Happened, st.just("shown"), WITHIN, AT_LEAST, campaigns=one_of(20, 21)),
    st.builds(Happened, st.just("clicked"), WITHIN, AT_LEAST, line_items=one_of(30, 31)),
)
RULES: st.SearchStrategy[Rule] = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=4,
)


def notice(kind: Kind, at_s: int, **told: int) -> Notice:
    facts: dict[str, Any] = {
        "kind": kind, "received_ns": at_s * SECOND, "marks": 0, "bid": at_s, "imp": 0, "bid_ns": 0, "exchange": 1,
        "advertiser": ADVERTISER, "campaign": 20, "line_item": 30, "creative": 40, "deal": 0, "site": 0, "person": 7,
        "lease": 0, "rate": 0, "max_price": 0, "basis": Kind.BILLING, "price": 0, "loss_reason": 0, "min_to_win": 0,
    }  # fmt: skip
    return Notice(**facts | told)


def conversion(at_s: int, event: str, **told: Any) -> Conversion:
    facts: dict[str, Any] = {
        "received_ns": at_s * SECOND, "marks": 0, "advertiser": ADVERTISER, "event": event, "order": "1", "value": 0,
        "currency": "USD", "source": "pixel", "bid": 0, "click_ns": 0, "exchange": 0, "campaign": 0, "line_item": 0,
        "creative": 0, "deal": 0, "site": 0, "person": 7,
    }  # fmt: skip
    return Conversion(**facts | told)


HAPPENED = st.one_of(
    st.builds(
        lambda page, url, owner, person, marks: lambda at_s: Visit(at_s * SECOND, marks, owner, page, url, 0, person),
        st.sampled_from(PAGES), st.sampled_from(["", "acme.example/a", "other.example/a"]),
        st.sampled_from([ADVERTISER] * 4 + [OTHER]), st.sampled_from([7, 7, 7, 8, 0]),
        st.sampled_from([0, 0, 0, Mark.TEST]),
    ),
    st.builds(
        lambda event, marks, person: lambda at_s: conversion(at_s, event, marks=marks, person=person),
        st.sampled_from(EVENTS), st.sampled_from([0, 0, 0, Mark.DUPLICATE]), st.sampled_from([7, 7, 8]),
    ),
    st.builds(
        lambda kind, campaign, item: lambda at_s: notice(kind, at_s, campaign=campaign, line_item=item, device=9),
        st.sampled_from([Kind.IMPRESSION, Kind.CLICK, Kind.WIN]), st.sampled_from([20, 21, 22]),
        st.sampled_from([30, 31, 32]),
    ),
)  # fmt: skip
STEPS = st.lists(st.tuples(TIMES, HAPPENED), min_size=1, max_size=12)


# the twin: no record, no histories, no expiry


def meets(event: Event, asked: Happened) -> bool:
    kind = {Visit: "visited", Conversion: "converted"}.get(type(event))
    if isinstance(event, Notice):
        kind = {Kind.IMPRESSION: "shown", Kind.CLICK: "clicked"}.get(Kind(event.kind))
        fits = (not asked.campaigns or event.campaign in asked.campaigns) and (
            not asked.line_items or event.line_item in asked.line_items
        )
    elif isinstance(event, Conversion):
        fits = not asked.events or event.event in asked.events
    else:
        fits = any(globbed(event.page, p) for p in asked.pages or ("*",)) and any(
            globbed(event.url, u) for u in asked.urls or ("*",)
        )
    return kind == asked.what and fits


def globbed(text: str, pattern: str) -> bool:
    """Wildcards, the slow way."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(globbed(text[i:], pattern[1:]) for i in range(len(text) + 1))
    return text[:1] == pattern[0] and globbed(text[1:], pattern[1:])


def belongs(rule: Rule, person: int, events: list[Event], now_s: int) -> bool:
    match rule:
        case AllOf(of):
            return all(belongs(part, person, events, now_s) for part in of)
        case AnyOf(of):
            return any(belongs(part, person, events, now_s) for part in of)
        case Not(of):
            return not belongs(of, person, events, now_s)
        case Happened():
            times = [
                event.received_ns // SECOND
                for event in events
                if event.person == person and event.advertiser == ADVERTISER
                and not event.marks & (Mark.DUPLICATE | Mark.TEST | Mark.AUDIT) and meets(event, rule)
            ]  # fmt: skip
            return sum(not rule.within_s or at_s > now_s - rule.within_s for at_s in times) >= rule.at_least


def logged(steps: list[tuple[int, Any]]) -> list[Event]:
    at_s, events = BASE, []
    for wait, make in steps:
        at_s += wait
        events.append(make(at_s))
    return events


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = (tmp_path_factory.mktemp(f"store{n}") for n in range(1 << 20))
    yield lambda: next(made)


def memory_of(store: ProfileStore, rules: list[Rule] | dict[int, Rule]) -> Memory:
    by_audience = rules if isinstance(rules, dict) else dict(enumerate(rules, 1))
    book = RuleBook(Audience(n, f"a{n}", ADVERTISER, "A", 0, rule=rule) for n, rule in by_audience.items())
    return Memory(store, "money/0", book=lambda: book)


def members(store: ProfileStore, audience: int, person: int, now_s: int) -> bool:
    with store.env.begin(db=store.profiles) as txn:
        record = txn.get(person.to_bytes(8, "big"))
    return audience in live_segments(record or b"", now_s)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RULES, min_size=1, max_size=3), STEPS, st.lists(TIMES, min_size=3, max_size=8))
def test_membership_is_what_the_rule_says_at_every_second(
    folders: Any, rules: list[Rule], steps: list[tuple[int, Any]], waits: list[int]
) -> None:
    """Between the events, too, and long after them. A person of whom nothing was ever heard is in no audience."""
    events = logged(steps)
    with ProfileStore(folders(), sync=False) as store:
        memory = memory_of(store, rules)
        heard: list[Event] = []
        moments: list[tuple[int, Event | None]] = [(event.received_ns // SECOND, event) for event in events]
        now_s = moments[-1][0]
        for wait in waits:
            now_s += wait
            moments.append((now_s, None))
        touched: set[tuple[int, int]] = set()
        for at_s, event in moments:
            while memory.look_again(at_s - 1):
                pass
            if event is not None:
                memory.apply([event], len(heard) + 1)
                heard.append(event)
            memory.look_again(at_s)
            for audience, rule in enumerate(rules, 1):
                for person in (7, 8):
                    concerned = (audience, person) in touched or any(
                        e.person == person and e.advertiser == ADVERTISER and concerns(e, rule) for e in heard
                    )
                    if concerned:
                        touched.add((audience, person))
                    expected = concerned and belongs(rule, person, heard, at_s)
                    assert members(store, audience, person, at_s) == expected, (audience, person, at_s - BASE)
                    assert (person in store.members(audience)) == expected


def concerns(event: Event, rule: Rule) -> bool:
    """Whether it makes a rule be looked at. (Rules that hold for those who did nothing are refused when saved.)"""
    if event.marks & (Mark.DUPLICATE | Mark.TEST | Mark.AUDIT):
        return False
    match rule:
        case AllOf(of) | AnyOf(of):
            return any(concerns(event, part) for part in of)
        case Not(of):
            return concerns(event, of)
        case Happened():
            return meets(event, rule)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RULES, min_size=1, max_size=3), STEPS, st.data(), st.booleans())
def test_reading_the_log_again_gives_the_same_memory(
    folders: Any, rules: list[Rule], steps: list[tuple[int, Any]], data: Any, joined: bool
) -> None:
    """In whatever batches, and from whatever position the process was killed at; of a person with two keys, too."""
    events = logged(steps)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    contents: list[dict[bytes, bytes]] = []
    for batches in ([*zip([0, *cuts], [*cuts, len(events)], strict=True)], [(n, n + 1) for n in range(len(events))]):
        with ProfileStore(folders(), sync=False) as store:
            if joined:
                store.identity.join(8, 7, "sync", 1.0, BASE)
            for begin, end in batches:  # each time another process, which knows nothing but the store
                memory = memory_of(store, rules)
                assert memory.position() == begin
                memory.apply(events[begin:end], end)
            contents.append({})
            for table in (store.profiles, store.identity.parts):
                with store.env.begin(db=table) as txn:
                    contents[-1] |= {b"%d %b" % (table is store.profiles, key): value for key, value in txn.cursor()}
            contents[-1][b"due"] = repr(store.due.until(BASE + 100 * DAY, 1_000)).encode()
            contents[-1] |= {b"%d" % n: repr(store.members(n)).encode() for n in range(1, len(rules) + 1)}
    assert contents[0] == contents[1]


@pytest.mark.parametrize("batches", [[2], [1, 1]])
def test_of_two_keys_the_one_of_the_last_event_is_the_member(folders: Any, batches: list[int]) -> None:
    """In a batch events are taken as they came, not by their keys."""
    events = [conversion(BASE, "lead", person=8), conversion(BASE, "lead", person=7)]
    with ProfileStore(folders(), sync=False) as store:
        store.identity.join(7, 8, "sync", 1.0, BASE)
        memory, done = memory_of(store, [Happened("converted", 60)]), 0
        for size in batches:
            memory.apply(events[done : done + size], done + size)
            done += size
        assert store.members(1) == [7]


@settings(deadline=None)
@given(st.text("ab*", max_size=8), st.text("ab\n", max_size=10))
def test_a_star_is_any_text(pattern: str, text: str) -> None:
    book = RuleBook([Audience(1, "a", ADVERTISER, "A", 0, rule=Happened("visited", 60, pages=(pattern,)))])
    assert bool(book.wanted(Visit(0, 0, ADVERTISER, text, "", 0, 7))) == globbed(text, pattern)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RULES, min_size=1, max_size=3), STEPS, st.integers(0, 12), st.integers(0, 12), TIMES)
def test_of_a_person_with_two_keys_all_is_known_under_both(
    folders: Any, rules: list[Rule], steps: list[tuple[int, Any]], join_at: int, split_at: int, wait: int
) -> None:
    """Keys are joined, and perhaps split again, between any two events. Of keys that are split each has its own."""
    events = logged(steps)
    with ProfileStore(folders(), sync=False) as store:
        memory = memory_of(store, rules)
        together = False
        for place in range(len(events) + 1):
            at_s = events[min(place, len(events) - 1)].received_ns // SECOND + (wait if place == len(events) else 0)
            if place == join_at:
                store.identity.join(7, 8, "sync", 1.0, at_s)
                together = True
            elif place == split_at and together:
                store.identity.split(7, 8)
                together = False
            while memory.look_again(at_s - 1):
                pass
            if place < len(events):
                memory.apply([events[place]], place + 1)
            while memory.look_again(at_s):
                pass
            heard = events[: place + 1]
            for person in (7, 8):
                known = [replace(e, person=person) if together and e.person in (7, 8) else e for e in heard]
                for audience, rule in enumerate(rules, 1):
                    concerned = any(
                        e.person == person and e.advertiser == ADVERTISER and concerns(e, rule) for e in known
                    )
                    if not concerned and belongs(rule, person, known, at_s):
                        continue  # a rule that holds for those who did nothing
                    there = live_segments(store.get_many([person])[0] or b"", at_s)
                    assert (audience in there) == (concerned and belongs(rule, person, known, at_s)), (place, person)


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
    others come first; and the process is killed at any step.
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


def test_a_list_that_becomes_a_rule_loses_who_does_not_meet_it(folders: Any, past: type[Log]) -> None:
    with ProfileStore(folders(), sync=False) as store:
        store.join(1, [7, 9])
        memory = memory_of(store, {})
        memory.follow()
        happen(memory, past, visited(BASE), visited(BASE))
        revised(memory_of(store, {1: TWICE}), -1)
        assert store.members(1) == [7]
        assert members(store, 1, 7, BASE + DAY - 1) and not members(store, 1, 7, BASE + DAY)
