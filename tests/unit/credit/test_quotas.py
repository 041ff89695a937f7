"""Quotas: never exceeded, whoever dies; all of it used when workers live; the calendar's periods."""

import os
import random
import signal
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from credit.calendar_periods import NEVER_NS, span_of
from credit.product_file import catalogue_of
from credit.products import Catalogue
from credit.quota_store import Ask, QuotaStore, used_in
from credit.quotas import IDLE_NS, Quotas
from domain.clock import SECOND, ManualClock
from domain.money import NANOS

NOW = int(datetime(2026, 11, 26, 15, tzinfo=UTC).timestamp()) * SECOND


def catalogue(**lender: object) -> Catalogue:
    product = {
        "name": "P", "amount": {"min": 100, "max": 1_000}, "term_months": [12], "apr": {"min": 1, "max": 2},
        "payout": {"fixed": 1},
    }  # fmt: skip
    return catalogue_of(
        {
            "currency": "USD",
            "lenders": [
                {
                    "key": "l", "name": "L", "offers": {"day": 300}, **lender,
                    "products": [
                        {"key": "a", **product, "offers": {"day": 150, "total": 400}},
                        {"key": "b", **product, "volume": {"day": 20_000}},
                        {"key": "c", **product},
                    ],
                },
                {"key": "free", "name": "F", "products": [{"key": "d", **product}]},
            ],
        }
    )  # fmt: skip


def worker(path: Path, tally: Path, seed: int, clock: ManualClock) -> None:
    """Offers until nothing has room any more; each offer is tallied on disk before the next."""
    draw, store = random.Random(seed), QuotaStore(path)
    quotas = Quotas(catalogue(), store, clock.now_ns)
    with tally.open("ab", buffering=0) as file:
        for _ in range(2_000):
            quotas.renew()
            for _ in range(draw.randint(1, 4)):
                amount = draw.choice([100, 400, 1_000]) * NANOS
                open_ = np.flatnonzero(quotas.room(amount)[:3])
                if not len(open_):
                    break
                product = int(draw.choice(open_.tolist()))
                quotas.take(product, amount)
                file.write(f"{product} {amount}\n".encode())
            if not quotas.room(100 * NANOS)[:3].any() and not quotas.plan().asks:
                break
    quotas.close()


def test_no_number_of_workers_exceeds_a_quota_and_killed_ones_lose_no_more_than_their_leases(tmp_path: Path) -> None:
    clock, path = ManualClock(NOW), tmp_path / "quotas.sqlite"
    QuotaStore(path).close()
    tallies = [tmp_path / str(n) for n in range(4)]
    children = []
    for n, tally in enumerate(tallies):
        tally.touch()
        child = os.fork()
        if child == 0:
            try:
                worker(path, tally, n, clock)
                if n == 0:
                    signal.pause()  # it may be done before it is killed; it must not be gone
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
        while n == 0 and tally.stat().st_size < 100:
            time.sleep(0.0005)
    os.kill(children[0], signal.SIGKILL)
    ends = [os.waitpid(child, 0)[1] for child in children]
    assert [os.WIFSIGNALED(ends[0]), *ends[1:]] == [True, 0, 0, 0]
    offers = [tuple(map(int, line.split())) for tally in tallies for line in tally.read_text().splitlines()]
    by_product = [sum(product == p for product, _ in offers) for p in range(3)]
    volume = sum(amount for product, amount in offers if product == 1)
    assert len(offers) <= 300 and by_product[0] <= 150 and volume <= 20_000 * NANOS
    assert len(offers) >= 300 - 4, "the killed worker held a lease of 3, and the offer that it was writing"
    used = used_in(path)
    assert used["offers day l", "2026-11-26"] >= len(offers)
    assert used["volume day l/b", "2026-11-26"] >= volume


def test_leases_follow_the_calendar_and_are_there_before_the_day_is() -> None:
    clock = ManualClock(NOW)
    quotas = Quotas(catalogue(time_zone="America/New_York"), store := QuotaStore(Path(":memory:")), clock.now_ns)
    assert quotas.room(NANOS).tolist() == [False, False, False, True], "nothing is held before it is fetched"
    quotas.renew()
    assert quotas.room(1_000 * NANOS).tolist() == [True] * 4
    quotas.take(0, NANOS)
    assert quotas.room(NANOS).tolist() == [False, True, True, True], "one offer of this product was held"
    quotas.take(2, NANOS)
    quotas.take(2, NANOS)
    assert quotas.room(NANOS).tolist() == [False, False, False, True], "three offers of the lender were held"
    quotas.renew()
    assert quotas.room(NANOS).all()
    midnight = int(datetime(2026, 11, 27, tzinfo=ZoneInfo("America/New_York")).timestamp()) * SECOND
    clock.time_ns = midnight - 3 * SECOND
    quotas.renew()
    assert store.used()["offers day l", "2026-11-27"] == 3
    clock.time_ns = midnight
    assert quotas.room(NANOS).all(), "the leases of the new day were fetched before"
    assert quotas.left_now()["offers day l"] == 297
    assert quotas.left_now()["offers total l/a"] == 400 - 4, "leases of four, of which one was used"


def test_what_was_not_made_after_all_counts_no_more_in_its_own_periods() -> None:
    clock = ManualClock(NOW)
    quotas = Quotas(catalogue(), None, clock.now_ns)
    quotas.look({})
    full, amount = quotas._held.tolist(), 900 * NANOS
    for product in range(4):
        periods = quotas.periods
        quotas.take(product, amount)
        assert product == 3 or quotas._held.tolist() != full
        quotas.put_back(product, amount, periods)
        assert quotas._held.tolist() == full
    quotas.take(0, amount)
    clock.time_ns += 24 * 3_600 * SECOND
    quotas.room(amount)  # the next day has begun
    quotas.put_back(0, amount, periods)
    names = {quota.name: held for quota, held in zip(quotas.quotas, quotas._held, strict=False)}
    assert names["offers day l"] == names["offers day l/a"] == 0 and names["offers total l/a"] == 400


def test_what_is_used_up_is_shared(tmp_path: Path) -> None:
    """Four units of a total of 400, of which one worker holds two and leaves them unused: another one gets them."""
    clock = ManualClock(NOW)
    store = QuotaStore(tmp_path / "q")
    store.take([Ask("offers total l/a", "total", 400, 398)])
    one, two = (Quotas(catalogue(), store, clock.now_ns) for _ in range(2))
    one.renew()
    two.renew()
    assert one.room(NANOS)[0] and not two.room(NANOS)[0]
    clock.time_ns += IDLE_NS + SECOND
    one.renew()  # learns that there is nothing left of it, for it asks for more of others
    two.renew()
    assert not one.room(NANOS)[0] and two.room(NANOS)[0]
    two.take(0, NANOS)
    two.close()
    one.close()
    assert store.used()["offers total l/a", "total"] == 399
    assert store.used()["offers day l", "2026-11-26"] == 1


def test_a_failed_transaction_gives_nothing(tmp_path: Path) -> None:
    store = QuotaStore(tmp_path / "q")
    with pytest.raises(TypeError):
        store.take([Ask("a", "p", 10, 5), Ask("b", "p", 10, object())])  # type: ignore[arg-type]
    assert store.used() == {}
    of_sqlite = store._connection
    for statement in (
        "PRAGMA foreign_keys = ON", "CREATE TABLE none (id INTEGER PRIMARY KEY)",
        "CREATE TABLE bad (id REFERENCES none DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER late AFTER INSERT ON given BEGIN INSERT INTO bad VALUES (1); END",
    ):  # fmt: skip
        of_sqlite.execute(statement)
    with pytest.raises(sqlite3.IntegrityError):  # only when it is committed
        store.take([Ask("a", "p", 10, 5)])
    of_sqlite.execute("DROP TRIGGER late")
    assert store.used() == {}
    assert [tuple(one) for one in store.take([Ask("a", "p", 10, 8), Ask("a", "p", 10, 8)])] == [(8, 2), (2, 0)]
    store.give_back([("a", "p", 3)])
    assert store.used() == {("a", "p"): 7}
    for period in ("2026-08-17", "2026-08-18", "2026-08-17 week", "2026-08", "2026-09", "total"):
        store.take([Ask("b", period, 1, 1)])
    store.prune("2026-08-18")
    assert {period for _, period in store.used()} == {"p", "2026-08-18", "2026-09", "total"}


@pytest.mark.parametrize(
    ("period", "at", "name", "ends"),
    [
        ("day", "2026-03-08T04:30", "2026-03-07", "2026-03-08T05:00"),
        ("day", "2026-03-08T05:00", "2026-03-08", "2026-03-09T04:00"),  # the clocks go forward: 23 hours
        ("week", "2026-11-29T12:00", "2026-11-23 week", "2026-11-30T05:00"),
        ("month", "2026-12-31T23:00", "2026-12", "2027-01-01T05:00"),
        ("month", "2027-01-01T05:00", "2027-01", "2027-02-01T05:00"),
    ],
)
def test_periods_are_those_of_the_time_zone(period: str, at: str, name: str, ends: str) -> None:
    moment = int(datetime.fromisoformat(f"{at}+00:00").timestamp()) * SECOND
    found = span_of(period, ZoneInfo("America/New_York"), moment)  # type: ignore[arg-type]
    assert found == (name, int(datetime.fromisoformat(f"{ends}+00:00").timestamp()) * SECOND)
    assert span_of("total", ZoneInfo("UTC"), moment) == ("total", NEVER_NS)
