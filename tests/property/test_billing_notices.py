"""Whatever comes of a bid in whatever order, and however often: what is booked in the end is what plain Python says."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.store import Store
from domain.events import PROOFS, Kind
from pacing.ledger import read_books
from tests.unit.pacing.test_billing_basis import BID, EXCHANGES, House


class Heard(NamedTuple):
    """One notice of the exchange. ``price`` is CPM micros, None untold, -1 AUDIT."""

    bid: int
    kind: Kind
    price: int | None


HEARD = st.builds(
    Heard,
    st.integers(0, 2),
    st.sampled_from([*PROOFS, Kind.LOSS]),
    st.one_of(st.none(), st.just(-1), st.integers(0, 3_000_000)),
)


def owed(basis: Kind, heard: list[Heard]) -> tuple[int, bool] | None:
    """(price, is it an estimate) of one bid; None: nothing. Looks at all notices at once, in no batches."""
    real = [(n.kind, n.price) for n in heard if n.kind in PROOFS and n.price != -1]
    booking = [price for kind, price in real if kind == basis]
    if not booking:
        return None
    told = [price for price in [booking[0], *(price for _, price in real)] if price is not None]
    return (min(told[0], BID), False) if told else (BID, True)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, new_store_url: Callable[[], str]) -> Iterator[House]:
    with closing(Store(new_store_url())) as store:
        yield House(tmp_path_factory.mktemp("house"), store)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(PROOFS), st.lists(HEARD, max_size=14), st.sets(st.integers(0, 12)))
def test_any_order_and_repetition_books_the_same(
    house: House, basis: Kind, heard: list[Heard], ends_of_batches: set[int]
) -> None:
    tokens = [house.token(basis, "macro", False) for _ in range(3)]
    before = _books(house)
    house.given_back.clear()
    booked: Counter[int] = Counter()
    estimated: dict[int, bool] = {}
    for place, notice in enumerate(heard):
        price = notice.price
        word = "" if price is None else "AUDIT" if price < 0 else f"{price / 1_000_000:.6f}"
        house.receive(tokens[notice.bid], notice.kind, {"p": word})
        if place in ends_of_batches:
            _settle(house, booked, estimated)
    _settle(house, booked, estimated)
    expected = {token.bid: owed(basis, [n for n in heard if n.bid == i]) for i, token in enumerate(tokens)}
    assert {bid: (booked[bid], estimated[bid]) for bid in estimated} == {b: o for b, o in expected.items() if o}
    sums = [o for o in expected.values() if o]
    grown = [now - then for now, then in zip(_books(house), before, strict=True)]
    assert grown == [len(sums), sum(price for price, _ in sums), sum(estimate for _, estimate in sums)]
    ended = {n.bid for n in heard if n.kind in (basis, Kind.LOSS)}
    assert len(house.given_back) == len(ended)


def _settle(house: House, booked: Counter[int], estimated: dict[int, bool]) -> None:
    for row in house.settle():
        booked[row.bid] += row.price
        estimated[row.bid] = row.estimated


def _books(house: House) -> tuple[int, int, int]:
    with house.store.read() as conn:
        sums = read_books(conn, EXCHANGES)[0]
    return sums.billed, sums.spend, sums.estimated
