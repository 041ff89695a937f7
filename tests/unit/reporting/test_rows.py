"""Events become blocks of columns: every field has its column, a block one day, and what does not fit is left out."""

import msgspec
import pytest

from domain import events
from domain.events import Bid, Conversion, Name, NoBid, Notice, encode
from domain.settings import SettingsError
from pacing.protocol import Settlement
from reporting import schema
from reporting.escape import literal
from reporting.migrations import MIGRATIONS
from reporting.rows import DAY_NS, blocks
from reporting.schema import CURRENT, V18
from reporting.store import open_store
from tests.rows_twin import values
from tests.stored import packed
from tests.trade import Trade


@pytest.mark.parametrize(
    ("event", "table", "beside"),
    [
        (Bid, schema.BIDS, set()),
        (NoBid, schema.NO_BIDS, set()),
        (Conversion, schema.CONVERSIONS, set()),
        (Settlement, schema.SETTLEMENTS, set()),
        (Notice, schema.EVENTS, {"kind"}),
        *(
            (Notice, table, {"kind", "event", "error"})
            for table in (schema.WINS, schema.BILLINGS, schema.LOSSES, schema.CLICKS)
        ),
    ],
)
def test_every_field_of_an_event_has_a_column(
    event: type[msgspec.Struct], table: schema.Table, beside: set[str]
) -> None:
    assert set(event.__struct_fields__) - beside == set(table.columns) - {"batch"}
    assert table.clock in table.columns and set(table.order) <= set(table.columns)


def test_both_engines_get_the_same_tables_of_their_own_types() -> None:
    for migration in MIGRATIONS:
        current, old = (
            [line for line in migration.up(dialect) if "CREATE TABLE" in line or "ADD COLUMN" in line]
            for dialect in (CURRENT, V18)
        )
        for one, other in zip(current, old, strict=True):
            assert "LowCardinality" not in other and "fsync" not in other
            assert one.replace("LowCardinality(String)", "String").split(" SETTINGS")[0] == other
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_block_is_of_one_table_and_one_day() -> None:
    trade = Trade(seed=1, auctions=200)
    logged = packed([*trade.bids, *trade.money, *trade.settlements])
    made = blocks(logged, V18)
    assert not made.refused and len(made.sites) == 3
    assert len({(block.table.name, block.day) for block in made.blocks}) == len(made.blocks)
    for block in made.blocks:
        times = values("UInt64", block.columns[block.table.clock])
        assert {time // DAY_NS for time in times} == {block.day} and len(times) == block.rows
        assert set(block.columns) == set(block.table.columns) - {"batch"}
    names = sum(isinstance(event, Name) for event in trade.bids)
    assert sum(block.rows for block in made.blocks) == len(logged) - names
    assert blocks(logged, V18) == made


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"min_to_win": 1 << 63}, "min_to_win"),
        ({"imp": -1}, "imp"),
        ({"loss_reason": (1 << 63) + 1}, "loss_reason"),
        ({"received_ns": -1}, "received_ns"),
        ({"kind": 99}, "no table takes it: kind"),
        ({"price": "7"}, "another type than it should: price"),
        ({"price": True}, "another type than it should: price"),
        ({"price": 1.0}, "another type than it should: price"),
    ],
)
def test_a_record_that_no_column_holds_is_left_out_and_said_why(change: dict[str, int], why: str) -> None:
    """Numbers come from exchanges' URLs: one of them must not stop the log."""
    sound = next(event for event in Trade(seed=1, auctions=50).money if isinstance(event, Notice))
    odd = msgspec.structs.replace(sound, **change)
    made = blocks(packed([sound, odd, sound]), CURRENT)
    ((place, told),) = [(refusal.place, refusal.why) for refusal in made.refused]
    assert place == 1 and why in told and [block.rows for block in made.blocks] == [2]
    assert not blocks(packed([odd]), CURRENT).blocks


def test_rubbish_is_left_out() -> None:
    """Also texts that are no UTF-8, which are none of msgspec's own errors."""
    logged = packed(Trade(seed=1, auctions=30).bids)
    rubbish = [b"\xc1", msgspec.msgpack.encode([99, 1]), msgspec.msgpack.encode([3, "site", 5]),
               logged[0][:-1] + b"\xff", logged[5][:-3]]  # fmt: skip
    made = blocks([*logged[:7], *rubbish, *logged[7:]], CURRENT)
    assert [refusal.place for refusal in made.refused] == [7, 8, 9, 10, 11]
    assert made.blocks == blocks(logged, CURRENT).blocks and made.sites == blocks(logged, CURRENT).sites


def test_records_of_an_older_version_still_decode() -> None:
    """Fields are only ever appended, with a default."""

    class Longer(Name, frozen=True, array_like=True, tag=3, gc=False):
        language: str = "none"

    old = encode(Name("site", 1, "a.example"))
    assert msgspec.msgpack.decode(old, type=Longer).language == "none"
    new = msgspec.msgpack.encode(Longer("site", 1, "a.example", "de"))
    assert events.decode(new) == Name("site", 1, "a.example")  # and a newer one is read by an older reporter


def test_texts_are_quoted() -> None:
    assert literal("it's \\ \n") == "'it\\'s \\\\ \\n'"
    assert literal(-7) == "-7"


@pytest.mark.parametrize("address", ["", "mysql://x", "clickhouse://", "clickhouse://h:port/db", "clickhouse://h/a-b"])
def test_an_address_that_cannot_be_read_is_refused_by_name(address: str, tmp_path: object) -> None:
    with pytest.raises(SettingsError, match=r"\[reporting\] store is"):
        open_store(address, tmp_path)  # type: ignore[arg-type]
