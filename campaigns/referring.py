"""What a thing of the catalogue refers to, so that nothing is deleted that another one needs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from campaigns.catalogue import KINDS, Catalogue
from domain.audience_rule import conditions
from domain.campaign import Advertiser, Audience, BlockList, Campaign, Deal, LineItem, Targeting
from domain.creative import Creative
from targeting.audience_algebra import names_in

Reference = tuple[str, int]
"""Kind (`campaigns.catalogue.KINDS`) and id."""
Deals = Mapping[str, Sequence[int]]


def refers(thing: Any, deals: Deals) -> Iterator[Reference]:
    """What a thing refers to, each perhaps several times. ``deals``: ids by the exchange's code, as targeting
    names them."""
    found = _references(thing, deals)
    return ((kind, int(id_)) for kind, id_ in found if id_)


def _references(thing: Any, deals: Deals) -> Iterator[tuple[str, int]]:
    match thing:
        case Advertiser():
            yield "agencies", thing.agency
            yield from (("fees", id_) for id_ in thing.fees)
            yield from (("audiences", id_) for id_ in thing.suppress)
        case Audience():
            yield "advertisers", thing.advertiser
            yield "audiences", thing.lookalike_of
            yield from (("audiences", id_) for id_ in (names_in(thing.of) if thing.of else ()))
            for one in conditions(thing.rule) if thing.rule else ():
                yield from (("campaigns", id_) for id_ in one.campaigns)
                yield from (("line_items", id_) for id_ in one.line_items)
        case Creative():
            yield "advertisers", thing.advertiser
        case Deal():
            yield "advertisers", thing.advertiser
            yield "exchanges", thing.exchange
        case Campaign():
            yield "advertisers", thing.advertiser
            yield from (("fees", id_) for id_ in thing.fees or ())
            yield from (("audiences", id_) for id_ in thing.suppress)
        case LineItem():
            yield "campaigns", thing.campaign
            yield from (("creatives", id_) for id_ in thing.creatives)
            yield from (("deals", id_) for id_ in thing.deals)
            yield from (("advertisers", id_) for id_ in thing.separate_from)
            yield from _of_targeting(thing.targeting, deals)
            for multiplier in thing.multipliers:
                yield from _of_targeting(multiplier.when, deals)
        case BlockList():
            yield from (("agencies", thing.agency), ("advertisers", thing.advertiser), ("campaigns", thing.campaign))
            yield from (("exchanges", id_) for id_, _ in thing.publishers)


def _of_targeting(targeting: Targeting, deals: Deals) -> Iterator[tuple[str, int]]:
    for clauses in targeting.any_of:
        for clause in clauses:
            if clause.dimension == "audience":
                yield from (("audiences", int(value)) for value in clause.values)
            elif clause.dimension == "exchange":
                yield from (("exchanges", int(value)) for value in clause.values)
            elif clause.dimension == "deal":
                yield from (("deals", id_) for value in clause.values for id_ in deals.get(value, ()))


def deals_by_code(known: Catalogue) -> Deals:
    """Deals as targeting names them."""
    found: dict[str, list[int]] = {}
    for deal in known.deals.values():
        found.setdefault(deal.code, []).append(deal.id)
    return found


def users(known: Catalogue, wanted: Collection[Reference]) -> list[tuple[str, str]]:
    """Kinds and keys of what refers to any of some things."""
    deals = deals_by_code(known)
    return [
        (kind, key)
        for kind in KINDS
        for key, thing in getattr(known, kind).items()
        if any(one in wanted for one in refers(thing, deals))
    ]
