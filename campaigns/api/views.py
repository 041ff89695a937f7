"""Who sees what: the one place that decides which part of the catalogue a caller, or the check of a change, is given.

Nothing else of the API looks at the whole catalogue, but for keys, which are unique among everybody's things.
"""

from typing import Any

from msgspec.structs import replace

from campaigns.catalogue import Catalogue
from domain.campaign import Advertiser, LineItem

OWNED = ("advertisers", "audiences", "creatives", "deals", "campaigns", "line_items", "block_lists")
"""Kinds that an advertiser's own key may name. Exchanges, agencies and fees are the house's."""

BY_ADVERTISER = ("audiences", "creatives", "deals", "campaigns")


def owner_of(known: Catalogue, kind: str, thing: Any, campaigns: dict[int, int]) -> int:
    """The advertiser that a thing is of; 0: the house, or several. ``campaigns``: owners by campaigns' ids."""
    if kind == "advertisers":
        return int(thing.id)
    if kind in BY_ADVERTISER:
        return int(thing.advertiser)
    if kind == "line_items":
        return campaigns.get(thing.campaign, 0)
    if kind == "block_lists":
        return int(thing.advertiser) or campaigns.get(thing.campaign, 0)
    return 0


def owners(known: Catalogue) -> dict[int, int]:
    """Of campaigns, by their ids."""
    return {campaign.id: campaign.advertiser for campaign in known.campaigns.values()}


def of_advertiser(known: Catalogue, owner: int, *, alone: bool) -> Catalogue:
    """The part of one advertiser: what is its own, and what that refers to of the house's.

    ``alone``: as its own key sees it, without other advertisers, and no agency or fee but its own.
    """
    campaigns = {key: one for key, one in known.campaigns.items() if one.advertiser == owner}
    ids = {one.id for one in campaigns.values()}
    view = Catalogue(
        version=known.version,
        exchanges=known.exchanges,
        rates=known.rates,
        agencies=known.agencies,
        fees=known.fees,
        advertisers=known.advertisers,
        campaigns=campaigns,
        line_items={key: one for key, one in known.line_items.items() if one.campaign in ids},
        block_lists={
            key: one for key, one in known.block_lists.items() if one.advertiser == owner or one.campaign in ids
        },
        **{kind: _owned(known, kind, owner) for kind in ("audiences", "creatives", "deals")},
    )
    return _alone(view, owner) if alone else view


def of_house(known: Catalogue, *, campaigns: bool = False) -> Catalogue:
    """What a change of the house's own things is checked against."""
    return Catalogue(
        version=known.version,
        exchanges=known.exchanges,
        rates=known.rates,
        agencies=known.agencies,
        fees=known.fees,
        advertisers=known.advertisers,
        campaigns=known.campaigns if campaigns else {},
        block_lists=known.block_lists if campaigns else {},
    )


def _owned(known: Catalogue, kind: str, owner: int) -> dict[str, Any]:
    return {key: one for key, one in getattr(known, kind).items() if one.advertiser == owner}


def _alone(view: Catalogue, owner: int) -> Catalogue:
    own: dict[str, Advertiser] = {key: one for key, one in view.advertisers.items() if one.id == owner}
    fees = {fee for one in own.values() for fee in one.fees}
    fees |= {fee for one in view.campaigns.values() for fee in one.fees or ()}
    agencies = {one.agency for one in own.values()}
    view.advertisers = own
    view.agencies = {key: one for key, one in view.agencies.items() if one.id in agencies}
    view.fees = {key: one for key, one in view.fees.items() if one.id in fees}
    view.line_items = {key: without_rivals(one) for key, one in view.line_items.items()}
    return view


def without_rivals(item: LineItem) -> LineItem:
    """Whom the house keeps a line item apart from is not for the advertiser to see."""
    return replace(item, separate_from=()) if item.separate_from else item


def with_rivals(item: LineItem, before: LineItem | None) -> LineItem:
    """A line item that was changed in a view without its rivals, with them."""
    return replace(item, separate_from=before.separate_from) if before is not None and before.separate_from else item
