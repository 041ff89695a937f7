"""Leases, case by case. (That no budget is ever exceeded is tested in tests/property/test_leases.py.)"""

from domain.campaign import Advertiser, Campaign, Exchange, Limits, LineItem, Snapshot, Targeting, every_format
from domain.clock import SECOND
from pacing.delivery import delivery
from pacing.leases import GRACE_S, HORIZON_S, Leases
from pacing.protocol import LEASE_S, Grants, Heartbeat, LeaseUse

BID = 1_000_000
DAY_S = 86_400
MIDNIGHT_S = 20_000 * DAY_S
EXPIRY_S = 300


def at(seconds: float) -> int:
    """Seconds after midnight UTC -> nanoseconds."""
    return int((MIDNIGHT_S + seconds) * SECOND)


def item(id_: int = 1, **fields: object) -> LineItem:
    limits = Limits(**{name: fields.pop(name) for name in Limits.__struct_fields__ if name in fields})
    given = {"campaign": 1, "bid_cpm": BID, "pacing": "asap", "limits": limits, **fields}
    return LineItem(id=id_, key=f"l{id_}", name=f"l{id_}", targeting=Targeting(), creatives=(1,), **given)


def plan(*items: LineItem, daily: int | None = 10**12, total: int | None = None, status: str = "active") -> Snapshot:
    limits = Limits(daily_budget=daily, total_budget=total)
    campaign = Campaign(1, "c", 1, "c", at(0), at(10 * DAY_S), limits, status=status)
    owner = Advertiser(1, "a", "a", "USD", "UTC", "a.example", ())
    exchange = Exchange(1, "x", "USD", every_format("burl"), bid_expiry_s=EXPIRY_S)
    return Snapshot(1, 0, (exchange,), (), (owner,), (campaign,), items, (), (), ())


def leases(*items: LineItem, **campaign: object) -> Leases:
    made = Leases()
    made.plan(plan(*items, **campaign))
    return made


def beat(of: Leases, worker: int, seconds: float, *uses: tuple[int, int], **more: object) -> Grants:
    """``uses``: (lease, reserved) of a worker that heard every answer."""
    figures = tuple(LeaseUse(lease, reserved, of.leases[lease].granted) for lease, reserved in uses)
    return of.heartbeat(Heartbeat(worker, figures, **more), at(seconds), 1)


def test_an_even_plan_lets_out_one_horizon_and_then_goes_at_its_pace() -> None:
    budget = DAY_S * 100 * BID  # 100 bids a second
    of = leases(item(pacing="even", daily_budget=budget), daily=10 * budget)
    (grant,) = beat(of, 1, 0).grants
    assert grant.granted == HORIZON_S * 100 * BID
    used = 0
    for tenth in range(1, 601):
        seconds = tenth / 10
        used = grant.granted  # bids on everything it may, at once; all of it is won, at the price bid
        of.release(grant.lease, used - of.leases[grant.lease].released)
        of.spend(1, 1, "2024-10-04", used - of.campaigns[1].spent)
        answer = beat(of, 1, seconds, (grant.lease, used))
        if grant.lease in answer.closed:
            beat(of, 1, seconds, returned=(LeaseUse(grant.lease, used),))
            break
        grant = answer.grants[0] if answer.grants else grant
        ideal = (HORIZON_S + seconds) * 100 * BID
        assert abs(grant.granted - ideal) < 20 * BID
    assert seconds > 25


def test_what_is_lost_may_be_bid_again_at_once() -> None:
    of = leases(item(pacing="even", daily_budget=DAY_S * BID))  # a bid a second
    (grant,) = beat(of, 1, 0).grants
    assert grant.granted == HORIZON_S * BID
    assert beat(of, 1, 0.2, (grant.lease, grant.granted)).grants == ()
    of.release(grant.lease, 10 * BID)
    (again,) = beat(of, 1, 0.4, (grant.lease, grant.granted)).grants
    assert 10 * BID <= again.granted - grant.granted < 11 * BID


def test_a_plan_that_is_behind_does_not_catch_up_in_a_burst() -> None:
    of = leases(item(pacing="even", daily_budget=DAY_S * BID))
    (grant,) = beat(of, 1, DAY_S / 2).grants  # half of the day is over, nothing is spent
    assert grant.granted == HORIZON_S * 2 * BID


def test_a_budget_smaller_than_a_horizon_still_buys_single_bids() -> None:
    of = leases(item(pacing="even", daily_budget=3 * BID))
    (grant,) = beat(of, 1, 0).grants
    assert grant.granted == BID
    assert beat(of, 1, 1, (grant.lease, BID)).grants == ()


def test_asap_spends_the_budget_to_its_last_bid_and_not_further() -> None:
    of = leases(item(daily_budget=100 * BID + 1))
    (grant,) = beat(of, 1, 0).grants
    granted, seconds = grant.granted, 0.0
    while (answer := beat(of, 1, seconds := seconds + 0.2, (grant.lease, granted))).grants:
        granted = answer.grants[0].granted
    assert granted == 100 * BID


def test_asap_follows_demand() -> None:
    of = leases(item(daily_budget=10**6 * BID))
    (grant,) = beat(of, 1, 0).grants
    (more,) = beat(of, 1, 0.2, (grant.lease, grant.granted)).grants
    (most,) = beat(of, 1, 0.4, (more.lease, more.granted)).grants
    assert most.granted - more.granted == 2 * (more.granted - grant.granted) == 4 * grant.granted
    assert beat(of, 1, 0.6, (most.lease, most.granted // 2)).grants == ()


def test_two_workers_share_a_plan() -> None:
    of = leases(item(pacing="even", daily_budget=DAY_S * 2 * BID))
    of.seen = {1: at(0), 2: at(0)}
    (first,) = beat(of, 1, 0).grants
    (second,) = beat(of, 2, 0).grants
    assert (first.granted, second.granted) == (HORIZON_S * BID, (HORIZON_S - 1) * BID)  # of a little less that is left
    assert first.lease != second.lease


def test_line_items_of_a_campaign_share_its_budget() -> None:
    of = leases(item(1, pacing="even"), item(2, pacing="even"), daily=DAY_S * 2 * BID)
    first, second = beat(of, 1, 0).grants
    assert (first.granted, second.granted) == (HORIZON_S * BID, (HORIZON_S - 1) * BID)


def test_total_budgets_bind_over_days() -> None:
    of = leases(item(daily_budget=10 * BID, total_budget=12 * BID))
    of.spend(1, 1, "2024-10-03", 10 * BID)
    granted, lease = 0, 0
    for tick in range(20):
        for grant in beat(of, 1, tick / 5, *(((lease, granted),) if lease else ())).grants:
            lease, granted = grant.lease, grant.granted
    assert granted == 2 * BID


def test_paused_line_items_and_flights_that_are_over_get_nothing_and_lose_what_they_have() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    of.plan(plan(item(daily_budget=100 * BID, status="paused")))
    answer = beat(of, 1, 1, (grant.lease, 3 * BID))
    assert (answer.grants, answer.closed) == ((), (grant.lease,))
    assert of.campaigns[1].held == grant.granted  # until the worker says how much it used
    beat(of, 1, 1.2, returned=(LeaseUse(grant.lease, 3 * BID),))
    assert of.campaigns[1].held == 3 * BID
    of.plan(plan(item(daily_budget=100 * BID), status="paused"))
    assert beat(of, 1, 2).grants == ()
    of.plan(plan(item(daily_budget=100 * BID)))
    assert beat(of, 1, 3).grants != ()
    assert beat(of, 1, 10 * DAY_S).grants == ()
    assert beat(of, 1, -1).grants == ()


def test_a_campaign_without_any_budget_gets_nothing() -> None:
    assert beat(leases(item(), daily=None), 1, 0).grants == ()


def test_a_dead_workers_lease_comes_back_after_its_end_and_the_longest_expiry() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    closes = LEASE_S + GRACE_S
    for seconds, held in (
        (closes - 0.1, grant.granted),
        (closes, grant.granted),
        (closes + EXPIRY_S - 0.1, grant.granted),
        (closes + EXPIRY_S, 0),
    ):
        of.expire(at(seconds), at(seconds))
        assert of.campaigns[1].held == held


def test_nothing_expires_before_the_money_logs_are_read_up_to_then() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    of.expire(at(LEASE_S + GRACE_S), at(0))
    of.expire(at(DAY_S), at(LEASE_S + GRACE_S + EXPIRY_S - 1))
    assert of.campaigns[1].held == grant.granted


def test_a_worker_that_did_not_hear_that_its_lease_is_closed_may_have_bid_until_its_end() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    of.plan(plan(item(daily_budget=100 * BID, status="paused")))
    beat(of, 1, 1, (grant.lease, 0))  # the answer is lost, and the worker dies bidding at its lease's end
    of.expire(at(LEASE_S + EXPIRY_S), at(LEASE_S + EXPIRY_S))
    assert of.campaigns[1].held == grant.granted


def test_a_worker_that_was_taken_for_dead_and_comes_back_is_told_to_drop_its_lease() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    of.expire(at(60), at(60))
    answer = beat(of, 1, 61, (grant.lease, 5 * BID))
    assert answer.closed == (grant.lease,)
    assert [new.lease for new in answer.grants] != [grant.lease]
    held = of.campaigns[1].held
    beat(of, 1, 61.2, returned=(LeaseUse(grant.lease, 5 * BID),))
    assert of.campaigns[1].held == held - grant.granted + 5 * BID


def test_a_lost_answer_is_made_good() -> None:
    of = leases(item(pacing="even", daily_budget=DAY_S * BID))
    (lost,) = beat(of, 1, 0).grants
    (again,) = beat(of, 1, 0.2).grants
    assert (again.lease, again.granted) == (lost.lease, lost.granted)


def test_a_stopping_worker_gives_everything_back() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    beat(of, 1, 1, returned=(LeaseUse(grant.lease, 2 * BID),), stopping=True)
    assert of.campaigns[1].held == 2 * BID
    of.release(grant.lease, BID)
    assert of.campaigns[1].held == BID
    of.release(grant.lease, BID)
    of.expire(at(2), at(2))
    assert of.leases == {}


def test_leases_are_replaced_so_that_forgotten_reservations_can_expire() -> None:
    of = leases(item(daily_budget=10**6 * BID))
    (grant,) = beat(of, 1, 0).grants
    first, seconds, seen = grant.lease, 0.0, {grant.lease}
    while len(seen) == 1:
        seconds += 0.2
        seen |= {new.lease for new in beat(of, 1, seconds, (first, 0)).grants}
    assert 30 <= seconds < 61


def test_delivery_compares_spend_with_the_straight_line_from_activation() -> None:
    even = item(1, pacing="even", daily_budget=DAY_S * BID, activated_ns=at(DAY_S / 2))
    of = leases(even, item(2, daily_budget=5 * BID), item(3, pacing="even", activated_ns=at(0)), daily=DAY_S * 3 * BID)
    of.spend(1, 1, "2024-10-04", 7 * BID)
    rows = delivery(of, at(DAY_S * 3 / 4))
    assert [(row.planned_now, row.budget_today, row.spent_today) for row in rows] == [
        (DAY_S * BID // 2, DAY_S * BID, 7 * BID),
        (5 * BID, 5 * BID, 0),
        (DAY_S * 3 * BID * 3 // 4, DAY_S * 3 * BID, 0),
    ]
