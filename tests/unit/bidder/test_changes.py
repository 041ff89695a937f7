"""Which changes a view takes in place, and which call for a new one."""

import json
from pathlib import Path

from msgspec.structs import replace

from bidder.changes import Change, change_of
from bidder.state import State
from bidder.view import View
from domain.audience import AudienceSet
from domain.campaign import Clause, Multiplier, Snapshot, Targeting
from domain.clock import SECOND
from domain.frequency import FrequencyCap
from domain.strategy import Strategy
from tests.auction_table import NOW_NS, People, Table, line_item_scope, snapshot

REQUEST = json.loads((Path(__file__).parents[2] / "golden" / "request.json").read_text())


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


def test_caps_of_an_audience_call_for_a_new_view_and_its_size_does_not() -> None:
    known = snapshot()
    (audience,) = known.audiences
    capped = replace(audience, frequency_caps=(FrequencyCap(2, 86_400),))
    assert change_of(Table().view, replace(known, audiences=(replace(audience, size=7),))) is not None
    assert change_of(Table().view, replace(known, audiences=(capped,))) is None
    before = replace(known, audiences=(capped,))
    assert change_of(Table(before).view, replace(before, audiences=(replace(capped, size=7),))) is not None
    assert change_of(Table(before).view, known) is None
    assert change_of(Table(before).view, replace(before, audiences=(replace(capped, frequency_caps=()),))) is None


def test_a_capped_audience_knows_what_comes_to_it_and_what_leaves_it() -> None:
    """Ann has seen line item 13 an hour ago, which the audience's cap counts as long as 13 targets the audience."""
    people = People()
    people.put("buyeruid:usx:ann", {5: 2**32 - 1}, {line_item_scope(13): [NOW_NS // SECOND - 3_600]})
    capped = [{"impressions": 1, "seconds": 86_400}]
    known = snapshot({"audiences[0]": {"frequency_caps": capped}, "line_items[1]": {"frequency_caps": []}})
    seekers, others = Clause("audience", ("5",)), Clause("audience", ("5",), False)
    table, version = Table(known, people), known.version
    for ways, status, counts in (
        (((seekers,),), "active", True),
        (((others,),), "active", False),
        (((Clause("country", ("fra",)),), (seekers,)), "paused", True),
        (((),), "active", False),
        (((seekers,),), "active", True),
        (None, "", False),
    ):
        version += 1
        items = [item for item in known.line_items if item.id != 13 or ways is not None]
        after = replace(
            known,
            version=version,
            line_items=tuple(
                replace(item, targeting=Targeting(ways), status=status) if item.id == 13 else item for item in items
            ),
        )
        change = change_of(table.view, after)
        assert change is not None
        table.view.apply(change, table.leases)
        for decided in (table, Table(after, people)):
            answer = decided.decide(REQUEST)
            assert isinstance(answer, dict)
            (bid,) = answer["seatbid"][0]["bid"]  # type: ignore[index]
            assert bid["price"] == (2 if counts else 3.5), (ways, decided is table)


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


def test_what_a_campaign_suppresses_is_live_at_once() -> None:
    """Ann belongs to audience 5; a definition that suppression may depend on calls for a new view."""
    people = People()
    people.put("buyeruid:usx:ann", {5: 2**32 - 1}, {})
    table, known = Table(people=people), snapshot()
    for version, suppress in enumerate(((5,), (), (5,)), start=known.version + 1):
        campaigns = (replace(known.campaigns[0], suppress=suppress), *known.campaigns[1:])
        change = change_of(table.view, replace(known, version=version, campaigns=campaigns))
        assert change is not None
        table.view.apply(change, table.leases)
        assert isinstance(table.decide(REQUEST), dict) is (not suppress)
    made = replace(known.audiences[0], id=6, key="made", of=AudienceSet(any_of=(5,)))
    assert change_of(table.view, replace(known, audiences=(*known.audiences, made))) is None


def test_prices_and_multipliers_come_by_changes_as_they_do_anew() -> None:
    """A line item is given other multipliers, a strategy, and none, one after the other; each time a new view agrees."""
    table, request = Table(), {**REQUEST, "user": {}}
    usa, can = (Targeting(((Clause("country", (country,)),),)) for country in ("usa", "can"))
    steps: list[dict[str, object]] = [
        {"multipliers": (Multiplier(usa, 500_000), Multiplier(can, 2_000_000)), "bid_cap_cpm": 4_000_000},
        {"multipliers": (Multiplier(can, 2_000_000), Multiplier(Targeting(), 750_000)), "bid_cap_cpm": 4_000_000},
        {"strategy": Strategy("target_cpc", 10**9, explore_ppm=0), "bid_cpm": 0, "bid_cap_cpm": 4_000_000},
        {"strategy": Strategy("max_clicks"), "bid_cpm": 0, "bid_cap_cpm": 1_000, "multipliers": (Multiplier(usa, 10**7),)},
        {},
    ]  # fmt: skip
    for fields in steps:
        wanted = changed(0, **fields)
        change = change_of(table.view, wanted)
        assert isinstance(change, Change)
        table.view.apply(change, table.leases)
        for country in ("USA", "CAN"):
            asked = {**request, "device": {**request["device"], "geo": {"country": country}}}
            answers = [on.decide(asked) for on in (table, Table(wanted))]
            prices = [
                [bid["price"] for seat in answer["seatbid"] for bid in seat["bid"]] if isinstance(answer, dict) else answer
                for answer in answers
            ]
            assert prices[0] == prices[1], (fields, country)
