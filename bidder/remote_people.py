"""Requests whose person (and household, if it counts) is to be asked for at a remote store: who is it, then wait, then
decide; and, if bids with frequency caps were chosen, wait once more until they are held for the fleet.

A request is read twice, since others are decided while it waits: that is cheaper than to keep what was read. All ids
that it has of the person are asked for at once, and then the person's key, if the first that is known is an alias.
However the look-up ends, in time or not at all, the request is answered on what is known then; and what could not be
held is not bid. Both waits together take no more than their share of the time that there is.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bidder.auction import Aside, Wanted
from bidder.http import Later
from bidder.refusals import NOT_FOUND, refusal
from bidder.seller import Seller
from bidder.view import View
from targeting.held_words import bid_of
from targeting.merge import aliased
from targeting.redis_lookup import NOT_HELD, UNKNOWN, Held, RedisLookup

if TYPE_CHECKING:
    from bidder.http import BidConnection
    from bidder.service import Service

SHARE = 0.5
"""Of the time that ``tmax`` leaves: how much of it may be waited."""


class RemotePeople:
    """The waiting room of a worker. ``timeout_s`` is the longest wait, of which there can be two."""

    def __init__(self, lookup: RedisLookup, timeout_s: float) -> None:
        self.lookup, self.timeout_s = lookup, timeout_s

    def ask(
        self, service: "Service", connection: "BidConnection", url: bytes, body: bytes, seller: Seller, view: View
    ) -> Later | None:
        """The answer to come; None: nobody is to be asked for, so decide at once."""
        lookup, auction = self.lookup, service.auction
        lookup.here, lookup.held_here = {}, {}
        asked_ns = time.monotonic_ns()
        wanted = auction.who(body, seller, view)
        if not wanted.ids and not wanted.counters:
            return None
        wait_s, tmax = 2 * self.timeout_s, auction.request.tmax
        if tmax:
            wait_s = min(wait_s, (tmax - seller.network_ms) * SHARE / 1000)
        visit = Visit(self, service, Later(connection), url, body, asked_ns, wait_s)
        if not visit.look_up(wanted, view):
            lookup.here, lookup.taken_ns = visit.records, asked_ns
            return None
        return visit.later

    def ended(self) -> dict[str, int]:
        """How look-ups ended, and how many did so."""
        lookup = self.lookup
        return {
            "found": lookup.found,
            "absent": lookup.absent,
            "late": lookup.late,
            "unanswered": lookup.unanswered,
            "skipped": lookup.skipped,
        }


class Visit:
    """One request in the waiting room. ``wait_s``: all that it may wait, since ``asked_ns``."""

    def __init__(
        self,
        room: RemotePeople,
        service: "Service",
        later: Later,
        url: bytes,
        body: bytes,
        asked_ns: int,
        wait_s: float,
    ) -> None:
        self.room, self.service, self.later, self.url, self.body = room, service, later, url, body
        self.asked_ns, self.until_ns = asked_ns, asked_ns + int(wait_s * 1e9)
        self.known_ns = asked_ns + int(min(wait_s, room.timeout_s) * 1e9)
        self.ids: list[int] = []
        self.every = self.capping = False
        self.records: dict[int, bytes | None] = {}
        self.held: dict[int, list[bytes]] = {}
        self.answers: dict[int, Held] = {}
        self.aside: Aside | None = None
        self.missing = 0

    def look_up(self, wanted: Wanted, view: View) -> bool:
        """Asks for records, and for what is held if anything has a cap. False: nothing is asked."""
        self.ids, self.every, self.capping = wanted.ids, view.suppressing, view.capping
        self.ask(dict.fromkeys((*wanted.ids, *wanted.counters)))
        return self.missing > 0

    def ask(self, keys: Iterable[int]) -> None:
        """Asks for the records under keys, as long as a look-up may take."""
        wait_s = (self.known_ns - time.monotonic_ns()) / 1e9
        for key in keys:
            held = self.held[key] = []
            if wait_s > 0 and self.room.lookup.ask(
                key, wait_s, partial(self.found, key), held if self.capping else None
            ):
                self.missing += 1
            else:
                self.records[key] = UNKNOWN

    def found(self, key: int, record: bytes | None) -> None:
        """A record has come, or will not."""
        self.records[key] = record
        self.missing -= 1
        if not self.missing:
            behind = people_behind(self.ids, self.records, every=self.every)
            self.ask([person for person in behind if person not in self.records])
        if not self.missing:
            self.decide()

    def decide(self) -> None:
        """All is known that will be."""
        service, lookup, url = self.service, self.room.lookup, self.url
        view = service.state.view
        seller = view.routes.get(url) or view.routes.get(url.partition(b"?")[0]) if view is not None else None
        if view is None or seller is None:  # a snapshot without this exchange came meanwhile
            self.later.come(refusal(NOT_FOUND, f"{url.decode('latin-1')}: no exchange of that name"))
            return
        lookup.here, lookup.held_here, lookup.taken_ns = self.records, self.held, self.asked_ns
        try:
            outcome = service.decide(self.later, self.body, seller, view)
        finally:
            lookup.here, lookup.held_here = {}, {}
        if isinstance(outcome, Aside):
            self.hold(outcome)
        else:
            self.later.come(outcome)

    def hold(self, aside: Aside) -> None:
        """Asks Redis to hold what was chosen."""
        self.aside, wait_s = aside, min(self.room.timeout_s, (self.until_ns - time.monotonic_ns()) / 1e9)
        for key, words in aside.asked.items():
            if wait_s > 0 and self.room.lookup.take(key, words, wait_s, partial(self.taken, key)):
                self.missing += 1
            else:
                self.answers[key] = NOT_HELD
        if not self.missing:
            self.conclude(aside)

    def taken(self, key: int, answer: Held) -> None:
        """What is held of a key now, or that it is not known."""
        self.answers[key] = answer
        self.missing -= 1
        if not self.missing and self.aside is not None:
            self.conclude(self.aside)

    def conclude(self, aside: Aside) -> None:
        """Answers with the bids that are held, and lets go of the others."""
        self.later.come(self.service.resume(self.later, aside, self.answers))
        sent = aside.candidates.bid_ids()
        for key, words in aside.asked.items():
            unsent = [word for word in words if isinstance(word, bytes) and bid_of(word) not in sent]
            if unsent:
                self.room.lookup.withdraw(key, unsent)


def people_behind(ids: Sequence[int], records: Mapping[int, bytes | None], *, every: bool) -> list[int]:
    """Keys of the persons that the first known id, or (where somebody is suppressed) every id, is an alias of."""
    found = [aliased(record) for key in ids if (record := records[key]) is not None]
    return [person for person in dict.fromkeys(found if every else found[:1]) if person]
