"""Lookalikes and the law: a campaign in a special category neither reaches nor leaves out people by whom they are like.

A model of who is like somebody's customers carries on whatever bias is in who these are, so large sellers of
advertising offer no lookalikes for credit, housing and employment. The same holds for sets of audiences that have
a lookalike audience in them, and for lists that are suppressed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from campaigns.catalogue import Catalogue
from campaigns.special_categories import CATEGORIES
from domain.campaign import Audience, Campaign, LineItem, Targeting
from domain.entry import Entry
from domain.errors import Problem
from targeting.audience_algebra import definitions_of, names_in
from targeting.expression import OPERATORS

WHY = f"a campaign in a special category ({', '.join(CATEGORIES)}) must not choose people by a lookalike audience"


def modelled(audiences: Iterable[Audience]) -> frozenset[int]:
    """Ids of lookalike audiences, and of those that are made of them, or leave them out."""
    listed = tuple(audiences)
    definitions = definitions_of(listed)
    found = {audience.id for audience in listed if audience.lookalike_of}
    while more := {a for a, of in definitions.items() if a not in found and not found.isdisjoint(names_in(of))}:
        found |= more
    return frozenset(found)


def check(new: Catalogue, entries: Mapping[tuple[str, str], Entry], problems: list[Problem]) -> None:
    """Notes every place where a campaign in a special category says something of a lookalike audience. ``entries`` are
    those of the file that is read, by kind and key.
    """
    barred = modelled(new.audiences.values())
    special = {campaign.id: campaign for campaign in new.campaigns.values() if campaign.special_category}
    if not barred or not special:
        return
    keys = {audience.id: audience.key for audience in new.audiences.values() if audience.id in barred}

    def wrong(kind: str, key: str, below: str, value: object, campaign: Campaign) -> None:
        e, above = entries.get((kind, key)), entries.get(("campaigns", campaign.key))
        if e is not None:
            e.wrong(below, value, f"{WHY}, and {campaign.key!r} is {campaign.special_category!r}")
        elif above is not None:
            place = f"{below} of {kind.removesuffix('s').replace('_', ' ')} {key!r}"
            above.wrong("special_category", campaign.special_category, f"{place} stands in the way ({value!r}): {WHY}")
        else:
            problems.append(Problem(f"{kind}.{key}.{below}", value, f"{WHY} (it was imported before)"))

    for item in new.line_items.values():
        campaign = special.get(item.campaign)
        for at, targeting in _expressions(item) if campaign else ():
            for audience in sorted(barred.intersection(_audiences_of(targeting))):
                paths = [path for path, key in _named(targeting.written) if key == keys[audience]]
                for path in paths or [".audience"]:
                    wrong("line_items", item.key, f"{at}{path}", keys[audience], special[item.campaign])
    advertisers = {advertiser.id: advertiser for advertiser in new.advertisers.values()}
    for campaign in special.values():
        owner = advertisers[campaign.advertiser]
        for kind, thing in (("campaigns", campaign), ("advertisers", owner)):
            for audience in thing.suppress:
                if audience in barred:
                    wrong(kind, thing.key, "suppress", keys[audience], campaign)


def _expressions(item: LineItem) -> Iterator[tuple[str, Targeting]]:
    """All that a line item says of whom and where, with the fields that it is in."""
    yield "targeting", item.targeting
    for place, multiplier in enumerate(item.multipliers):
        yield f"multipliers[{place}].when", multiplier.when


def _audiences_of(targeting: Targeting) -> Iterator[int]:
    """Required and excluded ones."""
    clauses = (clause for way in targeting.any_of for clause in way if clause.dimension == "audience")
    return (int(value) for clause in clauses for value in clause.values)


def _named(form: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Audiences that a written expression names, by their paths."""
    if isinstance(form, list):
        for place, each in enumerate(form):
            yield from _named(each, f"{path}[{place}]")
    elif isinstance(form, dict):
        for name, value in form.items():
            if name == "audience":
                yield from ((f"{path}.{name}[{place}]", key) for place, key in enumerate(value))
            elif name in OPERATORS:
                yield from _named(value, f"{path}.{name}")
