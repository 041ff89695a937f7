"""Leases, case by case. (That no budget is ever exceeded is tested in tests/property/test_leases.py.)"""

from typing import Any

from msgspec.structs import replace

from domain.campaign import Advertiser, Agency, Campaign, Limits, LineItem, Snapshot, Targeting
from domain.clock import SECOND
from domain.creative import every_format
from domain.exchange import Exchange
from pacing.delivery import delivery
from pacing.leases import COVER_S, GRACE_S, HORIZON_S, Leases
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


def beat(of: Leases, worker: int, seconds: float, *uses: tuple[int, int], bids: int = 0, **more: object) -> Grants:
    """``uses``: (lease, reserved) of a worker that heard every answer."""
    figures = tuple(
        LeaseUse(lease, reserved, of.leases[lease].money.granted, bids, of.leases[lease].bids.granted)
        for lease, reserved in uses
    )
    return of.heartbeat(Heartbeat(worker, figures, **more), at(seconds), 1)


def held(of: Leases) -> int:
    return of.purses.above["campaign", 1].money.held


def test_an_even_plan_lets_out_one_horizon_and_then_goes_at_its_pace() -> None:
    budget = DAY_S * 100 * BID  # 100 bids a second
    of = leases(item(pacing="even", daily_budget=budget), daily=10 * budget)
    (grant,) = beat(of, 1, 0).grants
    assert grant.granted == COVER_S * 100 * BID
    used = 0
    for tenth in range(1, 601):
        seconds = tenth / 10
        used = grant.granted  # bids on everything it may, at once; all of it is won, at the price bid
        of.release(grant.lease, used - of.leases[grant.lease].money.released)
        of.purses.spend(1, 1, at(0), used - of.purses.above["campaign", 1].money.spent)
        answer = beat(of, 1, seconds, (grant.lease, used))
        if grant.lease in answer.closed:
            beat(of, 1, seconds, returned=(LeaseUse(grant.lease, used),))
            break
        grant = answer.grants[0] if answer.grants else grant
        ideal = (COVER_S + seconds) * 100 * BID
        assert abs(grant.granted - ideal) < 20 * BID
    assert seconds > 25


def test_what_is_lost_may_be_bid_again_at_once() -> None:
    of = leases(item(pacing="even", daily_budget=DAY_S * BID))  # a bid a second
    (grant,) = beat(of, 1, 0).grants
    assert grant.granted == COVER_S * BID
    assert beat(of, 1, 0.2, (grant.lease, grant.granted)).grants == ()
    of.release(grant.lease, 10 * BID)
    (again,) = beat(of, 1, 0.4, (grant.lease, grant.granted)).grants
    assert 10 * BID <= again.granted - grant.granted < 11 * BID


def test_a_plan_that_is_behind_does_not_catch_up_in_a_burst() -> None:
    of = leases(item(pacing="even", daily_budget=DAY_S * BID))
    (grant,) = beat(of, 1, DAY_S / 2).grants  # half of the day is over, nothing is spent
    assert grant.granted == 86 * BID  # a thousandth of the budget


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


def test_a_small_budget_is_let_out_in_smaller_parts() -> None:
    flight_s = 100 * 60
    of = leases(item(pacing="even", total_budget=flight_s * BID))
    of.purses.lines[1].purse.end_ns = at(flight_s)
    (grant,) = beat(of, 1, 0).grants
    assert grant.granted == HORIZON_S * BID  # 60 s of it would be more than a thousandth


def test_asap_follows_demand() -> None:
    of = leases(item(daily_budget=10**4 * BID))
    (grant,) = beat(of, 1, 0).grants
    (more,) = beat(of, 1, 0.2, (grant.lease, grant.granted)).grants
    (most,) = beat(of, 1, 0.4, (more.lease, more.granted)).grants
    assert most.granted - more.granted == 2 * (more.granted - grant.granted) == 4 * grant.granted
    assert beat(of, 1, 0.6, (most.lease, most.granted // 2)).grants == ()


def test_asap_covers_up_to_a_minute_of_steady_use_if_the_budget_is_large() -> None:
    of = leases(item(daily_budget=10**7 * BID))
    used, seconds, grant = 0, 0.0, beat(of, 1, 0).grants[0]
    for _ in range(100):  # five bids a second
        seconds, used = seconds + 0.2, used + BID
        grant = next(iter(beat(of, 1, seconds, (grant.lease, used)).grants), grant)
    assert 75 * BID < grant.granted - used <= 300 * BID  # by doubling alone it would be 32 at most


def test_two_workers_share_a_plan() -> None:
    of = leases(item(pacing="even", daily_budget=DAY_S * 2 * BID))
    of.seen = {1: at(0), 2: at(0)}
    (first,) = beat(of, 1, 0).grants
    (second,) = beat(of, 2, 0).grants
    assert (first.granted, second.granted) == (COVER_S * BID, (COVER_S - 1) * BID)  # of a little less that is left
    assert first.lease != second.lease


def test_line_items_of_a_campaign_share_its_budget() -> None:
    of = leases(item(1, pacing="even"), item(2, pacing="even"), daily=DAY_S * 2 * BID)
    first, second = beat(of, 1, 0).grants
    assert (first.granted, second.granted) == (COVER_S * BID, (COVER_S - 1) * BID)


def test_ahead_lets_out_up_to_a_fifth_more_than_the_plan() -> None:
    spent = {}
    for pacing in ("even", "ahead"):
        of = leases(item(pacing=pacing, daily_budget=DAY_S * 100 * BID), daily=None)
        used, seconds, lease = 0, 0.0, 0
        while seconds < 29:
            for grant in beat(of, 1, seconds, *(((lease, used),) if lease else ())).grants:
                lease, used = grant.lease, grant.granted
            seconds += 0.2
        spent[pacing] = used - COVER_S * 100 * BID
    assert abs(spent["even"] - 29 * 100 * BID) < 100 * BID
    assert abs(spent["ahead"] - 1.2 * spent["even"]) < 100 * BID


def drain(of: Leases, seconds: float, worker: int = 1) -> dict[int, tuple[int, int]]:
    """(nanos, bids) by line item that a worker gets out of all leases, bidding on all it is granted at once."""
    held: dict[int, LeaseUse] = {}
    got: dict[int, tuple[int, int]] = {}
    for _ in range(60):
        answer = of.heartbeat(Heartbeat(worker, tuple(held.values())), at(seconds), 1)
        for grant in answer.grants:
            bids = grant.granted // BID if grant.bids is None else min(grant.bids, grant.granted // BID)
            held[grant.lease] = LeaseUse(grant.lease, bids * BID, grant.granted, bids, grant.bids)
            got[grant.line_item] = bids * BID, bids
    return got


def test_impressions_limit_as_money_does_and_the_tightest_wins() -> None:
    assert drain(leases(item(daily_budget=100 * BID, daily_impressions=30)), 0) == {1: (30 * BID, 30)}
    assert drain(leases(item(daily_budget=20 * BID, daily_impressions=30)), 0) == {1: (20 * BID, 20)}
    of = leases(item(hourly_impressions=7, total_impressions=1000))
    assert drain(of, 0) == {1: (7 * BID, 7)}
    of.purses.spend(1, 1, at(1), 7 * BID, 7)
    for _ in range(7):
        of.release(1, BID)
    assert drain(of, 2, worker=2) == {}  # the hour's are used up
    assert drain(of, 3600, worker=3) == {1: (7 * BID, 7)}


def test_bids_that_were_lost_may_be_made_again() -> None:
    of = leases(item(daily_impressions=5))
    assert drain(of, 0) == {1: (5 * BID, 5)}
    of.release(1, BID)
    (grant,) = beat(of, 1, 1, (1, 5 * BID), bids=5).grants
    assert grant.bids == 6


def tree(*items: LineItem, agency: Limits, advertiser: Limits, campaign: Limits, **changes: Any) -> Snapshot:
    base = plan(*items)
    owner = replace(base.advertisers[0], agency=1, limits=advertiser, **changes)
    house = Agency(1, "g", "G", "USD", "Asia/Tokyo", agency)
    other = replace(owner, id=2, key="b", limits=Limits())
    second = replace(base.campaigns[0], id=2, key="c2", advertiser=2, limits=Limits(daily_budget=10**12))
    first = replace(base.campaigns[0], limits=campaign)
    return replace(base, agencies=(house,), advertisers=(owner, other), campaigns=(first, second))


def test_every_level_limits_all_that_is_below_it() -> None:
    items = item(1), item(2), item(3, campaign=2)
    wide = Limits(daily_budget=1000 * BID)
    for tight, most in (
        ({"agency": Limits(daily_budget=50 * BID)}, 50),
        ({"agency": Limits(hourly_impressions=40)}, 40),
        ({"advertiser": Limits(total_budget=30 * BID), "agency": Limits(daily_budget=80 * BID)}, 80),
        ({"campaign": Limits(hourly_budget=20 * BID), "agency": Limits(total_impressions=90)}, 90),
    ):
        limits = {"agency": wide, "advertiser": wide, "campaign": wide} | tight
        of = Leases()
        of.plan(tree(*items, **limits))
        got = drain(of, 0)
        assert sum(bids for _, bids in got.values()) == most
        below = next((n for name, n in (("advertiser", 30), ("campaign", 20)) if name in tight), most)
        assert got.get(1, (0, 0))[1] + got.get(2, (0, 0))[1] <= below


def test_an_agencys_day_is_its_own() -> None:
    of = Leases()
    wide = Limits(total_budget=10**12)
    of.plan(tree(item(), agency=Limits(daily_budget=10 * BID), advertiser=Limits(), campaign=wide))
    of.purses.spend(1, 1, at(0), 10 * BID, 10)
    tokyo_midnight_s = 15 * 3600
    assert drain(of, tokyo_midnight_s - 1) == {}
    assert drain(of, tokyo_midnight_s)[1] == (10 * BID, 10)


def test_what_was_paid_in_limits_prepaid_and_with_a_credit_line_credit_accounts() -> None:
    for funding, credit_limit, most in (("open", 0, 1000), ("prepaid", 0, 12), ("credit", 5 * BID, 17)):
        of = Leases()
        snapshot = tree(
            item(daily_budget=1000 * BID), agency=Limits(), advertiser=Limits(), campaign=Limits(),
            funding=funding, credit_limit=credit_limit,
        )  # fmt: skip
        of.plan(snapshot)
        of.purses.fund(snapshot, {("advertiser", 1): 20 * BID})
        of.purses.spend(1, 1, at(-DAY_S), 8 * BID, 8)
        assert drain(of, 0)[1] == (most * BID, most), funding


def test_a_paused_agency_bids_for_nobody() -> None:
    snapshot = tree(item(), agency=Limits(), advertiser=Limits(), campaign=Limits(daily_budget=10**12))
    of = Leases()
    of.plan(replace(snapshot, agencies=(replace(snapshot.agencies[0], status="paused"),)))
    assert drain(of, 0) == {}


def test_a_limit_of_impressions_that_is_new_replaces_leases_that_do_not_count() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    assert grant.bids is None
    of.plan(plan(item(daily_budget=100 * BID, daily_impressions=3)))
    answer = beat(of, 1, 1, (grant.lease, 2 * BID))
    assert answer.closed == (grant.lease,)
    assert [new.bids for new in answer.grants] == [1]
    beat(of, 1, 1.2, returned=(LeaseUse(grant.lease, 2 * BID, bids=2),))


def test_total_budgets_bind_over_days() -> None:
    of = leases(item(daily_budget=10 * BID, total_budget=12 * BID))
    of.purses.spend(1, 1, at(-DAY_S), 10 * BID)
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
    assert held(of) == grant.granted  # until the worker says how much it used
    beat(of, 1, 1.2, returned=(LeaseUse(grant.lease, 3 * BID),))
    assert held(of) == 3 * BID
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
    for seconds, still_held in (
        (closes - 0.1, grant.granted),
        (closes, grant.granted),
        (closes + EXPIRY_S - 0.1, grant.granted),
        (closes + EXPIRY_S, 0),
    ):
        of.expire(at(seconds), at(seconds))
        assert held(of) == still_held


def test_nothing_expires_before_the_money_logs_are_read_up_to_then() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    of.expire(at(LEASE_S + GRACE_S), at(0))
    of.expire(at(DAY_S), at(LEASE_S + GRACE_S + EXPIRY_S - 1))
    assert held(of) == grant.granted


def test_a_worker_that_did_not_hear_that_its_lease_is_closed_may_have_bid_until_its_end() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    of.plan(plan(item(daily_budget=100 * BID, status="paused")))
    beat(of, 1, 1, (grant.lease, 0))  # the answer is lost, and the worker dies bidding at its lease's end
    of.expire(at(LEASE_S + EXPIRY_S), at(LEASE_S + EXPIRY_S))
    assert held(of) == grant.granted


def test_a_worker_that_was_taken_for_dead_and_comes_back_is_told_to_drop_its_lease() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    of.expire(at(60), at(60))
    answer = beat(of, 1, 61, (grant.lease, 5 * BID))
    assert answer.closed == (grant.lease,)
    assert [new.lease for new in answer.grants] != [grant.lease]
    before = held(of)
    beat(of, 1, 61.2, returned=(LeaseUse(grant.lease, 5 * BID),))
    assert held(of) == before - grant.granted + 5 * BID


def test_a_lost_answer_is_made_good() -> None:
    of = leases(item(pacing="even", daily_budget=DAY_S * BID))
    (lost,) = beat(of, 1, 0).grants
    (again,) = beat(of, 1, 0.2).grants
    assert (again.lease, again.granted) == (lost.lease, lost.granted)


def test_a_stopping_worker_gives_everything_back() -> None:
    of = leases(item(daily_budget=100 * BID))
    (grant,) = beat(of, 1, 0).grants
    beat(of, 1, 1, returned=(LeaseUse(grant.lease, 2 * BID),), stopping=True)
    assert held(of) == 2 * BID
    of.release(grant.lease, BID)
    assert held(of) == BID
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
    of.purses.spend(1, 1, at(0), 7 * BID)
    rows = delivery(of, at(DAY_S * 3 / 4))
    assert [(row.planned_now, row.budget_today, row.spent_today) for row in rows] == [
        (DAY_S * BID // 2, DAY_S * BID, 7 * BID),
        (5 * BID, 5 * BID, 0),
        (DAY_S * 3 * BID * 3 // 4, DAY_S * 3 * BID, 0),
    ]
