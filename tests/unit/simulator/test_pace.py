"""How many requests are due, and the figures that a live view reads."""

import pytest

from domain.clock import SECOND, ManualClock, ScaledClock
from simulator.market import HOURS
from simulator.run import Pace
from simulator.statistics import Statistics


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: moment[0])
    return moment


def test_requests_fall_due_at_the_rate(now: list[float]) -> None:
    pace = Pace(8, ManualClock(), endless=True)
    assert pace.due(64) == (0, 0)
    now[0] += 0.3125
    assert pace.due(64) == (2, 0)
    now[0] += 0.0625  # the half request of before is not forgotten
    assert pace.due(64) == (1, 0)


def test_endless_traffic_skips_what_there_is_no_room_for_and_a_file_waits(now: list[float]) -> None:
    endless, file = Pace(10, ManualClock(), endless=True), Pace(10, ManualClock(), endless=False)
    now[0] += 1
    assert [endless.due(4), file.due(4)] == [(4, 6), (4, 0)]
    assert [endless.due(4), file.due(4)] == [(0, 0), (4, 0)]
    assert file.due(4) == (2, 0)


def test_without_a_rate_there_is_as_much_due_as_there_is_room() -> None:
    assert Pace(None, ManualClock(), endless=False).due(7) == (7, 0)


def test_a_compressed_day_has_the_shape_of_a_day(now: list[float]) -> None:
    clock = ScaledClock(4 * 3600 * SECOND, 0, 1000.0)
    clock.now_ns = lambda: 4 * 3600 * SECOND  # type: ignore[method-assign]
    pace = Pace(1000, clock, endless=True)
    now[0] += 1
    assert pace.due(10_000) == (round(1000 * HOURS[4]), 0)


def test_latencies_and_rates_are_those_of_the_last_seconds(now: list[float]) -> None:
    seen = Statistics(started=now[0])
    assert (seen.p50_ms, seen.rps, seen.bid_rate, seen.ctr) == (0, 0, 0, 0)
    for _ in range(10):
        seen.answered(200, 5.0)
    now[0] += 20
    for number in range(100):
        seen.answered(200, number / 1000)
    assert seen.rps == 20
    assert (seen.p50_ms, seen.p99_ms) == (50, 99)
    now[0] += 60
    assert seen.rps == 0
    assert seen.p99_ms == 99


def test_what_must_never_happen_is_a_fault_and_what_may_is_none() -> None:
    seen = Statistics()
    seen.answered(200, 0.01)
    seen.losses["OUTBID"] += 1
    seen.dropped = seen.timeouts = seen.retries = 1
    assert seen.faults() == []
    assert seen.failures == 1
    seen.forged_accepted["click with status 302"] += 1
    seen.bent["'https://phishing.example/'"] += 2
    assert len(seen.faults()) == 2
    assert "2 × click redirected" in seen.faults()[1]
