"""What changed between the snapshot of a view and a newer one, if the view can take it without being compiled anew.

A changed line item goes out by a bit, and comes in behind the others with an index of its own. That costs as much as
the change, not as the snapshot: one line item of a hundred thousand is live at once. Now and then, when the room for
changes is used up, or when something changed that all line items depend on, a view is compiled from the whole snapshot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bidder.suppression import Suppression, suppressions
from bidder.view import View, as_compiled, live_rows
from domain.audience import AudienceSet
from domain.campaign import Advertiser, Campaign, LineItem, Snapshot, reached_audiences
from domain.creative import Creative
from domain.frequency import FrequencyCap
from targeting.index import TargetingIndex

Row = tuple[int, LineItem, Campaign, Advertiser, list[Creative], list[tuple[int, int, int]]]
"""As `bidder.view.live_rows` makes it."""

SHARED = ("exchanges", "rates", "agencies", "advertisers", "deals", "block_lists", "approvals")
"""Parts of a snapshot that a change of calls for a new view."""


@dataclass(frozen=True)
class Change:
    """Made of one view and for that view only (`View.apply`)."""

    snapshot: Snapshot
    gone: frozenset[int]
    """Places of line items that are not live any more, or not as they were."""
    rows: list[Row]
    """Those that are new, or otherwise than they were."""
    creatives: frozenset[int]
    """Ids of creatives that are otherwise than they were."""
    index: TargetingIndex
    suppressions: Mapping[int, Suppression]
    """Of campaigns, by id."""
    reached: dict[int, frozenset[int]]
    """Where audiences have frequency caps: what line items, by id, target now that came, changed or went."""


def change_of(view: View, snapshot: Snapshot) -> Change | None:
    """The way from a view to a newer snapshot; None if it is better compiled anew. Reads the view, and changes
    nothing."""
    before = view.snapshot
    if any(getattr(before, part) != getattr(snapshot, part) for part in SHARED):
        return None
    if _capped(before) != _capped(snapshot) or _defined(before) != _defined(snapshot):
        return None
    campaigns, creatives = (
        _differing(before.campaigns, snapshot.campaigns),
        _differing(before.creatives, snapshot.creatives),
    )
    known = {item.id: item for item in before.line_items}
    touched = [
        item
        for item in snapshot.line_items
        if known.pop(item.id, None) != item
        or item.campaign in campaigns
        or (creatives and not creatives.isdisjoint(item.creatives))
    ]
    left = frozenset(known)
    places = {item.id: view.places[item.id] for item in touched if item.id in view.places}
    gone = frozenset(places.values()) | {view.places[id_] for id_ in left if id_ in view.places}
    rows = live_rows(snapshot, touched, view.sellers.values())
    new_ads = {ad.id for row in rows for ad in row[4] if ad.id in creatives or ad.id not in view.ad_places}
    if max(len(rows), len(new_ads), len(view.gone) + len(gone)) > view.room():
        return None
    deals = {deal.id: deal for deal in snapshot.deals}
    suppressed = suppressions(snapshot)
    index = view.index.changed(gone, [as_compiled(row[1], deals, suppressed) for row in rows])
    reached: dict[int, frozenset[int]] = {}
    if _capped(snapshot):
        reached = {item.id: reached_audiences(item) for item in touched} | dict.fromkeys(left, frozenset())
    return Change(snapshot, gone, rows, creatives, index, suppressed, reached)


def _capped(snapshot: Snapshot) -> list[tuple[int, str, tuple[FrequencyCap, ...]]]:
    """Audiences that have frequency caps. What else changes of audiences, as their size, no view minds."""
    return [(one.id, one.key, one.frequency_caps) for one in snapshot.audiences if one.frequency_caps]


def _defined(snapshot: Snapshot) -> list[tuple[int, str, AudienceSet]]:
    """Audiences that are made of others: what suppresses them depends on what they are made of."""
    return [(one.id, one.key, one.of) for one in snapshot.audiences if one.of is not None]


def _differing(before: tuple[Any, ...], after: tuple[Any, ...]) -> frozenset[int]:
    """Ids of things that came, went or changed."""
    if before == after:
        return frozenset()
    old, new = {thing.id: thing for thing in before}, {thing.id: thing for thing in after}
    return frozenset(id_ for id_ in old.keys() | new.keys() if old.get(id_) != new.get(id_))
