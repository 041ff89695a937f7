"""Which changes a view takes in place, and which call for a new one."""

from msgspec.structs import replace

from bidder.changes import Change, change_of
from bidder.state import State
from bidder.view import View
from domain.campaign import Snapshot
from tests.auction_table import Table, snapshot


def changed(item: int, **fields: object) -> Snapshot:
    known = snapshot()
    items = list(known.line_items)
    items[item] = replace(items[item], **fields)
    return replace(known, version=known.version + 1, line_items=tuple(items))


def test_one_line_item_goes_out_and_comes_in_behind_the_others() -> None:
    view = Table().view
    size, place = len(view), view.places[11]
    change = change_of(view, changed(0, bid_cpm=9_000_000))
    assert isinstance(change, Change)
    assert (change.gone, [row[1].id for row in change.rows]) == ({place}, [11])
    assert len(view) == size  # nothing is changed yet
    view.apply(change, Table().leases)
    assert len(view) == size
    assert view.places[11] == size
    assert view.snapshot.version == 4


def test_nothing_but_a_version_is_no_work() -> None:
    change = change_of(Table().view, replace(snapshot(), version=9))
    assert change is not None
    assert (change.gone, change.rows) == (frozenset(), [])


def test_a_paused_line_item_goes_out_and_comes_back() -> None:
    table = Table()
    size = len(table.view)
    for status, count in (("paused", size - 1), ("active", size), ("paused", size - 1)):
        change = change_of(table.view, changed(0, status=status))
        assert change is not None
        table.view.apply(change, table.leases)
        assert len(table.view) == count


def test_a_campaign_takes_its_line_items_along() -> None:
    table, known = Table(), snapshot()
    paused = replace(known, campaigns=(replace(known.campaigns[0], status="paused"), *known.campaigns[1:]))
    change = change_of(table.view, paused)
    assert change is not None
    assert change.gone == {table.view.places[item.id] for item in known.line_items if item.campaign == 1}
    assert change.rows == []


def test_a_line_item_that_is_left_out_of_the_snapshot_goes_out() -> None:
    table, known = Table(), snapshot()
    change = change_of(table.view, replace(known, line_items=known.line_items[1:]))
    assert change is not None
    assert change.gone == {table.view.places[11]}


def test_what_all_depend_on_calls_for_a_new_view() -> None:
    known = snapshot()
    for part in ("exchanges", "rates", "advertisers"):
        assert change_of(Table().view, replace(known, **{part: getattr(known, part)[:1]})) is None


def test_when_the_room_is_used_up_a_view_is_compiled_anew() -> None:
    table = Table()
    table.view.apply(change_of(table.view, changed(0, name="x")), table.leases)  # type: ignore[arg-type]
    room = table.view.room()
    known = snapshot()
    many = tuple(replace(known.line_items[0], id=1000 + n, key=f"n{n}") for n in range(room + 1))
    assert change_of(table.view, replace(known, line_items=(*known.line_items, *many))) is None
    assert change_of(table.view, replace(known, line_items=(*known.line_items, *many[: room - 1]))) is not None


def test_a_worker_swaps_either(monkeypatch) -> None:
    import msgspec

    state = State(Table().leases, "https://t.example")
    first = state.compile(msgspec.msgpack.encode(snapshot()))
    assert isinstance(first, View)
    state.swap(first)
    second = state.compile(msgspec.msgpack.encode(changed(0, bid_cpm=9_000_000)))
    assert isinstance(second, Change)
    assert state.version == 3
    state.swap(second)
    assert (state.version, state.view) == (4, first)
