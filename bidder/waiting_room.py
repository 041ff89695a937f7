"""Requests that have to wait for what others know: the person's record (and the household's, if it counts) where
profiles are in Redis, and scores where the risk and credit modules are remote. Who is it, then wait, then decide; and,
if bids with frequency caps were chosen, wait once more until they are held for the fleet.

A request is read twice, since others are decided while it waits: that is cheaper than to keep what was read. All that
is to be asked is asked at once, side by side; then the person's record, if the first id that is known is an alias.
However look-ups end, in time or not at all, the request is answered on what is known then; and what could not be held
is not bid. All waits together take no more than their share of the time that there is.
"""

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from bidder.auction import Aside, Wanted
from bidder.enrichment.remote import RemoteService
from bidder.http import Later
from bidder.refusals import NOT_FOUND, refusal
from bidder.seller import Seller
from bidder.view import View
from targeting.held_words import bid_of
from targeting.merge import aliased
from targeting.redis_lookup import NOT_HELD, UNKNOWN, Held, RedisLookup

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from bidder.http import BidConnection
    from bidder.service import Service

SHARE = 0.5
"""Of the time that ``tmax`` leaves: how much of it may be waited."""


class Module(Protocol):
    """A scoring service that is asked about the person (`bidder.enrichment.risk`, `bidder.enrichment.credit`)."""

    @property
    def name(self) -> str: ...
    @property
    def facts(self) -> int:
        """What it can tell, of `domain.worth.Fact`."""
        ...

    @property
    def timeout_s(self) -> float: ...
    @property
    def service(self) -> RemoteService[Any]: ...
    def who(self, wanted: Wanted) -> Hashable | None: ...
    def ask(self, key: Hashable, wanted: Wanted, wait_s: float, then: Callable[[Any], None]) -> bool: ...


class WaitingRoom:
    """Of a worker. ``timeout_s`` is the longest wait for Redis, of which there can be two; ``lookup`` None: records are
    on this host. ``modules``: those that are asked over HTTP.
    """

    def __init__(self, lookup: RedisLookup | None, timeout_s: float = 0.0, modules: Sequence[Module] = ()) -> None:
        self.lookup, self.timeout_s, self.modules = lookup, timeout_s, tuple(modules)
        self._facts = sum(module.facts for module in modules)

    def ask(
        self, service: "Service", connection: "BidConnection", url: bytes, body: bytes, seller: Seller, view: View
    ) -> Later | None:
        """The answer to come; None: nobody is to be asked, so decide at once."""
        lookup, auction = self.lookup, service.auction
        if lookup is None and not view.facts & self._facts:
            return None
        if lookup is not None:
            lookup.here, lookup.held_here = {}, {}
        auction.worth.tell(None, None)
        asked_ns = time.monotonic_ns()
        wanted = auction.who(body, seller, view, view.facts & self._facts, here=lookup is None)
        if not wanted.ids and not wanted.counters and not wanted.facts:
            return None
        left_s, tmax = float("inf"), auction.request.tmax
        if tmax:
            left_s = (tmax - seller.network_ms) * SHARE / 1000
        told, unknown = self._known(wanted) if wanted.facts else ({}, [])
        if lookup is None and not unknown:
            auction.worth.tell(told.get("risk"), told.get("credit"))
            return None
        visit = Visit(self, service, Later(connection), url, body, asked_ns, left_s)
        visit.told = told
        if not visit.look_up(wanted, view, unknown):
            if lookup is not None:
                lookup.here, lookup.taken_ns = visit.records, asked_ns
            visit.tell()
            return None
        return visit.later

    def _known(self, wanted: Wanted) -> tuple[dict[str, Any], list[tuple[Module, Hashable]]]:
        """What modules have told lately, by their names, and those that are to be asked."""
        told: dict[str, Any] = {}
        unknown: list[tuple[Module, Hashable]] = []
        for module in self.modules:
            if wanted.facts & module.facts and (key := module.who(wanted)) is not None:
                if (answer := module.service.known(key)) is not None:
                    told[module.name] = answer
                else:
                    unknown.append((module, key))
        return told, unknown

    def ended(self) -> dict[str, int]:
        """How look-ups in Redis ended, and how many did so."""
        lookup = self.lookup
        if lookup is None:
            return {}
        return {
            "found": lookup.found,
            "absent": lookup.absent,
            "late": lookup.late,
            "unanswered": lookup.unanswered,
            "skipped": lookup.skipped,
        }


class Visit:
    """One request in the waiting room. ``left_s``: all that it may wait, since ``asked_ns``."""

    def __init__(
        self,
        room: WaitingRoom,
        service: "Service",
        later: Later,
        url: bytes,
        body: bytes,
        asked_ns: int,
        left_s: float,
    ) -> None:
        self.room, self.service, self.later, self.url, self.body = room, service, later, url, body
        self.asked_ns, self.until_ns = asked_ns, asked_ns + int(min(left_s, 2 * room.timeout_s) * 1e9)
        self.known_ns = asked_ns + int(min(left_s, room.timeout_s) * 1e9)
        self.left_s = left_s
        self.ids: list[int] = []
        self.every = self.capping = False
        self.records: dict[int, bytes | None] = {}
        self.held: dict[int, list[bytes]] = {}
        self.answers: dict[int, Held] = {}
        self.told: dict[str, Any] = {}
        """What modules know, by their names."""
        self.aside: Aside | None = None
        self.missing = 0
        """Records, or holds, that are yet to come."""
        self.untold = 0
        """Modules that are yet to answer."""

    def look_up(self, wanted: Wanted, view: View, unknown: Sequence[tuple[Module, Hashable]]) -> bool:
        """Asks for all that is to be known before, side by side: of the modules those that are ``unknown``, by what
        their answers are remembered by. False: nothing has to be waited for.
        """
        for module, key in unknown:
            wait_s = min(module.timeout_s, self.left_s)
            try:
                self.untold += module.ask(key, wanted, wait_s, partial(self.answered, module.name))
            except Exception:  # a bug of ours: the request goes without
                log.exception("the %s module failed", module.name)
        if self.room.lookup is not None:
            self.ids, self.every, self.capping = wanted.ids, view.suppressing, view.capping
            self.ask(self.room.lookup, dict.fromkeys((*wanted.ids, *wanted.counters)))
        return self.missing > 0 or self.untold > 0

    def answered(self, name: str, told: Any) -> None:
        """A module has answered, or will not."""
        self.told[name] = told
        self.untold -= 1
        if not self.untold and not self.missing:
            self.decide()

    def tell(self) -> None:
        """From here on the auction knows what the modules told."""
        self.service.auction.worth.tell(self.told.get("risk"), self.told.get("credit"))

    def ask(self, lookup: RedisLookup, keys: Iterable[int]) -> None:
        """Asks for the records under keys, as long as a look-up may take."""
        wait_s = (self.known_ns - time.monotonic_ns()) / 1e9
        for key in keys:
            held = self.held[key] = []
            if wait_s > 0 and lookup.ask(key, wait_s, partial(self.found, lookup, key), held if self.capping else None):
                self.missing += 1
            else:
                self.records[key] = UNKNOWN

    def found(self, lookup: RedisLookup, key: int, record: bytes | None) -> None:
        """A record has come, or will not."""
        self.records[key] = record
        self.missing -= 1
        if not self.missing:
            behind = people_behind(self.ids, self.records, every=self.every)
            self.ask(lookup, [person for person in behind if person not in self.records])
        if not self.missing and not self.untold:
            self.decide()

    def decide(self) -> None:
        """All is known that will be."""
        service, lookup, url = self.service, self.room.lookup, self.url
        view = service.state.view
        seller = view.routes.get(url) or view.routes.get(url.partition(b"?")[0]) if view is not None else None
        if view is None or seller is None:  # a snapshot without this exchange came meanwhile
            self.later.come(refusal(NOT_FOUND, f"{url.decode('latin-1')}: no exchange of that name"))
            return
        if lookup is not None:
            lookup.here, lookup.held_here, lookup.taken_ns = self.records, self.held, self.asked_ns
        self.tell()
        try:
            outcome = service.decide(self.later, self.body, seller, view)
        finally:
            service.auction.worth.tell(None, None)
            if lookup is not None:
                lookup.here, lookup.held_here = {}, {}
        if isinstance(outcome, Aside):
            self.hold(outcome)
        else:
            self.later.come(outcome)

    def hold(self, aside: Aside) -> None:
        """Asks Redis to hold what was chosen."""
        self.aside, lookup = aside, self.room.lookup
        wait_s = min(self.room.timeout_s, (self.until_ns - time.monotonic_ns()) / 1e9)
        for key, words in aside.asked.items():
            if wait_s > 0 and lookup is not None and lookup.take(key, words, wait_s, partial(self.taken, key)):
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
        sent, lookup = aside.candidates.bid_ids(), self.room.lookup
        for key, words in aside.asked.items():
            unsent = [word for word in words if isinstance(word, bytes) and bid_of(word) not in sent]
            if unsent and lookup is not None:
                lookup.withdraw(key, unsent)


def people_behind(ids: Sequence[int], records: Mapping[int, bytes | None], *, every: bool) -> list[int]:
    """Keys of the persons that the first known id, or (where somebody is suppressed) every id, is an alias of."""
    found = [aliased(record) for key in ids if (record := records[key]) is not None]
    return [person for person in dict.fromkeys(found if every else found[:1]) if person]
