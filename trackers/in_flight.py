"""What events mean for the bids that are held against frequency caps, on this host or for a fleet."""

import logging
from collections.abc import Sequence
from typing import Protocol

from domain.events import Conversion, Notice, Visit
from targeting.holds import Holds
from targeting.redis_address import Away
from targeting.redis_holds import Ad, RedisHolds
from trackers.counting import counters, is_lost, is_shown

log = logging.getLogger(__name__)


class InFlight(Protocol):
    """An impression that is reported is held until it is counted; then its hold goes, as a lost bid's does at once."""

    def see(self, event: Notice | Conversion | Visit) -> None:
        """An event is about to be logged: from here on its impression cannot expire any more. Does not wait."""

    def applied(self, events: Sequence[Notice | Conversion | Visit]) -> None:
        """The impressions of these are in the records, for all who look."""

    def settle(self) -> None:
        """All that was seen before is counted."""


class OnThisHost:
    """In the table that the host's processes share."""

    def __init__(self, holds: Holds) -> None:
        self._holds = holds

    def see(self, event: Notice | Conversion | Visit) -> None:
        if is_shown(event):
            for key in counters(event):
                self._holds.show(key, event.campaign, event.line_item, event.advertiser, event.creative, event.bid)

    def applied(self, events: Sequence[Notice | Conversion | Visit]) -> None:
        for event in events:
            if is_shown(event):
                for key in counters(event):
                    self._holds.counted(key, event.bid)
            elif isinstance(event, Notice) and is_lost(event):
                for key in counters(event):
                    self._holds.lose(key, event.bid)

    def settle(self) -> None:
        self._holds.settle()


class InFleet:
    """In Redis. What was reported and never logged expires there by itself."""

    def __init__(self, holds: RedisHolds) -> None:
        self._holds = holds

    def see(self, event: Notice | Conversion | Visit) -> None:
        if is_shown(event):
            for key in counters(event):
                self._holds.report(key, _ad(event))

    def applied(self, events: Sequence[Notice | Conversion | Visit]) -> None:
        counted: list[tuple[int, Ad]] = []
        lost: list[tuple[int, Ad]] = []
        for event in events:
            if is_shown(event):
                counted += [(key, _ad(event)) for key in counters(event)]
            elif isinstance(event, Notice) and is_lost(event):
                lost += [(key, _ad(event)) for key in counters(event)]
        try:
            self._holds.release(counted, lost)
        except Away as error:  # the events are applied, and must not be once more
            log.warning("%d bids are held until they expire: %s", len(counted) + len(lost), error)

    def settle(self) -> None:
        return None


def _ad(event: Notice) -> Ad:
    return event.bid, event.campaign, event.line_item, event.advertiser, event.creative
