"""The exchange's books are what a plain recomputation from its journal gives, whatever happened in whatever order."""

import asyncio
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.books import Books, Kind, Notice, Sale, State, new_sale_id, pending_notices, totals

SALES = st.lists(
    st.tuples(
        st.sampled_from([("usx", "USD", Kind.BILLING), ("cnx", "CNY", Kind.IMPRESSION), ("nx", "EUR", Kind.WIN)]),
        st.integers(1, 10**12),
        st.booleans(),
        st.dictionaries(st.sampled_from(list(Kind)), st.sampled_from(list(State))),
    ),
    max_size=12,
)


async def keep(path: Path, journal: list[tuple[Sale, dict[Kind, State]]]) -> None:
    """Half of the notices come to their end while others are still being sold; some ends are told twice."""
    books = Books(path)
    for sale, ends in journal:
        planned = [
            Notice(sale.id, kind, "", State.LOST if end is State.LOST else State.PENDING) for kind, end in ends.items()
        ]
        books.sold(sale, planned)
        if sale.id % 2:
            await books.durable()
        for notice in planned:
            if ends[notice.kind] in (State.ACKNOWLEDGED, State.REFUSED):
                books.settled(notice, ends[notice.kind])
                books.planned(notice)  # a second notice of a kind changes nothing
    await books.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SALES)
def test_books_are_the_sum_of_the_journal(
    drawn: list[tuple[tuple[str, str, Kind], int, bool, dict[Kind, State]]],
) -> None:
    journal = [
        (Sale(new_sale_id(), exchange, currency, "r", "1", "b", price, basis, counts, 0), ends)
        for (exchange, currency, basis), price, counts, ends in drawn
    ]
    expected: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for sale, ends in journal:
        book = expected[sale.exchange]
        done = {kind for kind, end in ends.items() if end is State.ACKNOWLEDGED}
        told = bool(done & {Kind.WIN, Kind.BILLING, Kind.IMPRESSION})
        pending = sum(end is State.PENDING for end in ends.values())
        book["pending"] += pending
        book["refused"] += sum(end is State.REFUSED for end in ends.values())
        if not sale.counts:
            book["uncounted"] += 1
            continue
        book["wins"] += told
        book["untold"] += not told and not pending
        for name, kind in (("impressions", Kind.IMPRESSION), ("clicks", Kind.CLICK), ("conversions", Kind.CONVERSION)):
            book[name] += kind in done
        if sale.billing in done:
            book["billed"] += 1
            book["spend"] += sale.price
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exchange" / "books.sqlite"
        asyncio.run(keep(path, journal))
        found = {line.exchange: line for line in totals(path)}
        assert found.keys() == expected.keys()
        for exchange, book in expected.items():
            assert {name: getattr(found[exchange], name) for name in book} == book
        assert len(pending_notices(path)) == sum(book["pending"] for book in expected.values())
