"""No budget is ever exceeded, whatever workers, exchanges and the clock do.

The oracle knows nothing of leases: it is the world outside, which keeps what every worker truly reserved, every bid in
flight, and all that was billed; and after every step it adds up the worst that could still come.
"""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.campaign import Advertiser, Campaign, Limits, LineItem, Snapshot, Targeting
from domain.clock import SECOND
from domain.creative import every_format
from domain.exchange import Exchange
from pacing.lease_store import from_row, to_row
from pacing.leases import Leases
from pacing.protocol import Heartbeat, LeaseUse

DAY = 86_400
START_S = 1_790_000_000 // DAY * DAY
EXPIRY_S = 60
BIDS = {1: 70, 2: 110, 3: 45, 4: 90}
"""Line item -> price of a bid. 1 and 2 have budgets of their own, 3 and 4 only the campaign's."""
DAILY = {1: 1_500, 2: 900}
TOTAL = {1: 2_600}
CAMPAIGN_DAILY, CAMPAIGN_TOTAL = 3_000, 7_000
DAILY_SHOWN = 5
"""Impressions of line item 2 in a day."""
CAMPAIGN_SHOWN = 30
"""Of all in a day."""


def snapshot(paused: frozenset[int] = frozenset()) -> Snapshot:
    items = tuple(
        LineItem(
            id=i, key=f"l{i}", campaign=1, name=f"l{i}", bid_cpm=bid, targeting=Targeting(), creatives=(1,),
            limits=Limits(
                daily_budget=DAILY.get(i), total_budget=TOTAL.get(i), daily_impressions=DAILY_SHOWN if i == 2 else None
            ),
            pacing=("ahead", "asap", "even", "asap")[i % 4],
            status="paused" if i in paused else "active",
        )
        for i, bid in BIDS.items()
    )  # fmt: skip
    campaign = Campaign(
        1,
        "c",
        1,
        "c",
        (START_S - 5 * DAY) * SECOND,
        (START_S + 5 * DAY) * SECOND,
        Limits(daily_budget=CAMPAIGN_DAILY, total_budget=CAMPAIGN_TOTAL, daily_impressions=CAMPAIGN_SHOWN),
    )
    exchange = Exchange(1, "x", "USD", every_format("burl"), bid_expiry_s=EXPIRY_S)
    owner = Advertiser(1, "a", "a", "USD", "UTC", "a.example", ())
    return Snapshot(1, 0, (exchange,), (), (owner,), (campaign,), items, (), (), ())


@dataclass
class Held:
    line_item: int
    granted: int
    until_s: float
    reserved: int = 0
    bids: int = 0
    granted_bids: int | None = None

    def use(self, lease: int) -> LeaseUse:
        return LeaseUse(lease, self.reserved, self.granted, self.bids, self.granted_bids)


@dataclass
class Worker:
    """Follows the protocol as a bidder does, with a clock of its own and messages that get lost."""

    id: int
    held: dict[int, Held] = field(default_factory=dict)
    returning: list[LeaseUse] = field(default_factory=list)


@dataclass
class Bid:
    lease: int
    line_item: int
    price: int
    last_s: float
    """Nobody bills it after this."""


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = float(START_S + DAY - 1800)
        self.leases = Leases(expiry_s=EXPIRY_S)
        self.leases.plan(snapshot())
        self.paused: frozenset[int] = frozenset()
        self.workers = [Worker(1), Worker(2)]
        self.registered = 2
        self.bids: list[Bid] = []
        self.spent: dict[int, int] = dict.fromkeys(BIDS, 0)
        self.spent_on: dict[tuple[int, int], int] = {}
        self.shown_on: Counter[tuple[int, int]] = Counter()

    @property
    def now(self) -> int:
        return int(self.now_s * SECOND)

    # --- what happens

    @precondition(lambda self: len(self.workers) < 3)
    @rule()
    def worker_starts(self) -> None:
        self.registered += 1
        self.workers.append(Worker(self.registered))

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), lost=st.sampled_from(["", "", "", "", "answer", "both"]), late_s=st.sampled_from([0.0, 4.9]))
    def worker_beats(self, data: st.DataObject, lost: str, late_s: float) -> None:
        self._beat(data.draw(st.sampled_from(self.workers)), lost, late_s)

    def _beat(self, worker: Worker, lost: str = "", late_s: float = 0.0) -> None:
        """The answer comes ``late_s`` after control gave it, and the worker counts a lease's time from then."""
        for id_ in [id_ for id_, held in worker.held.items() if held.until_s <= self.now_s]:
            worker.returning.append(worker.held.pop(id_).use(id_))
        uses = tuple(held.use(id_) for id_, held in worker.held.items())
        sent = tuple(worker.returning)
        if lost == "both":
            return
        answer = self.leases.heartbeat(Heartbeat(worker.id, uses, sent), self.now, 1)
        assert not {grant.line_item for grant in answer.grants} & self.paused
        if lost == "answer":
            return
        del worker.returning[: len(sent)]
        for id_ in answer.closed:
            if id_ in worker.held:
                worker.returning.append(worker.held.pop(id_).use(id_))
        for grant in answer.grants:
            held = worker.held.setdefault(grant.lease, Held(grant.line_item, 0, 0))
            assert grant.granted >= held.granted
            held.granted, held.until_s = grant.granted, self.now_s + grant.end_s + late_s
            held.granted_bids = grant.bids
        lines = [held.line_item for held in worker.held.values()]
        assert len(lines) == len(set(lines))

    @rule(most=st.integers(1, 40))
    def workers_bid(self, most: int) -> None:
        for worker in self.workers:
            self._bid(worker, most)

    @rule(rounds=st.integers(1, 8), most=st.integers(5, 40))
    def traffic_is_heavy(self, rounds: int, most: int) -> None:
        for _ in range(rounds):
            for worker in self.workers:
                self._beat(worker)
                self._bid(worker, most)
            self.time_passes(0.2)

    def _bid(self, worker: Worker, most: int) -> None:
        for id_, held in worker.held.items():
            price = BIDS[held.line_item]
            for _ in range(most):
                free = held.granted - held.reserved >= price
                if held.granted_bids is not None:
                    free = free and held.bids < held.granted_bids
                if held.until_s > self.now_s and free:
                    held.reserved += price
                    held.bids += 1
                    self.bids.append(Bid(id_, held.line_item, price, self.now_s + EXPIRY_S))

    @precondition(lambda self: self.bids)
    @rule(data=st.data(), share=st.sampled_from([100, 100, 90, 30, 1]))
    def bids_are_billed(self, data: st.DataObject, share: int) -> None:
        for bid in self._some(data):
            cost = bid.price * share // 100
            self.leases.release(bid.lease, bid.price)
            self.leases.purses.spend(bid.line_item, 1, self.now, cost)
            self.spent[bid.line_item] += cost
            today = bid.line_item, int(self.now_s // DAY)
            self.spent_on[today] = self.spent_on.get(today, 0) + cost
            self.shown_on[today] += 1

    @precondition(lambda self: self.bids)
    @rule(data=st.data())
    def bids_are_lost(self, data: st.DataObject) -> None:
        for bid in self._some(data):
            self.leases.release(bid.lease, bid.price)

    @rule(seconds=st.sampled_from([0.2, 0.2, 1.0, 1.0, 4.0, 11.0, 40.0, 70.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        self.bids = [bid for bid in self.bids if bid.last_s >= self.now_s]

    @rule()
    def control_looks_for_what_is_over(self) -> None:
        self.leases.expire(self.now, self.now)

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def worker_is_killed(self, data: st.DataObject) -> None:
        self.workers.remove(data.draw(st.sampled_from(self.workers)))

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def worker_stops(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.workers))
        final = tuple(held.use(id_) for id_, held in worker.held.items())
        self.leases.heartbeat(Heartbeat(worker.id, (), (*worker.returning, *final), stopping=True), self.now, 1)
        self.workers.remove(worker)

    @rule(paused=st.frozensets(st.sampled_from(sorted(BIDS)), max_size=2))
    def marketer_pauses(self, paused: frozenset[int]) -> None:
        self.paused = paused
        self.leases.plan(snapshot(paused))

    @rule()
    def control_restarts(self) -> None:
        """It knows again what the store keeps: spend by day, and leases."""
        old, self.leases = self.leases, Leases(expiry_s=EXPIRY_S, next_id=self.leases.next_id)
        self.leases.plan(snapshot(self.paused))
        for (line_item, day), amount in self.spent_on.items():
            self.leases.purses.spend(line_item, 1, day * DAY * SECOND, amount, self.shown_on[line_item, day])
        for lease in old.leases.values():
            self.leases.restore(from_row(to_row(lease)))

    # --- what must hold

    @invariant()
    def no_budget_can_be_exceeded(self) -> None:
        """Everything billed, and everything that anybody still may bid or bill, at its full price."""
        worst = dict.fromkeys(BIDS, 0)
        for bid in self.bids:
            worst[bid.line_item] += bid.price
        for worker in self.workers:
            for held in worker.held.values():
                if held.until_s > self.now_s:
                    worst[held.line_item] += held.granted - held.reserved
        today = int(self.now_s // DAY)
        spent_today = {i: self.spent_on.get((i, today), 0) for i in BIDS}
        for i, budget in DAILY.items():
            assert spent_today[i] + worst[i] <= budget
        for i, budget in TOTAL.items():
            assert self.spent[i] + worst[i] <= budget
        assert sum(spent_today.values()) + sum(worst.values()) <= CAMPAIGN_DAILY
        assert sum(self.spent.values()) + sum(worst.values()) <= CAMPAIGN_TOTAL

    @invariant()
    def no_limit_of_impressions_can_be_exceeded(self) -> None:
        worst = Counter(bid.line_item for bid in self.bids)
        for worker in self.workers:
            for held in worker.held.values():
                if held.until_s > self.now_s and held.granted_bids is not None:
                    worst[held.line_item] += held.granted_bids - held.bids
        today = int(self.now_s // DAY)
        shown_today = Counter({i: self.shown_on[i, today] for i in BIDS})
        assert shown_today[2] + worst[2] <= DAILY_SHOWN
        assert shown_today.total() + worst.total() <= CAMPAIGN_SHOWN

    @invariant()
    def what_is_held_is_what_the_leases_hold(self) -> None:
        purses = self.leases.purses
        for i, line in purses.lines.items():
            money, shows = line.purse.money, line.purse.impressions
            leases = [lease for lease in self.leases.leases.values() if lease.line_item == i]
            assert money.held == sum(lease.money.held for lease in leases)
            assert shows.held == sum(lease.bids.held for lease in leases)
            assert money.paced == money.held + money.spent
        campaign = purses.above["campaign", 1].money
        assert campaign.held == sum(line.purse.money.held for line in purses.lines.values())
        assert campaign.paced == sum(line.purse.money.paced for line in purses.lines.values() if line.paced)

    def teardown(self) -> None:
        """In the end, when nobody bids any more, everything that was not spent is free again."""
        self.leases.expire(self.now, self.now)
        for seconds in (100, 100):
            self.now_s += seconds
            self.leases.expire(self.now, self.now)
        assert not self.leases.leases
        assert self.leases.purses.above["campaign", 1].money.held == 0
        assert self.leases.purses.above["campaign", 1].money.spent == sum(self.spent.values())

    # --- details

    def _some(self, data: st.DataObject) -> list[Bid]:
        count = data.draw(st.sampled_from([1, 2, 10, len(self.bids)]))
        taken, self.bids = self.bids[:count], self.bids[count:]
        return taken


TestLeases = Machine.TestCase
TestLeases.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
