"""The schema goes up and down and says what tables and structs say; published snapshots follow the store."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from campaigns import tables
from campaigns.catalogue import KINDS, load
from campaigns.importing import import_file
from campaigns.publishing import Publisher
from campaigns.snapshot import offset_hours
from campaigns.store import Store, touch
from domain.campaign import Limits, wanted_values
from domain.clock import SECOND, ManualClock
from domain.creative import every_format
from domain.exchange import Privacy
from pacing import counters
from pacing.accounts import Accounts
from pacing.corrections import Told, correct, standing
from pacing.protocol import Settlement
from pacing.tables import metadata, settlements

EXAMPLES = Path(__file__).parents[3] / "examples" / "consumer-finance" / "campaigns.yaml"


def utc(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * SECOND


def test_the_migrations_make_what_the_tables_say(store: Store) -> None:
    with store.read() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), metadata) == []


def test_migrations_can_be_taken_back_and_applied_again(new_store_url: Callable[[], str]) -> None:
    store = Store(new_store_url())
    store.migrate("base")
    assert set(inspect(store.engine).get_table_names()) == {"alembic_version"}
    store.migrate()
    store.migrate()
    assert set(metadata.tables) <= set(inspect(store.engine).get_table_names())
    store.close()


def test_tables_have_a_column_for_every_field_of_their_structs() -> None:
    elsewhere = {"line_items": {"creatives", "deals", "terms", "reaches"}}
    for kind, (table, struct) in KINDS.items():
        fields = set(struct.__struct_fields__) - elsewhere.get(kind, set()) | {"key"}
        assert {column.name for column in table.c} == fields, kind
    assert set(Settlement.__struct_fields__) <= {column.name for column in settlements.c}
    assert {column.name for column in tables.revision.c} == {"id", "version", "published", "published_ns"}


def test_ids_are_given_once_for_each_kind(store: Store) -> None:
    with store.write() as conn:
        assert [counters.take(conn, "a", 3), counters.take(conn, "a"), counters.take(conn, "b")] == [1, 4, 1]
    with store.write() as conn:
        assert counters.take(conn, "a") == 5


def test_a_published_snapshot_stays_the_same_over_restarts_and_follows_changes(store: Store, tmp_path: Path) -> None:
    clock = ManualClock(utc(2026, 6, 1))
    publisher = Publisher(store, clock)
    assert (publisher.current.version, publisher.current.line_items) == (0, ())
    import_file(store, EXAMPLES, profiles=tmp_path / "profiles.lmdb", now_ns=clock.now_ns())
    clock.advance(10)
    assert publisher.refresh()
    first = publisher.current
    assert {item.activated_ns for item in first.line_items} == {clock.now_ns()}
    clock.advance(60)
    assert not publisher.refresh()
    assert Publisher(store, clock).current == first
    with store.write() as conn:
        touch(conn)
    assert publisher.refresh()
    assert publisher.current.version == first.version + 1
    assert {item.activated_ns for item in publisher.current.line_items} == {first.published_ns}
    assert publisher.encoded(first.version) != publisher.encoded()
    assert publisher.encoded(999) is None


def test_hours_of_the_week_follow_the_advertisers_clocks(store: Store, tmp_path: Path) -> None:
    """Business hours from 07:00 in New York begin at 11:00 UTC in summer, and at 12:00 in winter."""
    clock = ManualClock(utc(2026, 10, 31, 12))
    import_file(store, EXAMPLES, profiles=tmp_path / "profiles.lmdb", now_ns=clock.now_ns())
    publisher = Publisher(store, clock)

    def first_hour_of_monday() -> int:
        item = next(item for item in publisher.current.line_items if item.key == "ng-travel-desktop")
        hours = {int(hour) for hour in wanted_values(item.targeting, "hour_of_week")}
        return next(hour for hour in range(5, 24) if hour in hours)

    summer = publisher.current.version
    assert first_hour_of_monday() == 11
    clock.time_ns = utc(2026, 11, 1, 6)
    assert publisher.refresh()
    assert publisher.current.version == summer + 1
    assert first_hour_of_monday() == 12
    assert not publisher.refresh()


def test_offsets_are_whole_hours() -> None:
    at = utc(2026, 1, 1)
    zones = ("Asia/Kolkata", "America/St_Johns", "Asia/Shanghai", "UTC")
    assert [offset_hours(ZoneInfo(zone), at) for zone in zones] == [5, -4, 8, 0]


def test_a_rate_holds_from_its_day_on(store: Store, tmp_path: Path) -> None:
    clock = ManualClock(utc(2026, 6, 1, 12))
    import_file(store, EXAMPLES, profiles=tmp_path / "profiles.lmdb", now_ns=clock.now_ns())
    later = tmp_path / "rates.yaml"
    later.write_text("rates: [{base: USD, quote: CNY, day: 2026-06-02, rate: 8}]")
    import_file(store, later, now_ns=clock.now_ns())
    publisher = Publisher(store, clock)

    def dollar() -> int:
        return next(r.per_unit for r in publisher.current.rates if (r.base, r.quote) == ("USD", "CNY"))

    assert dollar() == 7_100_000_000
    clock.time_ns = utc(2026, 6, 2)
    assert publisher.refresh()
    assert dollar() == 8_000_000_000
    assert not publisher.refresh()


def test_what_was_stored_before_terms_is_kept_both_ways(tmp_path: Path) -> None:
    made = Store(f"sqlite:///{tmp_path / 'old.sqlite'}")
    made.migrate("0001")
    row = "1, 'x', 'USD', 'burl', 2, 'none', 'outbid', '', 300, 'nbr', 10"
    names = "id, key, currency, billing, auction_type, price_source, seat, secret, bid_expiry_s, no_bid, network_ms"
    old = "SELECT billing, price_source FROM exchanges UNION SELECT daily_budget, total_budget FROM campaigns"
    with made.write() as conn:
        conn.execute(text(f"INSERT INTO exchanges ({names}) VALUES ({row})"))
        values = "1, 'a', 'A', 'USD', 'UTC', 'a.example', '[]', 'active'"
        conn.execute(text(f"INSERT INTO advertisers VALUES ({values})"))
        conn.execute(text("INSERT INTO campaigns VALUES (1, 'c', 1, 'C', 0, 1, 500, NULL, '[]', 'active')"))
        before = conn.execute(text(old)).fetchall()
    made.migrate()
    with made.read() as conn:
        known = load(conn)
    assert known.exchanges["x"].billing == every_format("burl")
    assert known.exchanges["x"].price_source == every_format("none")
    assert known.exchanges["x"].privacy == Privacy()
    assert known.campaigns["c"].limits == Limits(daily_budget=500)
    assert known.advertisers["a"].funding == "open"
    made.migrate("0001")
    with made.read() as conn:
        assert conn.execute(text(old)).fetchall() == before
    made.close()


def test_what_was_booked_before_corrections_is_kept_both_ways(tmp_path: Path) -> None:
    made = Store(f"sqlite:///{tmp_path / 'old.sqlite'}")
    made.migrate("0002")
    names = "received_ns, exchange, advertiser, campaign, line_item, creative, deal, site, rate, transaction_id"
    told = "id, bid, price, account_price, currency, account_currency, estimated, marks"
    booked = f"INSERT INTO settlements ({told}, {names})"
    with made.write() as conn:
        conn.execute(text("INSERT INTO transactions VALUES (1, 'media', 0)"))
        conn.execute(text("INSERT INTO exchange_totals VALUES (1, 'USD', 3, 600)"))
        conn.execute(text("INSERT INTO flights VALUES (5, 1, 0, 77)"))
        for id_, price, estimated, marks in ((1, 100, 0, 4), (2, 200, 1, 16), (3, 300, 1, 20)):
            row = f"{id_}, {-id_}, {price}, {price}, 'USD', 'USD', {estimated}, {marks}, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1"
            conn.execute(text(f"{booked} VALUES ({row})"))
    made.migrate()
    with made.write() as conn:
        assert [tuple(row) for row in conn.execute(text("SELECT * FROM exchange_totals"))] == [(1, "USD", 3, 600, 2, 2)]
        assert conn.execute(text("SELECT told_price FROM flights")).scalar() == 77
        for name, given in (("settlements", 3), ("transactions", 1)):
            counters.raise_to(conn, name, given)
        known = standing(conn, [2**64 - 1, 2**64 - 2])
        assert [bid.settlement.number for bid in known.values()] == [0, 0]
        changes = [(known[2**64 - 2], Told(2**64 - 2, 50, "win"))]
        assert len(correct(conn, Accounts(), changes, lambda _: "UTC", 0)) == 1
    made.migrate("0002")
    with made.read() as conn:
        found = conn.execute(text("SELECT id, bid, price, account_price FROM settlements ORDER BY id"))
        assert [tuple(row) for row in found] == [(1, -1, 100, 100), (2, -2, 50, 50), (3, -3, 300, 300)]
        assert conn.execute(text("SELECT win_price FROM flights")).scalar() == 77
    made.close()
