"""Plain counts of events, and how hours are asked for."""

from collections import defaultdict

import pytest

from domain.errors import Refused
from domain.events import Kind, Notice
from reporting.findings import hour_text
from reporting.quality import stretches
from reporting.quality_checks import Hours
from reporting.quality_watch import asked_hours, hour_number
from reporting.tallies import HOUR_NS, Tally, count
from tests.trade import Trade


def test_each_event_is_counted_in_its_table_hour_and_account() -> None:
    trade, found = Trade(seed=11, auctions=400), {}
    into: dict[tuple[str, int, int], Tally] = defaultdict(Tally)
    newest = count([*trade.bids, *trade.money], into)
    assert newest == max(e.received_ns for e in trade.money)
    for name in ("bids", "clicks", "conversions", "events", "no_bids"):
        found[name] = sum(tally.rows for (fact, _, _), tally in into.items() if fact == name)
    kinds = [getattr(event, "kind", None) for event in trade.money]
    assert found["clicks"] == kinds.count(Kind.CLICK) and found["events"] == kinds.count(Kind.EVENT)
    assert found["conversions"] == kinds.count(None) and found["bids"] + found["no_bids"] == len(trade.bids) - 3
    billed = sum(1 for row in trade.settlements if row.number == 0)
    assert sum(tally.billable for tally in into.values()) == billed
    shown = [e for e in trade.money if isinstance(e, Notice) and e.kind == Kind.IMPRESSION]
    key = "impressions", shown[0].received_ns // HOUR_NS, shown[0].advertiser
    same = [e for e in shown if ("impressions", e.received_ns // HOUR_NS, e.advertiser) == key]
    assert (into[key].rows, into[key].amount) == (len(same), sum(e.price for e in same))


def test_hours_are_read_and_written_as_people_do() -> None:
    assert hour_number("2026-11-26T09:00Z") * 3600 == 1_795_683_600
    assert hour_text(hour_number("2026-11-26T09:00Z")) == "2026-11-26T09:00Z"
    assert asked_hours({}) is None
    day = hour_number("2026-11-26T00:00Z")
    assert asked_hours({"from": "2026-11-26", "to": "2026-11-26"}) == (day, day + 23)
    assert asked_hours({"from": "2026-11-26T09:00Z", "to": "2026-11-26T10:00Z"}) == (day + 9, day + 10)
    assert list(stretches([1, 2, 3, 7, 9, 10])) == [Hours(1, 3), Hours(7, 7), Hours(9, 10)] and not [*stretches([])]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"from": "2026-11-26"}, "to"),
        ({"from": "yesterday", "to": "2026-11-26"}, "from"),
        ({"from": "2026-11-26", "to": "2026-11-25"}, "to"),
        ({"from": "2026-01-01", "to": "2026-11-25"}, "768"),
        ({"from": "2026-11-26", "to": "2026-11-26", "by": "day"}, "by"),
    ],
)
def test_hours_that_cannot_be_checked_are_refused(values: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        asked_hours(values)
