"""Requests whose person (and household, if it counts) is to be asked for at a remote store: who is it, then wait, then
decide.

A request is read twice, since others are decided while it waits: that is cheaper than to keep what was read. All ids
that it has of the person are asked for at once, and then the person's key, if the first that is known is an alias.
However the look-up ends, in time or not at all, the request is answered on what is known then.
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bidder.http import Later
from bidder.refusals import NOT_FOUND, refusal
from bidder.seller import Seller
from bidder.view import View
from targeting.merge import aliased
from targeting.redis_lookup import UNKNOWN, RedisLookup

if TYPE_CHECKING:
    from bidder.http import BidConnection
    from bidder.service import Service

SHARE = 0.5
"""Of the time that ``tmax`` leaves: how much of it may be waited."""


class RemotePeople:
    """The waiting room of a worker. ``timeout_s`` is the longest wait."""

    def __init__(self, lookup: RedisLookup, timeout_s: float) -> None:
        self.lookup, self._timeout_s = lookup, timeout_s

    def ask(
        self, service: "Service", connection: "BidConnection", url: bytes, body: bytes, seller: Seller, view: View
    ) -> Later | None:
        """The answer to come; None: nobody is to be asked for, so decide at once."""
        lookup, auction = self.lookup, service.auction
        lookup.here, asked_ns = {}, time.monotonic_ns()
        wanted = auction.who(body, seller, view)
        keys = [*wanted.ids, *wanted.counters]
        if not keys:
            return None
        wait_s, tmax = self._timeout_s, auction.request.tmax
        if tmax:
            wait_s = min(wait_s, (tmax - seller.network_ms) * SHARE / 1000)
        later, records, until_s = Later(connection), dict[int, bytes | None](), time.monotonic() + wait_s

        def take(key: int, record: bytes | None) -> None:
            records[key] = record
            if len(records) < len(keys):
                return
            left_s, behind = until_s - time.monotonic(), people_behind(wanted.ids, records, every=view.suppressing)
            missing = [person for person in behind if person not in records]
            keys.extend(missing)
            for person in missing:
                if left_s <= 0 or not lookup.ask(person, left_s, partial(take, person)):
                    records[person] = UNKNOWN
            if len(records) == len(keys):
                decide()

        def decide() -> None:
            view = service.state.view
            found = view.routes.get(url) or view.routes.get(url.partition(b"?")[0]) if view is not None else None
            if view is None or found is None:  # a snapshot without this exchange came meanwhile
                later.come(refusal(NOT_FOUND, f"{url.decode('latin-1')}: no exchange of that name"))
                return
            lookup.here, lookup.taken_ns = records, asked_ns
            try:
                later.come(service.decide(later, body, found, view))
            finally:
                lookup.here = {}

        unasked = [key for key in keys if not lookup.ask(key, wait_s, partial(take, key))]
        if len(unasked) == len(keys):
            lookup.here, lookup.taken_ns = dict.fromkeys(keys, UNKNOWN), asked_ns
            return None
        records.update(dict.fromkeys(unasked, UNKNOWN))
        return later

    def metrics(self) -> list[str]:
        """Prometheus text."""
        lookup = self.lookup
        ended = {
            "found": lookup.found,
            "absent": lookup.absent,
            "late": lookup.late,
            "unanswered": lookup.unanswered,
            "skipped": lookup.skipped,
        }
        return [f'outbid_bidder_profile_lookups_total{{ended="{how}"}} {count}' for how, count in ended.items()]


def people_behind(ids: Sequence[int], records: Mapping[int, bytes | None], *, every: bool) -> list[int]:
    """Keys of the persons that the first known id, or (where somebody is suppressed) every id, is an alias of."""
    found = [aliased(record) for key in ids if (record := records[key]) is not None]
    return [person for person in dict.fromkeys(found if every else found[:1]) if person]
