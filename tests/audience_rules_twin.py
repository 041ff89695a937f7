"""Events of persons and rules over them, made at random; and who belongs to an audience, found without record, history
or expiry: by looking through all that ever happened.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

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


def memory_of(store: ProfileStore, rules: Sequence[Rule] | Mapping[int, Rule]) -> Memory:
    by_audience = rules if isinstance(rules, Mapping) else dict(enumerate(rules, 1))
    book = RuleBook(Audience(n, f"a{n}", ADVERTISER, "A", 0, rule=rule) for n, rule in by_audience.items())
    return Memory(store, "money/0", book=lambda: book)


def members(store: ProfileStore, audience: int, person: int, now_s: int) -> bool:
    with store.env.begin(db=store.profiles) as txn:
        record = txn.get(person.to_bytes(8, "big"))
    return audience in live_segments(record or b"", now_s)
