"""What stays as it is: credits whose touches cannot be looked up any more, and what is inherited from them."""

import re

from domain.attribution import DEFAULT, Credit
from reporting.cluster import Cluster
from reporting.crediting import Converted, Credited, Touch, credits, prepare
from reporting.schema import CLICKS, CURRENT
from reporting.touches import BUCKET_NS, MOST_RUNS, MOST_TIMES, _parts, buckets

DAY = 86_400 * 10**9
WHEN = "received_ns"
CLICK = Touch(100 * DAY, 11, 0, 1, 2, 3, 4, 5, 6, 7)
VIEW = Touch(105 * DAY, 12, 0, 1, 2, 3, 4, 5, 6, 7)
LEAD = Converted(106 * DAY, 9, "lead", "o", 5, "USD", 77, 106 * DAY, None)
PAID = LEAD._replace(event="paid", received_ns=200 * DAY, at_ns=200 * DAY)


def credited(one: Converted, kind: Credit, touch: Touch | None) -> Credited:
    at_ns, bid, _, *place = touch or Touch(*[0] * 10)
    facts = one.received_ns, one.advertiser, one.event, one.order, one.value, one.currency, one.person
    return Credited(*facts, int(kind), at_ns, bid, *place)


def decided(
    told: list[Converted], now: list[Credited], views: list[Touch], since: int = 0, gone: tuple[Credited, ...] = ()
) -> list[Credited]:
    order = prepare(told, now, lambda one: True, gone)
    keys = {one.person: (one.person,) for one in told if one.person}
    kept_since = {int(Credit.CLICK): since, int(Credit.VIEW): since}
    return credits(order, keys, {}, {(9, 77): views}, lambda campaign: DEFAULT, kept_since)


def test_a_click_that_is_older_than_what_is_kept_keeps_its_credit() -> None:
    was = credited(LEAD, Credit.CLICK, CLICK)
    assert decided([LEAD], [was], [VIEW], since=101 * DAY) == [was]
    assert decided([LEAD], [was], [VIEW], since=100 * DAY) == [credited(LEAD, Credit.VIEW, VIEW)]
    assert decided([LEAD], [was], []) == [credited(LEAD, Credit.NONE, None)]


def test_a_view_is_outdone_by_a_later_one_whatever_is_kept() -> None:
    before = credited(LEAD, Credit.VIEW, VIEW._replace(at_ns=104 * DAY, bid=10))
    assert decided([LEAD], [before], [VIEW], since=105 * DAY) == [credited(LEAD, Credit.VIEW, VIEW)]


def test_who_was_forgotten_keeps_the_credit_and_those_that_followed_it_too() -> None:
    told = [LEAD._replace(person=0), PAID._replace(person=0)]
    was = [credited(one, Credit.CLICK, CLICK) for one in told]
    assert decided(told, was, []) == was
    with_id = told[0]._replace(click=CLICK, at_ns=131 * DAY)  # known by its click id, and that is over now
    nothing = [credited(one, Credit.NONE, None) for one in (with_id, told[1])]
    assert decided([with_id, told[1]], was, []) == nothing


def test_an_outcome_follows_what_is_no_longer_in_the_store() -> None:
    was = credited(LEAD, Credit.CLICK, CLICK)
    assert decided([PAID], [], [], gone=(was,)) == [credited(PAID, Credit.CLICK, CLICK)]
    assert decided([PAID], [], []) == [credited(PAID, Credit.NONE, None)]


def test_a_key_with_very_many_conversions_is_looked_up_in_parts() -> None:
    wanted = [(1, 7, n) for n in range(2 * MOST_TIMES + 3)] + [(2, 7, 1), (1, 8, 5)]
    parts = list(_parts(reversed(wanted)))
    assert sorted(one for part in parts for one in part) == sorted(wanted) and len(parts) == 3
    assert all(sum(one[:2] == (1, 7) for one in part) <= MOST_TIMES for part in parts)
    assert (2, 7, 1) in parts[0] and (1, 8, 5) in parts[0]


def test_scattered_times_make_a_query_that_is_not_too_long() -> None:
    assert buckets([7, 5, 6]) == f"(({WHEN} >= {5 * BUCKET_NS} AND {WHEN} < {8 * BUCKET_NS}))"
    scattered = range(0, 100_000, 3)
    ranges = [tuple(map(int, found)) for found in re.findall(r">= (\d+) AND received_ns < (\d+)", buckets(scattered))]
    assert len(ranges) <= MOST_RUNS and len(buckets(scattered)) < 100_000
    assert all(any(low <= bucket * BUCKET_NS < high for low, high in ranges) for bucket in scattered)
    ranges = re.findall(r">=", buckets([*range(0, 400, 2), *range(10_000, 10_400, 2)]))
    assert len(ranges) == 2


def test_in_a_cluster_all_shards_tell_what_has_arrived() -> None:
    spread = Cluster.of(CURRENT, "ours", "outbid").parts(CLICKS)
    assert spread == (
        "FROM cluster('ours', system, parts) WHERE active AND database = 'outbid' AND table = 'clicks_local'"
    )
