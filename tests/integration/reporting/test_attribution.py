"""Conversions get the credit that a comparison of all events with all others gives them, whatever arrives when."""

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import astuple, replace

from domain.attribution import Attribution as Said
from domain.attribution import Rules
from domain.campaign import Campaign
from domain.clock import SECOND, ManualClock
from domain.events import Conversion, Kind, Notice, encode
from domain.keys import internal_secret, load_keys
from domain.naming import name_id
from eventlog.writer import LogWriter
from reporting.attribution import Attribution
from reporting.rollups import GRAINS, differences
from reporting.schema import ATTRIBUTIONS, CLICKS, CONVERSIONS, EVENTS, IMPRESSIONS, Table
from reporting.store import Store, StoreError, migrate, open_store
from targeting.profiles import ProfileStore
from tests import attribution_twin
from tests.attribution_twin import Rule
from tests.clickhouse_server import ClickHouseServer
from tests.customers import RULES, START_NS, Customers, rule
from tests.integration.reporting.conftest import Control
from tests.integration.reporting.test_reporter import Reporter
from tests.trade import snapshot

DAY_NS = 86_400 * SECOND
TABLES = {Kind.CLICK: CLICKS, Kind.IMPRESSION: IMPRESSIONS, Kind.EVENT: EVENTS}
TABLES_OF_EVENTS = ("clicks", "impressions", "events", "conversions")
CREDITED = {"click_conversions", "view_conversions", "conversion_value", "click_value"}
STRANGERS: Mapping[int, Sequence[int]] = {}
JOINED = {1: (1, 5), 5: (1, 5), 2: (2, 3, 6), 3: (2, 3, 6), 6: (2, 3, 6)}
"""Which keys are one person's."""


def put(store: Store, events: Sequence[Any], name: str) -> None:
    """Rows of events, as they are shipped: one block for each table and day."""
    blocks: dict[tuple[str, int], tuple[Table, list[Any]]] = {}
    for event in events:
        table = TABLES[Kind(event.kind)] if isinstance(event, Notice) else CONVERSIONS
        blocks.setdefault((table.name, event.received_ns // DAY_NS), (table, []))[1].append(event)
    for (_, day), (table, rows) in blocks.items():
        fields = rows[0].__struct_fields__
        columns = dict(zip(fields, zip(*map(astuple, rows), strict=True), strict=True))
        batch = f"{name}:{table.name}:{day}"
        kept = {column: columns[column] for column in table.columns if column in columns}
        store.insert(table, {**kept, "batch": [name_id(batch)] * len(rows)}, batch)


def hurry(store: Store) -> None:
    """Nothing here cuts the power, and what rollups have of other tables is tested elsewhere."""
    for table in ("attributions", *TABLES_OF_EVENTS):
        store.command(f"ALTER TABLE {table} MODIFY SETTING fsync_after_insert = 0, fsync_part_directory = 0")
    for (view,) in store.query("SELECT name FROM system.tables WHERE engine = 'MaterializedView'"):
        if any(f"_of_{table}" in view for table in TABLES_OF_EVENTS):
            store.command(f"DROP TABLE {view} SYNC")


class Job:
    """The job, that can be killed and begun anew."""

    def __init__(self, store: Store, directory: Path, most: int = 50_000) -> None:
        self.store, self.directory, self.most = store, directory, most
        self.joined: Mapping[int, Sequence[int]] = JOINED
        self.rules, self.events_days = RULES, 0
        self.begin()

    def begin(self) -> None:
        clock = ManualClock(START_NS + 9 * DAY_NS)
        self.job = Attribution(
            self.store, self.directory / "attribution", "here", clock, self._keys, self.most, self.events_days
        )
        self.job.follow({n: Rules(c * SECOND, v * SECOND, only) for n, (c, v, only) in self.rules.items()})

    def _keys(self, persons: Collection[int]) -> Mapping[int, Sequence[int]]:
        return {person: self.joined.get(person, (person,)) for person in persons}

    def expected(self, events: Sequence[Any]) -> Any:
        def of(campaign: int) -> Rule:
            return self.rules.get(campaign, rule(4))

        return attribution_twin.credited(events, of, lambda person: self.joined.get(person, (person,)))

    def found(self) -> dict[tuple[int, str, str], tuple[int, ...]]:
        """What the rows come to, in the twin's shape."""
        columns = [name for name in ATTRIBUTIONS.columns if name not in ("sign", "made_ns", "batch")]
        listed = ", ".join(f"`{name}`" for name in columns)
        rows = self.store.query(f"SELECT {listed}, sum(sign) AS n FROM attributions GROUP BY {listed} HAVING n != 0")
        found = {}
        for row in rows:
            received, advertiser, event, order, value, _, _, *credit, times = row
            assert int(times) == 1 and (int(advertiser), event, order) not in found
            found[int(advertiser), event, order] = tuple(map(int, (received, value, *credit)))
        return found

    def rollups_agree(self) -> None:
        for days in range(4):
            day = date.fromordinal(date(1970, 1, 1).toordinal() + START_NS // DAY_NS + days)
            for grain in GRAINS:
                assert not differences(self.store, day, grain).keys() & CREDITED


class Killed(BaseException):
    """The process is gone at this instant."""


def deadly(store: Store, monkeypatch: pytest.MonkeyPatch, draw: random.Random) -> None:
    """One of the next statements is the last, and may or may not have been carried out."""
    count, last, done = 0, draw.randint(1, 25), draw.random() < 0.5

    def wrap(act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*arguments: Any) -> Any:
            nonlocal count
            count += 1
            if count == last and not done:
                raise Killed
            result = act(*arguments)
            if count == last:
                raise Killed
            return result

        return acting

    for name in ("insert", "command", "query"):
        monkeypatch.setattr(store, name, wrap(getattr(store, name)))


@pytest.mark.parametrize("seed", range(3))
def test_credits_are_those_of_plain_comparison_in_any_order_of_arrival(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """With kills between statements, other rules and other joins in between; in chDB."""
    store = open_store("chdb", tmp_path)
    try:
        migrate(store, date(2026, 9, 4))
        hurry(store)
        draw, customers = random.Random(seed), Customers(seed)
        job, events = Job(store, tmp_path, most=draw.choice((3, 50_000))), customers.events
        there: list[Any] = []
        number = 0
        while len(there) < len(events):
            arriving = events[len(there) : len(there) + draw.choice((2, 20, 50))]
            there += arriving
            put(store, arriving, f"batch{number}")
            number += 1
            if draw.random() < 0.4:
                with monkeypatch.context() as patched:
                    deadly(store, patched, draw)
                    with suppress(Killed):
                        job.job.round()
                job.begin()
            elif draw.random() < 0.5:
                job.job.round()
                assert job.found() == job.expected(there)
        job.job.round()
        assert job.found() == job.expected(events)
        assert {credit[2] for credit in job.found().values()} == {0, 1, 2}
        assert job.job.round().rows == 0
        job.joined, job.rules = STRANGERS, {1: (3_600, 0, False), 3: (0 + 7_200, 3_600, False)}
        job.begin()
        first = START_NS // DAY_NS
        job.job.run(first, first + 12)
        assert job.found() == job.expected(events)
        assert job.job.run(first, first + 12).rows == 0
        job.rollups_agree()
    finally:
        store.close()


def test_a_server_of_1816_gives_the_same(clickhouse: ClickHouseServer, tmp_path: Path) -> None:
    """Arrivals, a kill after the insert, an insert that did not come to its end, another run; on the oldest server."""
    store = open_store(clickhouse.address("attribution"), tmp_path, owner="here.attribution")
    migrate(store, date(2026, 9, 4))
    customers = Customers(77)
    job, events = Job(store, tmp_path), customers.events
    put(store, events[:40], "first")
    insert = store.insert

    def killed(*arguments: Any) -> None:
        insert(*arguments)
        raise Killed

    def lost() -> None:
        raise StoreError("the connection broke")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            store, "insert", lambda table, *rest: (killed if table is ATTRIBUTIONS else insert)(table, *rest)
        )
        with pytest.raises(Killed):
            job.job.round()
    job.begin()
    job.job.round()
    assert job.found() == job.expected(events[:40])
    put(store, events[40:], "second")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store, "insert", lambda table, *rest: lost() if table is ATTRIBUTIONS else insert(table, *rest))
        with pytest.raises(StoreError):
            job.job.round()
    job.job.round()
    assert job.found() == job.expected(events)
    assert job.job.round().rows == job.job.run(START_NS // DAY_NS, START_NS // DAY_NS + 12).rows == 0
    job.rollups_agree()
    store.close()


def test_a_view_that_must_be_in_view_loses_its_credit_where_nothing_tells_that_it_was(
    clickhouse: ClickHouseServer, tmp_path: Path
) -> None:
    """But not where that may have been told, so long ago that it is not kept any more."""
    store = open_store(clickhouse.address("in_view"), tmp_path, owner="here.attribution")
    migrate(store, date(2026, 9, 4))
    events = Customers(5).events
    shown = next(e for e in events if isinstance(e, Notice) and e.kind == Kind.IMPRESSION and not e.marks and e.person)
    lead = next(e for e in events if isinstance(e, Conversion))
    lead = replace(lead, advertiser=shown.advertiser, person=shown.person, received_ns=shown.received_ns, marks=0,
                   bid=0, happened_ns=0)  # fmt: skip
    put(store, [shown, lead], "all")
    job, days = Job(store, tmp_path), (START_NS // DAY_NS, START_NS // DAY_NS + 12)
    for job.events_days, only, kind in ((0, False, 2), (7, True, 2), (10, True, 0), (0, False, 2), (0, True, 0)):
        job.rules = {shown.campaign: (3_600, 3_600, only)}
        job.begin()
        job.job.run(*days)
        assert [credit[2] for credit in job.found().values()] == [kind]
    store.close()


def test_a_reporter_that_is_killed_credits_what_is_left(tmp_path: Path, control: Control) -> None:
    """The whole process, in the default deployment: logs of two hosts that arrive by and by, windows as they were
    published, joins from the profile store, SIGKILL at any instant.
    """
    draw, customers = random.Random(3), Customers(3, touches=200, conversions=60)
    with ProfileStore(tmp_path / "profiles.lmdb") as profiles:
        for first, *others in {1: (1, 5), 2: (2, 3, 6)}.values():
            for other in others:
                profiles.identity.join(first, other, "sync", 1.0, 1)
    campaigns = [
        Campaign(n, f"c{n}", 1 + n % 2, "C", 0, 1, attribution=Said(*RULES[n])) if n in RULES else campaign
        for n, campaign in enumerate(snapshot().campaigns, start=1)
    ]
    control.snapshot = replace(snapshot(), campaigns=tuple(campaigns))
    logs = [LogWriter(tmp_path / f"log/money/{n}") for n in range(2)]
    for event in customers.events[:150]:
        logs[draw.randrange(2)].append(encode(event))
    secret = {"Authorization": f"Bearer {internal_secret(load_keys(tmp_path))}"}
    for pause_s in (0.3, 0.05, 0.6):
        reporter = Reporter(tmp_path, "chdb", control.base)
        try:
            reporter.until("/health", lambda status, _: status == 200)
            for event in customers.events[150:] if pause_s == 0.05 else ():
                logs[draw.randrange(2)].append(encode(event))
            time.sleep(pause_s)
        finally:
            reporter.process.kill()
            reporter.process.wait()
    for log in logs:
        log.close()
    reporter = Reporter(tmp_path, "chdb", control.base)
    try:
        reporter.until("/v1/lag", lambda status, body: status == 200 and json.loads(body)["behind"] == 0)
        assert reporter.get("/v1/attribution", b"")[0] == 403
        status, says = reporter.get("/v1/attribution?from=2026-09-04", b"", secret)
        assert status == 400 and b"both days must be given" in says
        assert reporter.get("/v1/attribution", b"", secret)[0] == 200
        told = json.loads(reporter.get("/v1/attribution?from=2026-09-01&to=2026-09-30", b"", secret)[1])
        reporter.process.send_signal(signal.SIGTERM)
        assert reporter.process.wait(60) == 0
    finally:
        reporter.process.kill()
    store = open_store("chdb", tmp_path)
    try:
        job = Job(store, tmp_path)
        expected = job.expected(customers.events)
        assert job.found() == expected
        kinds = Counter(credit[2] for credit in expected.values())
        credited = {"clicks": kinds[1], "views": kinds[2], "uncredited": kinds[0]}
        credited = {"clicks": kinds[1], "views": kinds[2], "uncredited": kinds[0]}
        assert told == {"conversions": len(expected), "changed": 0, **credited}
        job.rollups_agree()
    finally:
        store.close()
