"""What came of impressions, from the money logs to what workers are told: goals, beliefs, and a restart in between."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from campaigns.store import Store
from domain.campaign import Advertiser, Campaign, Limits, LineItem, Rate, Snapshot, Targeting
from domain.clock import SECOND, ManualClock
from domain.creative import every_format
from domain.events import Conversion, Event, Kind, Mark, Notice, encode
from domain.exchange import Exchange
from domain.strategy import MOST_PACE, Strategy
from eventlog.writer import LogWriter
from pacing.protocol import Grants, Heartbeat, Register
from pacing.results import Result
from pacing.treasury import Treasury

NOON = 1_790_000_000 // 86_400 * 86_400 * SECOND + 12 * 3600 * SECOND
EVENT = "approved"


def line(id_: int, strategy: Strategy, creatives: tuple[int, ...] = (1, 2)) -> LineItem:
    cap = 5_000_000 if strategy.computed else 0
    bid = 0 if strategy.computed else 2_000_000
    return LineItem(
        id_, f"l{id_}", 1, "", bid, Targeting(), creatives, pacing="asap", strategy=strategy, bid_cap_cpm=cap
    )


LINES = (
    line(1, Strategy("target_cpa", 10 * 10**9, EVENT)),
    line(2, Strategy("target_cpc", 10**9)),
    line(3, Strategy("max_value", 0, "", 20 * 10**9)),
    line(4, Strategy()),
    line(5, Strategy("credit_value", margin=100 * 10**9, p_approved_ppm=500_000)),
)
SNAPSHOT = Snapshot(
    version=1,
    published_ns=0,
    exchanges=(Exchange(1, "open", "USD", every_format("burl")),),
    rates=(Rate(1, "EUR", "USD", "2020-01-01", 1_250_000_000),),
    advertisers=(Advertiser(1, "bank", "Bank", "USD", "UTC", "bank.example", ()),),
    campaigns=(Campaign(1, "c", 1, "", 0, 2**62, Limits(total_budget=10**15)),),
    line_items=LINES,
    creatives=(),
    deals=(),
    audiences=(),
)


class Control:
    """A treasury over a store and a money log, both real."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store, self.clock = folder, store, ManualClock(NOON)
        self.bids = 0
        self.start()

    def start(self) -> None:
        self.treasury = Treasury(self.store.write, self.folder, self.clock, SNAPSHOT)
        self.worker = self.treasury.register(Register("h", 1))

    def happen(self, *events: Event) -> None:
        log = LogWriter(self.folder / "log" / "money" / "0")
        for event in events:
            log.append(encode(event))
        log.close()
        while self.treasury.settle(1_000):
            pass

    def told(self) -> Grants:
        self.treasury.steer()
        return self.treasury.heartbeat(Heartbeat(self.worker))

    def notice(self, kind: Kind, line_item: int, creative: int = 1, price: int = 10**9, marks: int = 0) -> Notice:
        self.bids += 1
        now = self.clock.now_ns()
        return Notice(
            kind=int(kind), received_ns=now, marks=marks, bid=self.bids, imp=0, bid_ns=now, exchange=1, advertiser=1,
            campaign=1, line_item=line_item, creative=creative, deal=0, site=0, person=0, lease=0, rate=0,
            max_price=price, basis=int(Kind.BILLING), price=price, loss_reason=0, min_to_win=0,
        )  # fmt: skip

    def conversion(
        self, line_item: int, event: str = EVENT, value: int = 0, currency: str = "USD", bid: int = 1
    ) -> Conversion:
        now = self.clock.now_ns()
        return Conversion(
            received_ns=now, marks=0, advertiser=1, event=event, order="", value=value, currency=currency,
            source="pixel", bid=bid, click_ns=now - 600 * SECOND, exchange=1, campaign=1, line_item=line_item,
            creative=1, deal=0, site=0, person=0,
        )  # fmt: skip


@pytest.fixture
def control(tmp_path: Path, store: Store) -> Control:
    return Control(tmp_path, store)


def test_results_are_counted_once_and_survive_a_restart(control: Control) -> None:
    control.happen(
        *(control.notice(Kind.IMPRESSION, 1) for _ in range(10)),
        control.notice(Kind.IMPRESSION, 1, marks=int(Mark.DUPLICATE)),
        *(control.notice(Kind.CLICK, 1) for _ in range(3)),
        control.notice(Kind.CLICK, 1, creative=2),
        control.conversion(1),
        control.conversion(1, event="lead"),  # not what its strategy means
        control.conversion(1, bid=0),  # of no click of ours
        control.conversion(3, event="lead", value=8 * 10**9, currency="EUR"),
        control.conversion(3, event="other", value=5, currency="XXX"),
    )
    expected = {
        (1, 1): Result(10, 3, 1),
        (1, 2): Result(0, 1),
        (3, 1): Result(0, 0, 2, 10 * 10**9, 1),
    }
    assert control.treasury._results.of == expected
    control.start()
    assert control.treasury._results.of == expected
    control.happen()
    assert control.treasury._results.of == expected


def test_workers_are_told_what_is_believed_and_only_what_changed(control: Control) -> None:
    first = control.told()
    assert {(b.line_item, b.creative) for b in first.beliefs} == {(n, c) for n in (1, 2, 3, 5) for c in (0, 1, 2)}
    worths = {b.line_item: b.worth for b in first.beliefs}
    # of nothing is known what it is worth, but of one its marketer said so
    assert worths == {1: 0.0, 2: 0.0, 3: 20e9, 5: 0.0}
    same = control.treasury.heartbeat(Heartbeat(control.worker, believed=first.believed))
    assert same.beliefs == () and same.believed == first.believed
    control.happen(
        *(control.notice(Kind.IMPRESSION, 1, creative=1) for _ in range(400)),
        *(control.notice(Kind.IMPRESSION, 1, creative=2) for _ in range(400)),
        *(control.notice(Kind.CLICK, 1, creative=2) for _ in range(40)),
    )
    control.clock.advance(60)
    control.treasury.steer()
    later = control.treasury.heartbeat(Heartbeat(control.worker, believed=first.believed))
    rate = {(b.line_item, b.creative): b.ctr_a / (b.ctr_a + b.ctr_b) for b in later.beliefs}
    assert rate[1, 1] < rate[1, 0] < rate[1, 2] < 0.1 and rate[1, 2] > 0.04
    assert rate[2, 1] > 0.001  # another line item of the campaign


def test_goals_and_budgets_reach_workers_in_one_order(control: Control) -> None:
    told = {order.line_item: (order.multiplier, order.share) for order in control.told().paces}
    assert told.get(1, (1.0, 1.0)) == (1.0, 1.0)  # a goal begins at what the goal says
    assert told[3] == (MOST_PACE, 1.0)  # nothing limits it: it takes what it can get below its cap
    assert 4 not in told
    assert told.get(5, (1.0, 1.0)) == (1.0, 1.0)  # nor does anything this, but more than the profit is never bid
    for _ in range(40):  # clicks of line item 2 cost twice their goal
        control.clock.advance(60)
        control.happen(
            *(control.notice(Kind.BILLING, 2) for _ in range(20)), *(control.notice(Kind.CLICK, 2) for _ in range(10))
        )
        control.treasury.steer()
    after = {order.line_item: order.multiplier for order in control.told().paces}
    assert after[2] < 0.5
    control.clock.advance(3600)
    control.treasury.steer()
    control.start()
    again = {order.line_item: order.multiplier for order in control.told().paces}
    assert again[2] == pytest.approx(after[2], rel=0.05)


def test_a_line_item_that_is_not_worked_out_any_more_bids_its_whole_price(control: Control) -> None:
    control.told()
    control.treasury.publish(
        replace(SNAPSHOT, version=2, line_items=(*LINES[:2], replace(line(3, Strategy())), LINES[3]))
    )
    told = control.told()
    paces = {order.line_item: order.multiplier for order in told.paces}
    assert paces[3] == 1.0 and 3 not in {b.line_item for b in told.beliefs}


def test_another_goal_begins_anew_and_delays_are_kept(control: Control) -> None:
    control.told()
    for _ in range(30):
        control.clock.advance(60)
        bought = (control.notice(Kind.BILLING, 1, price=5 * 10**9) for _ in range(4))
        control.happen(*bought, *(control.conversion(1) for _ in range(2)))
        control.treasury.steer()
    aims = control.treasury._conductor.aims
    before = aims.pacers[1]
    assert before.allowed == 60 * 10 * 10**9 and len(before.delays) > 50
    strategy = Strategy("target_cpa", 40 * 10**9, EVENT)
    control.treasury.publish(replace(SNAPSHOT, version=2, line_items=(line(1, strategy), *LINES[1:])))
    control.clock.advance(60)
    control.treasury.steer()
    after = aims.pacers[1]
    assert after.push == before.push and after.ripened == after.allowed == 60 * 40 * 10**9
    control.start()
    control.clock.advance(60)
    control.treasury.steer()
    assert len(control.treasury._conductor.aims.pacers[1].delays) > 50
