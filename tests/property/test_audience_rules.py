"""Who belongs to an audience by a rule, at every second, against a twin that looks through all that ever happened."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.audience_rule import AllOf, AnyOf, Happened, Not, Rule
from domain.campaign import Audience
from domain.clock import SECOND
from domain.events import Conversion, Kind, Mark, Notice, Visit
from targeting.profiles import ProfileStore
from targeting.record import live_segments
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


def memory_of(store: ProfileStore, rules: list[Rule]) -> Memory:
    book = RuleBook(Audience(n, f"a{n}", ADVERTISER, "A", 0, rule=rule) for n, rule in enumerate(rules, 1))
    return Memory(store, "money/0", book=lambda: book)


def members(store: ProfileStore, audience: int, person: int, now_s: int) -> bool:
    with store.env.begin(db=store.profiles) as txn:
        record = txn.get(person.to_bytes(8, "big"))
    return audience in live_segments(record or b"", now_s)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RULES, min_size=1, max_size=3), STEPS, st.data())
def test_reading_the_log_again_gives_the_same_memory(
    folders: Any, rules: list[Rule], steps: list[tuple[int, Any]], data: Any
) -> None:
    """In whatever batches, and from whatever position the process was killed at."""
    events = logged(steps)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
    contents: list[dict[bytes, bytes]] = []
    for batches in ([*zip([0, *cuts], [*cuts, len(events)], strict=True)], [(n, n + 1) for n in range(len(events))]):
        with ProfileStore(folders(), sync=False) as store:
            for begin, end in batches:  # each time another process, which knows nothing but the store
                memory = memory_of(store, rules)
                assert memory.position() == begin
                memory.apply(events[begin:end], end)
            with store.env.begin(db=store.profiles) as txn:
                contents.append({key: value for key, value in txn.cursor()})
            contents[-1] |= {b"%d" % n: repr(store.members(n)).encode() for n in range(1, len(rules) + 1)}
    assert contents[0] == contents[1]


@settings(deadline=None)
@given(st.text("ab*", max_size=8), st.text("ab\n", max_size=10))
def test_a_star_is_any_text(pattern: str, text: str) -> None:
    book = RuleBook([Audience(1, "a", ADVERTISER, "A", 0, rule=Happened("visited", 60, pages=(pattern,)))])
    assert bool(book.wanted(Visit(0, 0, ADVERTISER, text, "", 0, 7))) == globbed(text, pattern)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
