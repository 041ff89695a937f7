"""A small world in which bidders hold leases, for a checker that walks through all that can happen in it.

One budget, one line item, one control and two workers. What decides is the real code: `pacing.leases.Leases`, taken out
of its store anew for each step, and on the workers' side `bidder.control_link.ControlLink` with the compiled
`bidder.leases.Leases`. Around them is a network that loses, repeats and delays, an exchange that bills or loses bids
or is silent, a tracker whose log is read late, processes that die, and time.

Time passes in ticks of 30 s, money is counted in bids. A state is a value, and all times in it are relative to `NOW`;
so two histories that leave nothing different behind are one state, and time has no end.
"""

from collections import Counter
from collections.abc import Iterator
from typing import TypeVar, cast

import msgspec

import bidder.leases
from bidder.answer import Answer
from bidder.control_link import ControlLink
from bidder.paces import Paces
from bidder.state import State as Campaigns
from domain.campaign import Advertiser, Campaign, Limits, LineItem, Snapshot, Status, Targeting
from domain.clock import SECOND
from domain.creative import every_format
from domain.exchange import Exchange
from pacing.leases import Leases
from pacing.protocol import LEASE_S, Grant, Grants, Heartbeat, LeaseUse
from pacing.purse import Purse
from tests.property.lease_states import (
    EXPIRY,
    NOW,
    OLD,
    TICK,
    Bid,
    Held,
    Left,
    Row,
    State,
    Worker,
    become,
    forgetful,
    fresh,
    lease_of,
    less,
    row_of,
)

LINE, CAMPAIGN = 1, 1


PLENTY = 1_000


class Clock:
    """Stands in for the module ``time`` of the compiled leases."""

    now_ns = NOW

    @classmethod
    def monotonic_ns(cls) -> int:
        return cls.now_ns


Step = tuple[str, State]
T = TypeVar("T")


class Broken(AssertionError):
    """Something that must hold does not."""


class World:
    """What can happen (`steps`), and what must hold (`check`, `check_end`). ``budget`` is in bids: of money, or with
    ``impressions`` of those (and then money is no limit).
    """

    def __init__(self, budget: int, left: Left, workers: int = 2, impressions: bool = False) -> None:
        self.budget, self.impressions = budget, impressions
        self.start = State(left, tuple(Worker(i + 1) for i in range(workers)), registered=workers)
        self.plans = {}
        for paused in (False, True):
            self.plans[paused] = Leases()
            self.plans[paused].plan(self._snapshot("paused" if paused else "active"))

    def _snapshot(self, status: Status) -> Snapshot:
        item = LineItem(
            LINE,
            "l",
            CAMPAIGN,
            "l",
            1,
            Targeting(),
            (1,),
            limits=Limits(total_budget=PLENTY, total_impressions=self.budget)
            if self.impressions
            else Limits(total_budget=self.budget),
            pacing="asap",
            status=status,
        )
        campaign = Campaign(CAMPAIGN, "c", 1, "c", 0, 2**60)
        exchange = Exchange(1, "x", "USD", every_format("burl"), bid_expiry_s=EXPIRY // SECOND)
        owner = Advertiser(1, "a", "a", "USD", "UTC", "a.example", ())
        return Snapshot(1, 0, (exchange,), (), (owner,), (campaign,), (item,), (), (), ())

    # --- what can happen next

    def steps(self, s: State) -> Iterator[Step]:
        yield "a tick passes", self._tick(s)
        for place, worker in enumerate(s.workers):
            yield from self._conversation(s, place, worker)
            yield from self._bid(s, place, worker)
            if s.left.deaths:
                yield from self._end_of(s, place, worker)
        for place, message in enumerate(s.strays):
            rest = s._replace(strays=(*s.strays[:place], *s.strays[place + 1 :]))
            yield f"control hears worker {message.worker} late", self._deliver(rest, message)[0]
        yield from self._exchange(s)
        yield from self._control(s)

    def _tick(self, s: State) -> State:
        def past(at_ns: int) -> int:
            return max(OLD, at_ns - TICK)

        workers = tuple(
            w._replace(
                asked_ns=NOW if w.request is None else past(w.asked_ns),
                held=tuple(held._replace(asked_ns=past(held.asked_ns)) for held in w.held),
            )
            for w in s.workers
        )
        bids = tuple(
            bid._replace(written=True) if bid.billed else bid._replace(at_ns=bid.at_ns - TICK)
            for bid in s.bids
            if bid.billed or bid.at_ns - TICK >= NOW - EXPIRY
        )
        leases = tuple(
            row._replace(
                opened_ns=past(row.opened_ns),
                end_ns=past(row.end_ns),
                closed_ns=None if row.closed_ns is None else past(row.closed_ns),
            )
            for row in s.leases
        )
        return s._replace(workers=workers, bids=bids, leases=leases)

    def _conversation(self, s: State, place: int, w: Worker) -> Iterator[Step]:
        leaving = w.request is not None and w.request.stopping
        first = s.left.beats == self.start.left.beats  # which worker comes first makes no difference
        if s.left.beats and not (first and place):
            link = self.link(w)
            asked = self._ask(link, w, link.farewell() if leaving else link.report())
            after = less(become(s, place, asked), beats=1)
            yield f"worker {w.id} asks", after
            if w.request is not None and not w.heard:
                yield from _stray(f"worker {w.id} asks, its last request is under way", after, w.request)
        if w.request is not None and not w.heard:
            after, answer = self._deliver(s, w.request)
            sent = msgspec.structs.replace(w.request, uses=())
            after = become(after, place, w._replace(heard=True, request=sent, answer=answer))
            self._must_agree(after, after.workers[place])
            yield f"control hears worker {w.id}", after
            yield from _stray(f"control hears worker {w.id}, and will again", after, w.request)
        if w.request is not None and w.answer is not None:
            if leaving:
                yield f"worker {w.id} goes on as {s.registered + 1}", fresh(s, place)
            else:
                yield f"worker {w.id} hears control", become(s, place, self._hear(w, w.request, w.answer))

    def _bid(self, s: State, place: int, w: Worker) -> Iterator[Step]:
        if not s.left.bids or not w.held:
            return
        link = self.link(w)
        if lease := link.leases.take(LINE, 1):
            after = less(become(s, place, self._freeze(link, w)), bids=1)
            yield f"worker {w.id} bids", after._replace(bids=tuple(sorted((*s.bids, Bid(lease, NOW)))))

    def _end_of(self, s: State, place: int, w: Worker) -> Iterator[Step]:
        dead = less(fresh(s, place), deaths=1)
        yield f"worker {w.id} is killed", dead
        if w.request is not None and not w.heard:
            yield from _stray(f"worker {w.id} is killed, its last request is under way", dead, w.request)
        if w.request is None or not w.request.stopping:
            link = self.link(w)
            leaving = self._ask(link, w, link.farewell())
            yield f"worker {w.id} says farewell", less(become(s, place, leaving), deaths=1)

    def _exchange(self, s: State) -> Iterator[Step]:
        for place, bid in enumerate(s.bids):
            if bid.billed or bid in s.bids[:place]:
                continue
            rest = (*s.bids[:place], *s.bids[place + 1 :])
            billed = tuple(sorted((*rest, Bid(bid.lease, 0, billed=True))))
            yield f"a bid from lease {bid.lease} is billed", s._replace(bids=billed, billed=s.billed + 1)
            leases = self.leases(s)
            leases.release(bid.lease, 1)
            yield f"a bid from lease {bid.lease} is lost", self._save(s._replace(bids=rest), leases)

    def _control(self, s: State) -> Iterator[Step]:
        logs = [s]
        if any(bid.billed for bid in s.bids):
            logs.append(self._settle(s))
            yield "control settles", logs[-1]
        if any(bid.written for bid in s.bids) and any(bid.billed and not bid.written for bid in s.bids):
            logs.append(self._settle(s, only_written=True))
            yield "control settles what is written already", logs[-1]
        for after in logs:
            if not any(bid.written for bid in after.bids):
                leases = self.leases(after)
                leases.expire(NOW, NOW)
                yield "control settles, and takes back what is over", self._save(after, leases)
        if s.left.restarts:
            rows = tuple(
                row._replace(money=(*row.money[:3], 0, 0), bids=(*row.bids[:3], 0, 0) if row.bids[1:] else row.bids)
                for row in s.leases
            )
            yield "control is killed", less(s._replace(leases=rows), restarts=1)
        if s.left.pauses:
            yield "the marketer pauses or goes on", less(s._replace(paused=not s.paused), pauses=1)

    def _settle(self, s: State, only_written: bool = False) -> State:
        leases = self.leases(s)
        read = [bid for bid in s.bids if bid.written or (bid.billed and not only_written)]
        for bid in read:
            leases.purses.spend(LINE, CAMPAIGN, NOW, 1)
            leases.release(bid.lease, 1)
        kept = tuple(bid for bid in s.bids if bid not in read)
        return self._save(s._replace(spent=s.spent + len(read), bids=kept), leases)

    def _deliver(self, s: State, message: Heartbeat) -> tuple[State, Grants]:
        leases = self.leases(s)
        answer = leases.heartbeat(message, NOW, 1)
        return self._save(s, leases), answer

    # --- the real objects, out of a state and back into one

    def leases(self, s: State) -> Leases:
        """Control's, read from the store as after a restart; and then what a restart forgets."""
        plan = self.plans[s.paused]
        made = Leases(expiry_s=plan.expiry_s, next_id=s.next_id, seen={1: NOW, 2: NOW})
        for key, purse in plan.purses.above.items():
            made.purses.above[key] = _emptied(purse)
        for id_, line in plan.purses.lines.items():
            above = tuple(made.purses.above[key] for key in (("campaign", CAMPAIGN), ("advertiser", 1)))
            made.purses.lines[id_] = _copy(line, purse=_emptied(line.purse), above=above)
        made.purses.restore_spent(LINE, CAMPAIGN, s.spent, s.spent)
        for row in s.leases:
            made.restore(lease_of(row))
        return made

    def _save(self, s: State, leases: Leases) -> State:
        """Writes to the store what is marked as changed, as `pacing.lease_store` does; that must be all."""
        rows = {row.id: row for row in s.leases if row.id not in leases.removed}
        for id_ in leases.dirty:
            rows[id_] = row_of(leases.leases[id_])
        if {id_: forgetful(row) for id_, row in rows.items()} != {
            id_: forgetful(row_of(lease)) for id_, lease in leases.leases.items()
        }:
            raise Broken(f"the store has {rows}, memory {leases.leases}")
        next_id = leases.next_id if leases.dirty else s.next_id
        return s._replace(leases=tuple(row_of(leases.leases[id_]) for id_ in sorted(rows)), next_id=next_id)

    def link(self, w: Worker) -> ControlLink:
        """A worker's line to control, with its leases."""
        leases = bidder.leases.Leases()
        for held in w.held:
            Clock.now_ns = held.asked_ns
            leases.apply(Grant(held.lease, LINE, held.granted, LEASE_S, held.granted_bids), held.asked_ns)
            leases.tick()
            for _ in range(held.reserved):
                leases.take(LINE, 1)
        Clock.now_ns = NOW
        leases.tick()
        link = ControlLink("", cast(Campaigns, None), Paces(leases), leases, cast(Answer, None))
        link.worker, link.returned = w.id, list(w.returned)
        return link

    def _freeze(self, link: ControlLink, w: Worker, asked_ns: dict[int, int] | None = None) -> Worker:
        since = {held.lease: held.asked_ns for held in w.held} | (asked_ns or {})
        held = tuple(
            Held(use.lease, use.granted, use.granted_bids, use.reserved, since[use.lease]) for use in link.leases.uses()
        )
        return w._replace(held=held, returned=tuple(link.returned))

    def _ask(self, link: ControlLink, w: Worker, request: Heartbeat) -> Worker:
        return self._freeze(link, w)._replace(request=request, asked_ns=NOW, heard=False, answer=None)

    def _hear(self, w: Worker, request: Heartbeat, answer: Grants) -> Worker:
        link = self.link(w)
        link.hear(answer, request, w.asked_ns)
        after = self._freeze(link, w, {grant.lease: w.asked_ns for grant in answer.grants})
        return after._replace(request=None, asked_ns=NOW, heard=False, answer=None)

    # --- what must hold

    def check(self, s: State) -> None:
        """In every state all that may still be billed is held by control, and within the budget."""
        claims = Counter(bid.lease for bid in s.bids)
        for w in s.workers:
            for held in w.held:
                if held.asked_ns + LEASE_S * SECOND > NOW:
                    granted = held.granted if held.granted_bids is None else min(held.granted, held.granted_bids)
                    claims[held.lease] += max(0, granted - held.reserved)
        worst = s.spent + claims.total()
        if worst > self.budget:
            raise Broken(f"{worst} bids may be billed in time, the budget is {self.budget}")
        holds = {row.id: self._held(row) for row in s.leases}
        for id_, claimed in claims.items():
            if claimed > holds.get(id_, 0):
                raise Broken(f"{claimed} bids from lease {id_} may be billed, control holds {holds.get(id_, 0)}")
        if s.spent + sum(holds.values()) > self.budget:
            raise Broken(f"control has spent {s.spent} and holds {sum(holds.values())} of {self.budget}")
        if s.billed != s.spent + sum(bid.billed for bid in s.bids):
            raise Broken(f"{s.billed} bids were billed, {s.spent} are booked")

    def _held(self, row: Row) -> int:
        lease = lease_of(row)
        return lease.bids.held if self.impressions else lease.money.held

    def _must_agree(self, s: State, w: Worker) -> None:
        """An answer that is heard leaves both sides of one mind about what the worker may bid from."""
        if w.request is None or w.answer is None or w.request.stopping:
            return
        mine = {held.lease: (held.granted, held.granted_bids) for held in self._hear(w, w.request, w.answer).held}
        theirs = {
            row.id: (row.granted, row.bids[0]) for row in s.leases if row.worker == w.id and row.closed_ns is None
        }
        if mine != theirs:
            raise Broken(f"worker {w.id} has heard of leases {mine}, control has {theirs}")

    def check_end(self, s: State) -> None:
        """If nobody speaks any more, all that was not billed can be granted again after a while."""
        s = self._settle(s._replace(paused=False))
        for _ in range(3):
            for _ in range(5):
                s = self._tick(s)
            leases = self.leases(s)
            leases.expire(NOW, NOW)
            s = self._save(s, leases)
        granted = 0
        for _ in range(self.budget):
            uses = tuple(LeaseUse(row.id, row.granted, row.granted, row.granted, row.bids[0]) for row in s.leases)
            s, _ = self._deliver(s, Heartbeat(99, uses))
        granted = sum((row.bids[0] or 0) if self.impressions else row.granted for row in s.leases)
        if granted != self.budget - s.billed:
            raise Broken(
                f"{granted} bids can be granted in the end, {self.budget - s.billed} of {self.budget} are left"
            )


def _emptied(purse: Purse) -> Purse:
    """A purse with the same budgets, that nothing was spent of."""
    fresh = {"by_hour": {}, "by_day": {}}
    return _copy(purse, money=_copy(purse.money, **fresh), impressions=_copy(purse.impressions, **fresh))


def _copy(of: T, **changes: object) -> T:
    """`dataclasses.replace`, three times as fast."""
    made = object.__new__(type(of))
    vars(made).update(vars(of), **changes)
    return made


def _stray(name: str, s: State, message: Heartbeat) -> Iterator[Step]:
    if s.left.strays:
        yield name, less(s._replace(strays=(*s.strays, message)), strays=1)
