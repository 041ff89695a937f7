"""Rules of audiences, decided as events arrive: who belongs to them from now on, and until when.

The record of a person keeps, for each *history* that a rule asks about (visits of certain pages, conversions of certain
kinds …), when its newest events were: as a frequency scope of level `HISTORY`, by a hash of what the history is of. So
rules that ask the same of different times share a history, and a rule that asks it of another time has one already.
A condition is met until its n-th newest event falls out of its time; so of any rule it can be said, without an event to
come, until when it holds and when it holds again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from domain.audience_rule import Happened, Rule, conditions, holds
from domain.campaign import Advertiser, Audience
from domain.events import Conversion, Kind, Notice, Visit
from domain.naming import name_id
from domain.person import STAGES, Stage, conversion_kind
from targeting.record import MAX_SCOPE_ID, NEVER
from targeting.record_editor import Editor

HISTORY = 6
"""Level of histories among frequency scopes (`targeting.record`)."""

Event = Notice | Conversion | Visit


class Verdict(NamedTuple):
    """What a rule says of a person; unix seconds."""

    until_s: int = 0
    """The person belongs to the audience before then; 0: does not belong to it."""
    again_s: int = 0
    """Without an event to come, the person belongs to it again from then on; 0: not so."""


def history_of(advertiser: int, condition: Happened) -> int:
    """The scope in which the events of a condition are kept. It does not depend on times and numbers."""
    asked = (condition.what, *map(",".join, (condition.pages, condition.urls, condition.events)))
    ids = (",".join(map(str, of)) for of in (condition.campaigns, condition.line_items))
    return HISTORY << 29 | name_id("\n".join((f"history:{advertiser}", *asked, *ids))) & MAX_SCOPE_ID


@dataclass(frozen=True, eq=False)
class AudienceRule:
    """A rule with what the records know of its conditions. Two are the same if they are one: they are hashed often."""

    audience: int
    advertiser: int
    rule: Rule

    @cached_property
    def conditions(self) -> tuple[Happened, ...]:
        return tuple(dict.fromkeys(conditions(self.rule)))

    @cached_property
    def _scopes(self) -> dict[Happened, int]:
        return {one: history_of(self.advertiser, one) for one in self.conditions if one.within_s}

    def decide(self, editor: Editor, at_s: int) -> Verdict:
        """What the rule says at ``at_s``, by the record in an editor, in which all events are at ``at_s`` or before."""
        ends = {one: self._end(one, editor) for one in self.conditions}

        def held(moment: int) -> bool:
            return holds(self.rule, {one: moment < end for one, end in ends.items()})

        until_s = again_s = 0
        before = held(at_s)
        for moment in sorted({end for end in ends.values() if at_s < end < NEVER}):
            now = held(moment)
            if before and not now and not until_s:
                until_s = moment
            elif now and not before:
                again_s = moment
                break
            before = now
        return Verdict(until_s or (NEVER if held(at_s) else 0), again_s)

    def _end(self, condition: Happened, editor: Editor) -> int:
        """When a condition that is met, or was, is met no more; 0: it never was."""
        if not condition.within_s:
            kinds = {conversion_kind(self.advertiser, event) for event in condition.events}
            return NEVER if sum(map(editor.converted, kinds)) >= condition.at_least else 0
        times = editor.times_of(self._scopes[condition])
        return times[-condition.at_least] + condition.within_s if len(times) >= condition.at_least else 0


class Wanted(NamedTuple):
    """A history that rules ask about, and the rules."""

    condition: Happened
    scope: int
    """0: it is kept among the conversions."""
    rules: tuple[AudienceRule, ...]
    pages: tuple["re.Pattern[str]", ...]
    urls: tuple["re.Pattern[str]", ...]

    @property
    def kinds(self) -> Iterable[int]:
        """Kinds of conversions, where these are what is counted."""
        return (conversion_kind(rule.advertiser, event) for rule in self.rules[:1] for event in self.condition.events)

    def fits(self, event: Event) -> bool:
        """Whether an event, of the right advertiser and kind, belongs into it."""
        asked = self.condition
        match event:
            case Visit():
                return _matches(self.pages, event.page) and _matches(self.urls, event.url)
            case Conversion():
                return not asked.events or event.event in asked.events
            case _:
                if asked.campaigns:
                    return event.campaign in asked.campaigns
                return not asked.line_items or event.line_item in asked.line_items


class RuleBook:
    """All that advertisers want done with events. It is never changed: what is published later makes another."""

    def __init__(self, audiences: Iterable[Audience] = (), advertisers: Iterable[Advertiser] = ()) -> None:
        self.rules = {a.id: AudienceRule(a.id, a.advertiser, a.rule) for a in audiences if a.rule is not None}
        """By audience."""
        self._stages = {a.id: {event: STAGES[word] for event, word in a.lifecycle.items()} for a in advertisers}
        self._wanted: dict[tuple[int, str], list[Wanted]] = {}
        asking: dict[tuple[int, Happened], list[AudienceRule]] = {}
        for rule in self.rules.values():
            for one in rule.conditions:
                same = Happened(
                    one.what,
                    within_s=1 if one.within_s else 0,
                    pages=one.pages,
                    urls=one.urls,
                    events=one.events,
                    campaigns=one.campaigns,
                    line_items=one.line_items,
                )
                asking.setdefault((rule.advertiser, same), []).append(rule)
        for (advertiser, one), rules in asking.items():
            scope = history_of(advertiser, one) if one.within_s else 0
            patterns = tuple(map(_pattern, one.pages)), tuple(map(_pattern, one.urls))
            wanted = Wanted(one, scope, tuple(dict.fromkeys(rules)), *patterns)
            self._wanted.setdefault((advertiser, one.what), []).append(wanted)

        self._by_evidence: dict[int, list[AudienceRule]] = {}
        for wanted in (one for of in self._wanted.values() for one in of):
            for key in (wanted.scope,) if wanted.scope else wanted.kinds:
                self._by_evidence.setdefault(key, []).extend(wanted.rules)

    def of(self, audience: int) -> list[AudienceRule]:
        """The rule of an audience, if it has one."""
        return [self.rules[audience]] if audience in self.rules else []

    def about(self, evidence: Iterable[int]) -> list[AudienceRule]:
        """The rules that can hold for somebody whose record has these histories and kinds of conversions."""
        found = (rule for key in evidence for rule in self._by_evidence.get(key, ()))
        return list(dict.fromkeys(found))

    def stage(self, conversion: Conversion) -> Stage | None:
        """The stage that a conversion brings the person to."""
        return self._stages.get(conversion.advertiser, _NO_STAGES).get(conversion.event)

    def wanted(self, event: Event) -> list[Wanted]:
        """The histories that an event that counts belongs into."""
        there = self._wanted.get((event.advertiser, _what(event)))
        return [one for one in there if one.fits(event)] if there else []


_NO_STAGES: Mapping[str, Stage] = {}


def _what(event: Event) -> str:
    match event:
        case Visit():
            return "visited"
        case Conversion():
            return "converted"
        case _:
            return {Kind.IMPRESSION: "shown", Kind.CLICK: "clicked"}.get(Kind(event.kind), "")


def _pattern(text: str) -> "re.Pattern[str]":
    """``*`` is any text. What stands between two stars is looked for once, where it comes first: matching takes no more
    steps than the text has characters for each star, whatever somebody sends.
    """
    first, *rest = map(re.escape, text.split("*"))
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.compile(f"{first}{middle}.*{rest[-1]}" if rest else first, re.DOTALL)


def _matches(patterns: tuple["re.Pattern[str]", ...], text: str) -> bool:
    return not patterns or any(pattern.fullmatch(text) for pattern in patterns)
