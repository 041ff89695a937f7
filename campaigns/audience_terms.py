"""What marketers say about audiences: the file of a list, the set that one is made of, and whom nobody may be shown.

References may go to audiences that come later in the file, so they are resolved when all are read; then nothing may be
defined by itself, and every line item's targeting must still make sense with the definitions written into it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from campaigns import values
from campaigns.catalogue import Catalogue
from domain.audience import AudienceSet
from domain.campaign import Audience, Clause, Targeting
from domain.entry import Entry, Wrong
from domain.errors import Problem, Refused
from targeting.audience_algebra import (
    DEEPEST,
    Definitions,
    both,
    circle,
    clear_of,
    definitions_of,
    depth,
    expanded,
    resolved,
)
from targeting.audience_files import Column, IdFile
from targeting.audience_import import Order, Tally, order, read
from targeting.audience_spool import Spool
from targeting.expression import MOST_ALTERNATIVES, Ill

FIELDS = ("file", "columns", "ttl", "of", "rule")
SETS = {"all": "all_of", "any": "any_of", "not": "none_of"}
LONGEST_TTL_S = 3 * 366 * 86_400

Own = Callable[[Any], int]
"""Check of the key of an audience of the same advertiser."""


class List:
    """A list beside the campaign file: read whole, and not written yet. Close it after use."""

    def __init__(self, order: Order, spool: Spool, tally: Tally) -> None:
        self.order, self.spool, self.tally = order, spool, tally


def check_kind(e: Entry, before: Audience | None) -> None:
    """It is a list, a set of others, a lookalike, or has a rule. What is a set or a lookalike was so from the start."""
    if before is not None and before.lookalike_of:
        for name in FIELDS:
            if name in e.values:
                allowed = f"{before.key!r} is a lookalike, which outbid audiences lookalike makes; use another key"
                e.wrong(name, e.values[name], allowed)
        return
    of, rule = "of" in e.values, e.values.get("rule") is not None
    what = "is made of others" if of else "has a rule"
    for name in FIELDS:
        if name in e.values and (of or rule) and name != ("of" if of else "rule"):
            e.wrong(name, e.values[name], f"it says something else of whom the audience has, and this one {what}")
    if before is not None and (before.of is None) is of:
        kind = "a list" if before.of is None else "a set of others"
        e.wrong("of", e.values.get("of"), f"{before.key!r} exists as {kind}, which cannot change; use another key")


def ttl(e: Entry) -> int:
    return e.take("ttl", values.window(LONGEST_TTL_S), 0)


def read_list(e: Entry, directory: Path, audience: int, ttl_s: int, new: Catalogue) -> List | None:
    """The field ``file`` of an audience with its ``columns``; every bad line is a problem of the file."""
    name, columns = e.take("file", values.text(), ""), e.take("columns", _columns, ())
    if columns and not name:
        e.wrong("columns", e.values["columns"], "it says what the columns of the file are, and there is none")
    if not name or not e.sound:
        return None
    spool = Spool()
    try:
        file = IdFile(directory / name, columns, exchanges=new.exchanges, advertisers=new.advertisers)
        asked = order(audience, "replace", ttl_s, file)
        return List(asked, spool, read(file, spool))
    except Refused as refused:
        spool.close()
        for problem in refused.problems:
            e.wrong("file", problem.value, f"{problem.path}: {problem.allowed}")
    return None


def _columns(value: Any) -> tuple[Column, ...]:
    if not isinstance(value, dict) or not value:
        raise Wrong("it must be a mapping from kinds of ids to columns, such as {ifa: maid, 'user:usx': cookie}")
    text = values.text(255)
    return tuple(Column(text(kind), text(name)) for kind, name in value.items())


def set_of(own: Own) -> Callable[[Any], AudienceSet]:
    """Check of a set of audiences: ``{all: [...], any: [...], not: [...]}``, with keys and sets in the lists."""

    def check(value: Any) -> AudienceSet:
        if not isinstance(value, dict) or not value.keys() & {"all", "any"}:
            raise Wrong("it must be a mapping with all or any, lists of audiences, and perhaps not: whom it leaves out")
        faults: list[tuple[str, object, str]] = []
        found: dict[str, tuple[int | AudienceSet, ...]] = {}
        for name, listed in value.items():
            if name not in SETS:
                faults.append((f".{name}", listed, f"there is no such key; the keys here are {', '.join(SETS)}"))
                continue
            try:
                found[SETS[name]] = values.listed(one, least=1)(listed)
            except Wrong as wrong:
                faults += [(f".{name}{b}", v, a) for b, v, a in wrong.faults or (("", listed, wrong.allowed),)]
        if faults:
            raise Wrong("", *faults)
        return AudienceSet(**found)

    def one(value: Any) -> int | AudienceSet:
        return check(value) if isinstance(value, dict) else own(value)

    return check


def check_sets(new: Catalogue, entries: Mapping[tuple[str, str], Entry], problems: list[Problem]) -> None:
    """Whether the definitions of audiences hold together, and what is made of them. ``entries`` are those of the file,
    by kind and key."""
    definitions = definitions_of(new.audiences.values())
    keys = {audience.id: audience.key for audience in new.audiences.values()}

    def wrong(kind: str, key: str, name: str, value: object, allowed: str) -> None:
        e = entries.get((kind, key))
        if e is not None:
            e.wrong(name, e.values.get(name, value), allowed)
        else:
            problems.append(Problem(f"{kind}.{key}.{name}", value, f"{allowed} (it was imported before)"))

    suppressing = {owner.id for owner in new.advertisers.values() if owner.suppress}
    if not definitions and not suppressing and not any(campaign.suppress for campaign in new.campaigns.values()):
        return
    for audience in definitions:
        if way := circle(audience, definitions):
            said = " -> ".join(keys[step] for step in way)
            wrong("audiences", keys[audience], "of", said, f"no audience may be made of itself: {said}")
    if problems:
        return
    for audience in definitions:
        if depth(audience, definitions) > DEEPEST:
            wrong("audiences", keys[audience], "of", keys[audience], f"sets are nested at most {DEEPEST} deep")
            continue
        try:
            clear_of([audience], definitions)
            expanded(Targeting(((Clause("audience", (str(audience),)),),)), definitions)
        except Ill as ill:
            wrong("audiences", keys[audience], "of", keys[audience], ill.faults[0][2])
    if not problems:
        _check_line_items(new, definitions, wrong)


def _check_line_items(
    new: Catalogue, definitions: Definitions, wrong: Callable[[str, str, str, object, str], None]
) -> None:
    advertisers = {one.id: one for one in new.advertisers.values()}
    ways = {}
    for campaign in new.campaigns.values():
        suppressed = dict.fromkeys((*advertisers[campaign.advertiser].suppress, *campaign.suppress))
        try:
            ways[campaign.id] = clear_of(list(suppressed), definitions)
        except Ill as ill:
            wrong("campaigns", campaign.key, "suppress", list(suppressed), ill.faults[0][2])
    for item in new.line_items.values():
        try:
            plain = resolved(item, definitions)
        except Ill as ill:
            wrong("line_items", item.key, "targeting", item.key, f"with its audiences as defined, {ill.faults[0][2]}")
            continue
        count = len(both(plain.targeting, ways.get(item.campaign, ((),))).any_of)
        if count > max(MOST_ALTERNATIVES, len(plain.targeting.any_of)):
            allowed = (
                f"with what its campaign suppresses it comes out as {count} alternatives; at most {MOST_ALTERNATIVES}"
            )
            wrong("line_items", item.key, "targeting", item.key, allowed)
