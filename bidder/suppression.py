"""Lists that always win: whom advertisers and campaigns show nothing, whatever their line items target.

A suppression becomes an exclusion of the line item before targeting is compiled, so it narrows like an excluded
audience. Unlike that one it also holds where nobody could say in time what a person belongs to.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from domain.campaign import Advertiser, Campaign, Conjunction, LineItem, Snapshot
from targeting.audience_algebra import OTHER, UNREAD, Definitions, belongs, both, clear_of, definitions_of
from targeting.expression import Ill

NOBODY: tuple[Conjunction, ...] = ()


class Suppression(NamedTuple):
    """Of one campaign: in words, and as the ways in which somebody is on none of the lists."""

    lists: tuple[tuple[int, str, str], ...]
    """Audience, its key, and who suppresses it."""
    ways: tuple[Conjunction, ...]
    definitions: Definitions

    def why(self, having: Collection[int]) -> str | None:
        """Why a person of these audiences is shown nothing; None if they are not suppressed."""
        having = {audience & ~OTHER for audience in having}
        for audience, key, owner in self.lists:
            if UNREAD in having:
                return f"what the person belongs to was not known in time, and {owner} suppresses audience {key}"
            if belongs(audience, having, self.definitions):
                return f"the person is in audience {key}, which {owner} suppresses"
        return None


def suppressions(snapshot: Snapshot) -> Mapping[int, Suppression]:
    """By campaign, of those that suppress anybody."""
    advertisers = {advertiser.id: advertiser for advertiser in snapshot.advertisers}
    keys = {audience.id: audience.key for audience in snapshot.audiences}
    definitions = definitions_of(snapshot.audiences)
    found: dict[int, Suppression] = {}
    ways: dict[tuple[int, ...], tuple[Conjunction, ...]] = {}
    for campaign in snapshot.campaigns:
        advertiser = advertisers.get(campaign.advertiser)
        lists = tuple(_lists(advertiser, campaign, keys)) if advertiser is not None else ()
        audiences = tuple(audience for audience, _, _ in lists)
        if not lists:
            continue
        if audiences not in ways:
            try:
                ways[audiences] = clear_of(audiences, definitions)
            except Ill:  # imports refuse it; were it there, the safe side is to show nothing
                ways[audiences] = NOBODY
        found[campaign.id] = Suppression(lists, ways[audiences], definitions)
    return found


def _lists(advertiser: Advertiser, campaign: Campaign, keys: Mapping[int, str]) -> Iterable[tuple[int, str, str]]:
    for audience in advertiser.suppress:
        yield audience, keys.get(audience, str(audience)), f"advertiser {advertiser.key}"
    for audience in campaign.suppress:
        if audience not in advertiser.suppress:
            yield audience, keys.get(audience, str(audience)), f"campaign {campaign.key}"


def suppressing(item: LineItem, suppression: Suppression | None) -> LineItem:
    """The line item as the index takes it."""
    if suppression is None:
        return item
    return replace(item, targeting=both(item.targeting, suppression.ways))
