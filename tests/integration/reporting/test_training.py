"""What models learn from, out of both kinds of store, against plain counting over the events."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from msgspec.structs import replace

from domain.errors import Refused
from domain.events import NOT_COUNTED, Bid, Kind, Mark, Notice
from reporting import training
from reporting.schema import ATTRIBUTIONS
from reporting.store import Store, migrate, open_store
from tests.stored import send
from tests.trade import START_NS, Trade

WIDTH = 5
END_NS = START_NS + 3 * 86_400_000_000_000
Row = dict[str, Any]


class World:
    """Trade whose bids were scored, some of them, and credits of which some were taken back."""

    def __init__(self) -> None:
        draw = random.Random(11)
        trade = Trade(seed=5, auctions=700)
        self.bids = [
            replace(
                bid,
                features=draw.randbytes(4 * WIDTH) if draw.random() < 0.9 else b"",
                model=draw.randint(0, 3),
                ctr=draw.random() / 7,
                shadow_model=2,
                shadow_ctr=draw.random() / 3,
                explored=draw.random() < 0.1,
                value=draw.randint(0, 10**9),
            )
            for bid in trade.bids
            if isinstance(bid, Bid)
        ]
        self.notices = [
            replace(event, price=draw.randint(1, 10**6), min_to_win=draw.choice((0, 77)))
            for event in trade.money
            if isinstance(event, Notice)
        ]
        self.others = [event for event in trade.bids if not isinstance(event, Bid)]
        self.by_bid: dict[int, list[Notice]] = {}
        for event in self.notices:
            self.by_bid.setdefault(event.bid, []).append(event)
        self.credits: list[Row] = []
        clicks = [event for event in self.notices if event.kind in (Kind.CLICK, Kind.IMPRESSION)]
        for number, touch in enumerate(draw.sample(clicks, 150)):
            for event in ("lead", "approved")[: draw.randint(1, 2)]:
                credit = {
                    "received_ns": touch.received_ns + draw.randint(1, 10**13), "advertiser": touch.advertiser,
                    "event": event, "order": f"o{number}", "value": draw.randint(0, 9), "currency": "USD",
                    "person": 7, "kind": 1 if touch.kind == Kind.CLICK else 2, "touch_ns": touch.received_ns,
                    "bid": touch.bid, "sign": 1, "made_ns": END_NS, "batch": 1,
                }  # fmt: skip
                self.credits.append(credit)
                if draw.random() < 0.3:
                    self.credits.append({**credit, "sign": -1})

    def rows(self, wanted: training.Wanted) -> dict[int, Row]:
        """By bid, what must be told."""
        found = {}
        for bid in self.bids:
            notices = self.by_bid.get(bid.bid, [])
            if bid.test or any(event.marks & (Mark.AUDIT | Mark.TEST) for event in notices if event.kind != Kind.EVENT):
                continue
            if not wanted.from_ns <= bid.time_ns < wanted.to_ns:
                continue
            if wanted.features and len(bid.features) != 4 * wanted.features:
                continue
            counted = [event for event in notices if not event.marks & NOT_COUNTED]
            row = {name: getattr(bid, name) for name in training.COLUMNS if hasattr(bid, name)}
            row |= {
                "shown_ns": max((e.received_ns for e in counted if e.kind == Kind.IMPRESSION), default=0),
                "clicked_ns": max((e.received_ns for e in counted if e.kind == Kind.CLICK), default=0),
            }
            if wanted.target == "price":
                proofs = [e for e in counted if e.kind in (Kind.WIN, Kind.BILLING, Kind.IMPRESSION)]
                row["won"] = int(any(e.marks & Mark.FIRST for e in proofs))
                row["paid"] = max((e.price for e in proofs), default=0)
                row["lost"] = int(any(e.kind == Kind.LOSS for e in counted))
                row["min_to_win"] = max((e.min_to_win for e in counted if e.kind in (1, 2, 3, 4)), default=0)
            else:
                row["shown"] = bool(row["shown_ns"] or row["clicked_ns"])
            for kind, when, worth in ((1, "converted_ns", "conversion_value"), (2, "viewed_ns", "view_value")):
                mine = self._credited(bid.bid, kind, wanted.event)
                row[when], row[worth] = min((at for at, _ in mine), default=0), sum(value for _, value in mine)
            row["features"] = bid.features
            if row.pop("shown", True) and (wanted.target != "cvr" or row["clicked_ns"]):
                found[bid.bid] = row
        return found

    def _credited(self, bid: int, kind: int, event: str) -> list[tuple[int, int]]:
        mine = [c for c in self.credits if c["bid"] == bid and c["kind"] == kind and event in ("", c["event"])]
        net = {(c["received_ns"], c["event"], c["order"]): [0, c["value"]] for c in mine}
        for credit in mine:
            net[credit["received_ns"], credit["event"], credit["order"]][0] += credit["sign"]
        return [(at, value) for (at, _, _), (sign, value) in net.items() if sign > 0]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def store(store_address: str, folder: Path, world: World) -> Iterator[Store]:
    opened = open_store(store_address, folder, owner="t")
    migrate(opened)
    send(opened, [*world.others, *world.bids, *world.notices], "trade")
    by_day: dict[int, list[Row]] = {}
    for credit in world.credits:
        by_day.setdefault(credit["received_ns"] // 86_400_000_000_000, []).append(credit)
    for number, rows in by_day.items():
        columns = {name: [row.get(name, 0) for row in rows] for name in ATTRIBUTIONS.columns}
        opened.insert(ATTRIBUTIONS, columns, f"credits{number}")
    yield opened
    opened.close()


def told(store: Store, wanted: training.Wanted) -> dict[int, Row]:
    stream = b"".join(training.pieces(store, wanted))
    with pa.ipc.open_stream(stream) as reader:
        rows = reader.read_all().to_pylist()
    assert len({row["bid"] for row in rows}) == len(rows)
    return {row["bid"]: row for row in rows}


def agree(found: dict[int, Row], expected: dict[int, Row], leave_out: tuple[str, ...] = ()) -> None:
    assert sorted(found) == sorted(expected)
    for bid, row in expected.items():
        for name, value in row.items():
            if name not in leave_out:
                assert found[bid][name] == (pytest.approx(value) if isinstance(value, float) else value), (bid, name)


WHOLE = training.Wanted("ctr", START_NS, END_NS, WIDTH, 1.0, "")


def test_rows_are_what_the_events_say_sampled_or_not_whole_or_in_stretches(
    store: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_PIECE_ROWS", 100)
    clicks = told(store, WHOLE)
    expected = world.rows(WHOLE)
    money = ("converted_ns", "conversion_value", "viewed_ns", "view_value")
    agree(clicks, expected, money)
    assert sum(row["clicked_ns"] > 0 for row in expected.values()) > 25
    for event in ("", "approved"):
        for target in ("cvr", "view_cvr"):
            wanted = replace(WHOLE, target=target, event=event)
            agree(told(store, wanted), world.rows(wanted))
    prices = replace(WHOLE, target="price", features=0)
    found = told(store, prices)
    agree(found, world.rows(prices), ("features", *money))
    assert {(row["won"], row["lost"]) for row in found.values()} >= {(0, 0), (1, 0), (1, 1)}

    some = told(store, replace(WHOLE, share=0.25))
    positive = {bid for bid, row in expected.items() if row["clicked_ns"]}
    assert positive <= set(some) < set(expected)
    assert all(row["weight"] == (1.0 if bid in positive else 4.0) for bid, row in some.items())
    negatives = len(expected) - len(positive)
    assert sum(bid not in positive for bid in some) == pytest.approx(negatives / 4, abs=4 * np.sqrt(negatives / 4))
    assert some == told(store, replace(WHOLE, share=0.25))

    # stretches of a plan miss nothing
    monkeypatch.setattr(training, "SLICE_BIDS", 40)
    wanted = replace(WHOLE, from_ns=START_NS + 10**13, to_ns=END_NS - 10**14)
    stretches = training.plan(store, wanted)
    assert len(stretches) > 6 and all(stretch.bids <= 40 for stretch in stretches)
    assert all(one.to_ns <= other.from_ns for one, other in pairwise(stretches))
    parts = [told(store, replace(wanted, from_ns=part.from_ns, to_ns=part.to_ns)) for part in stretches]
    whole = {bid: row for part in parts for bid, row in part.items()}
    assert sum(map(len, parts)) == len(whole) and sorted(whole) == sorted(world.rows(wanted))
    monkeypatch.setattr(training, "SLICE_BIDS", 5)  # less than an hour has
    fine = training.plan(store, wanted)
    assert len(fine) > 60 and sum(
        map(len, (told(store, replace(wanted, from_ns=p.from_ns, to_ns=p.to_ns)) for p in fine[:9]))
    ) == len(world.rows(replace(wanted, to_ns=fine[8].to_ns)))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"target": "clicks", "from_ns": "1", "to_ns": "2"}, "target"),
        ({"target": "ctr", "from_ns": "2", "to_ns": "2"}, "to_ns"),
        ({"target": "ctr", "from_ns": "-1", "to_ns": "2"}, "from_ns"),
        ({"target": "ctr", "from_ns": "1", "to_ns": "2", "features": "257"}, "features"),
        ({"target": "ctr", "from_ns": "1", "to_ns": "2", "share": "0"}, "share"),
        ({"target": "ctr", "from_ns": "1", "to_ns": "2", "person": "7"}, "person"),
    ],
)
def test_what_is_asked_for_wrongly_is_named(values: dict[str, str], field: str) -> None:
    with pytest.raises(Refused) as refused:
        training.read(values)
    assert [problem.path for problem in refused.value.problems] == [field]
