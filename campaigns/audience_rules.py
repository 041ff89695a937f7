"""Rules of audiences in a campaign file, and which conversions bring people to which stage.

The form is documented in docs/audience-rules.md. A rule is written as targeting is: all keys of a mapping hold.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import permutations, product
from typing import Any

from campaigns import values
from campaigns.catalogue import Catalogue
from campaigns.values import Check
from domain.audience_rule import WHATS, AllOf, AnyOf, Happened, Not, Rule, What, conditions, holds
from domain.campaign import Advertiser
from domain.entry import Wrong
from domain.person import STAGES
from targeting.record import EXACT_IMPRESSIONS, MAX_SECONDS

MOST_CONDITIONS = 12
"""Of one rule: with more, nobody could say whether it can be met."""
DEEPEST = 8
EVENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What an advertiser may call a conversion."""
FILTERS: Mapping[What, tuple[str, ...]] = {
    "visited": ("page", "url"),
    "converted": ("event",),
    "shown": ("campaign", "line_item"),
    "clicked": ("campaign", "line_item"),
}
"""By what the events of a condition can be told apart."""

Faults = list[tuple[str, object, str]]


def event(value: Any) -> str:
    if not isinstance(value, str) or not EVENT.fullmatch(value):
        raise Wrong("it must be what conversions tell as event: 1 to 64 letters, digits, '_', '.' or '-'")
    return value


def pattern(value: Any) -> str:
    """A name or an address, in which ``*`` stands for any text."""
    if not isinstance(value, str) or not 0 < len(value) <= 255 or not value.isprintable() or " " in value:
        raise Wrong("it must be text of 1 to 255 printable characters without spaces, in which '*' stands for any text")
    return value


def address(value: Any) -> str:
    found = pattern(value)
    if "://" in found or "?" in found or "#" in found:
        raise Wrong("it must be an address without scheme, query and fragment, such as 'bank.example/*/loans*'")
    return found


def lifecycle(value: Any) -> dict[str, str]:
    """``{application: applied, approved: approved}``."""
    if not isinstance(value, dict) or not value:
        raise Wrong("it must be a mapping from conversions' events to stages")
    faults: Faults = []
    for name, stage in value.items():
        try:
            event(name)
            values.choice(*STAGES)(stage)
        except Wrong as wrong:
            faults.append((f".{name}", stage, wrong.allowed))
    if faults:
        raise Wrong("", *faults)
    return dict(value)


def rule(owner: Advertiser, known: Catalogue) -> Check[Rule]:
    """Check of a ``rule`` of an advertiser's audience, whose campaigns and line items are ``known``."""
    campaigns = {key: one.id for key, one in known.campaigns.items() if one.advertiser == owner.id}
    own = set(campaigns.values())
    items = {key: item.id for key, item in known.line_items.items() if item.campaign in own}
    checks: dict[str, tuple[str, Check[Any]]] = {
        "page": ("pages", pattern),
        "url": ("urls", address),
        "event": ("events", event),
        "campaign": ("campaigns", _key_of(campaigns, "a campaign", owner)),
        "line_item": ("line_items", _key_of(items, "a line item", owner)),
    }

    def check(value: Any) -> Rule:
        faults: Faults = []
        read = _Reading(checks, faults).expression(value, "", 0)
        if not faults:
            faults += _senseless(read, value)
        if faults:
            raise Wrong("", *faults)
        return read

    return check


class _Reading:
    """One rule, with everything that is wrong in it in ``faults``."""

    def __init__(self, checks: Mapping[str, tuple[str, Check[Any]]], faults: Faults) -> None:
        self.checks, self.faults = checks, faults

    def expression(self, form: Any, path: str, depth: int) -> Rule:
        words = f"the keys here are all, any, not, {', '.join(WHATS)}"
        if not isinstance(form, dict) or not form:
            self.faults.append((path, form, f"it must be a mapping that says something; {words}"))
            return AllOf(())
        if depth > DEEPEST:
            self.faults.append((path, form, f"rules are nested at most {DEEPEST} deep"))
            return AllOf(())
        parts: list[Rule] = []
        for name, value in form.items():
            below = f"{path}.{name}"
            if name in ("all", "any"):
                parts.append((AllOf if name == "all" else AnyOf)(tuple(self._several(value, below, depth))))
            elif name == "not":
                if isinstance(value, dict) and len(value) > 1:
                    self.faults.append((below, value, "with several keys it must say which is meant: any or all"))
                parts.append(Not(self.expression(value, below, depth + 1)))
            elif name in WHATS:
                parts.append(self._condition(name, value, below))
            else:
                self.faults.append((below, value, f"there is no such key; {words}"))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _several(self, value: Any, path: str, depth: int) -> Iterator[Rule]:
        if not isinstance(value, list) or not value:
            self.faults.append((path, value, "it must be a list of at least 1 expression"))
            return
        for i, part in enumerate(value):
            yield self.expression(part, f"{path}[{i}]", depth + 1)

    def _condition(self, what: What, form: Any, path: str) -> Happened:
        fields = (*FILTERS[what], "within", "at_least")
        if not isinstance(form, dict):
            self.faults.append((path, form, f"it must be a mapping with the fields {', '.join(fields)}"))
            return Happened(what)
        found: dict[str, Any] = {}
        for name, value in form.items():
            below = f"{path}.{name}"
            if name not in fields:
                self.faults.append((below, value, f"there is no such field; the fields here are {', '.join(fields)}"))
            elif name == "within":
                found["within_s"] = self._take(values.window(MAX_SECONDS), value, below)
            elif name == "at_least":
                found["at_least"] = self._take(values.integer(1, EXACT_IMPRESSIONS), value, below)
            else:
                field, one = self.checks[name]
                listed = value if isinstance(value, list) else [value]
                taken = self._take(values.listed(one, least=1), listed, below, alone=listed is not value)
                found[field] = tuple(sorted(taken or ()))
        if "within" not in form and what != "converted":
            self.faults.append((f"{path}.within", None, "it must be given; only conversions are kept for ever"))
        if "within" not in form and what == "converted" and "event" not in form:
            self.faults.append((f"{path}.event", None, "it must be given where within is not"))
        if "campaign" in form and "line_item" in form:
            self.faults.append((f"{path}.campaign", form["campaign"], "it must not be given beside line_item"))
        return Happened(what, **{name: value for name, value in found.items() if value is not None})

    def _take(self, check: Callable[[Any], Any], value: Any, path: str, *, alone: bool = False) -> Any:
        try:
            return check(value)
        except Wrong as wrong:
            for below, found, allowed in wrong.faults or (("", value, wrong.allowed),):
                self.faults.append((path if alone else path + below, found, allowed))
            return None


def _key_of(ids: Mapping[str, int], called: str, owner: Advertiser) -> Check[int]:
    def check(value: Any) -> int:
        if not isinstance(value, str) or value not in ids:
            there = ", ".join(sorted(ids)[:12]) or "none"
            raise Wrong(f"it must be the key of {called} of {owner.key!r}; there are {there}")
        return ids[value]

    return check


def _senseless(read: Rule, form: Any) -> Faults:
    """A rule that everybody meets who did nothing, or that nobody can meet."""
    asked = list(dict.fromkeys(conditions(read)))
    if len(asked) > MOST_CONDITIONS:
        return [("", form, f"a rule has at most {MOST_CONDITIONS} different conditions")]
    if holds(read, dict.fromkeys(asked, False)):
        return [("", form, "it would hold for all who never did anything; say what they did, too")]
    implied = [(one, other) for one, other in permutations(asked, 2) if _implies(one, other)]
    for told in product((True, False), repeat=len(asked)):
        met = dict(zip(asked, told, strict=True))
        if holds(read, met) and all(met[other] or not met[one] for one, other in implied):
            return []
    return [("", form, "it contradicts itself: nobody can meet it")]


def _implies(one: Happened, other: Happened) -> bool:
    """Whether all who meet ``one`` meet ``other``, which asks for no more such events, and for no others."""
    return (
        one.what == other.what
        and (not other.within_s or 0 < one.within_s <= other.within_s)
        and one.at_least >= other.at_least
        and all(
            not wide or (narrow and set(narrow) <= set(wide))
            for narrow, wide in (
                (one.pages, other.pages),
                (one.urls, other.urls),
                (one.events, other.events),
                (one.campaigns, other.campaigns),
                (one.line_items, other.line_items),
            )
        )
    )
