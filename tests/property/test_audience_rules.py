"""Who belongs to an audience by a rule, at every second, against a twin that looks through all that ever happened."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from campaigns.audience_rules import _senseless
from domain.audience_rule import AllOf, Happened, Not, Rule
from domain.campaign import Audience
from domain.clock import SECOND
from domain.events import Visit
from targeting.profiles import ProfileStore
from targeting.record import live_segments
from tests.audience_rules_twin import (
    ADVERTISER,
    BASE,
    CONDITIONS,
    DAY,
    OTHER,
    RULES,
    STEPS,
    TIMES,
    Event,
    belongs,
    concerns,
    conversion,
    globbed,
    logged,
    members,
    memory_of,
)
from tests.examples import examples
from trackers.audience_rules import RuleBook


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = (tmp_path_factory.mktemp(f"store{n}") for n in range(1 << 20))
    yield lambda: next(made)


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


@settings(max_examples=examples(300), deadline=None)
@given(CONDITIONS, CONDITIONS, STEPS)
def test_nobody_meets_a_rule_that_is_refused_as_a_contradiction(
    asked: Happened, forbidden: Happened, steps: list[tuple[int, Any]]
) -> None:
    rule, events = AllOf((asked, Not(forbidden))), logged(steps)
    if _senseless(rule, {}):
        assert not any(
            belongs(rule, 7, events[:n], events[n - 1].received_ns // SECOND) for n in range(1, len(events) + 1)
        )


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


def test_no_pages_of_others_bring_back_who_converted(folders: Any) -> None:
    """A record has room for so many kinds of conversions, and pages are not among them."""
    rule = AllOf((Happened("visited", DAY), Not(Happened("converted", events=("application",)))))
    events: list[Event] = [Visit(BASE * SECOND, 0, ADVERTISER, "loans", "", 0, 7), conversion(BASE, "application")]
    events += [Visit((BASE + n) * SECOND, 0, OTHER, f"shop/{n}", "", 0, 7) for n in range(300)]
    events.append(Visit((BASE + 300) * SECOND, 0, ADVERTISER, "loans", "", 0, 7))
    with ProfileStore(folders(), sync=False) as store:
        memory = memory_of(store, [rule])
        memory.apply(events[:1], 1)
        assert store.members(1) == [7]
        memory.apply(events[1:], len(events))
        assert store.members(1) == []


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
