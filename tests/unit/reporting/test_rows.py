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
from reporting.sources import decode
from reporting.store import open_store
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
    assert set(event.__struct_fields__) - beside | {"context"} == set(table.columns) - {"batch"} | {"context"}
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
    made, sites, refused = blocks([*trade.bids, *trade.money, *trade.settlements])
    assert refused == 0 and len(sites) == 3
    assert len({(block.table.name, block.day) for block in made}) == len(made)
    for block in made:
        assert {time // DAY_NS for time in block.columns[block.table.clock]} == {block.day}
        assert {len(values) for values in block.columns.values()} == {block.rows}
        assert set(block.columns) | {"context"} == set(block.table.columns) - {"batch"} | {"context"}
    names = sum(isinstance(event, Name) for event in trade.bids)
    assert sum(block.rows for block in made) == len(trade.bids) - names + len(trade.money) + len(trade.settlements)
    again, _, _ = blocks([*trade.bids, *trade.money, *trade.settlements])
    assert again == made


@pytest.mark.parametrize(
    "change",
    [{"min_to_win": 1 << 63}, {"imp": -1}, {"loss_reason": -(1 << 63) - 1}, {"received_ns": -1}, {"kind": 99}],
)
def test_a_number_that_no_column_holds_is_left_out_and_counted(change: dict[str, int]) -> None:
    """Numbers come from exchanges' URLs: one of them must not stop the log."""
    sound = next(event for event in Trade(seed=1, auctions=50).money if isinstance(event, Notice))
    odd = msgspec.structs.replace(sound, **change)
    made, _, refused = blocks([sound, odd, sound])
    assert refused == 1 and [block.rows for block in made] == [2]
    assert blocks([odd])[0] == []


def test_records_decode_in_bulk_and_rubbish_is_counted() -> None:
    logged = [event for event in Trade(seed=1, auctions=30).bids]
    assert decode([encode(event) for event in logged]) == (logged, 0)
    mixed = [encode(logged[0]), b"\xc1", msgspec.msgpack.encode([99, 1]), encode(logged[1])]
    assert decode(mixed) == (logged[:2], 2)
    assert decode([]) == ([], 0)


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
