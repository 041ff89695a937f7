"""Rules over events: which individuals belong to an audience by what they did.

A rule is a nested AND / OR / NOT over conditions: the person visited such pages, converted, saw or clicked ads of the
advertiser, so often, within such a time. `trackers.audience_rules` decides them as events arrive.
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

What = Literal["visited", "converted", "shown", "clicked"]
WHATS: tuple[What, ...] = ("visited", "converted", "shown", "clicked")


class Happened(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="event"):
    """At least ``at_least`` such events of the audience's advertiser, the last ``within_s`` seconds. Of lists one
    entry must fit; an empty one asks for nothing. Pages and URLs are patterns, in which ``*`` is any text.
    """

    what: What
    within_s: int = 0
    """0: ever; of conversions only."""
    at_least: int = 1
    pages: tuple[str, ...] = ()
    """Names of visited pages."""
    urls: tuple[str, ...] = ()
    """Their addresses, without scheme, query and fragment."""
    events: tuple[str, ...] = ()
    """Of conversions: what happened, in the advertiser's word."""
    campaigns: tuple[int, ...] = ()
    """Of impressions and clicks."""
    line_items: tuple[int, ...] = ()


class AllOf(Struct, frozen=True, forbid_unknown_fields=True, tag="all"):
    of: tuple["Rule", ...]


class AnyOf(Struct, frozen=True, forbid_unknown_fields=True, tag="any"):
    of: tuple["Rule", ...]


class Not(Struct, frozen=True, forbid_unknown_fields=True, tag="not"):
    of: "Rule"


Rule = Happened | AllOf | AnyOf | Not


def conditions(rule: Rule) -> Iterator[Happened]:
    """What a rule asks for, from left to right."""
    match rule:
        case Happened():
            yield rule
        case Not(of):
            yield from conditions(of)
        case AllOf(of) | AnyOf(of):
            for part in of:
                yield from conditions(part)


def holds(rule: Rule, met: dict[Happened, bool]) -> bool:
    """Whether a rule holds where its conditions are met or not."""
    match rule:
        case Happened():
            return met[rule]
        case Not(of):
            return not holds(of, met)
        case AllOf(of):
            return all(holds(part, met) for part in of)
        case AnyOf(of):
            return any(holds(part, met) for part in of)
