"""Durability of the exchange's books, and two simulators that share them."""

import sqlite3
from pathlib import Path

import pytest

from simulator.books import Books, Kind, Notice, Sale, State, new_sale_id, pending_notices, totals


def sale(price: int = 5) -> Sale:
    return Sale(new_sale_id(), "usx", "USD", "r", "1", "b", price, Kind.BILLING, True, 0)


async def test_what_is_durable_is_seen_by_others_at_once(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite"
    books = Books(path)
    sold = sale()
    books.sold(sold, [Notice(sold.id, Kind.BILLING, "https://t/b")])
    await books.durable()
    assert [(notice.sale, notice.url) for notice in pending_notices(path)] == [(sold.id, "https://t/b")]
    books.settled(Notice(sold.id, Kind.BILLING, ""), State.ACKNOWLEDGED)
    await books.close()
    assert [(line.billed, line.spend) for line in totals(path)] == [(1, 5)]


async def test_two_simulators_write_into_the_same_books(tmp_path: Path) -> None:
    both = [Books(tmp_path / "books.sqlite") for _ in range(2)]
    for books in both * 10:
        sold = sale()
        books.sold(sold, [Notice(sold.id, Kind.BILLING, "", State.ACKNOWLEDGED)])
        await books.durable()
    for books in both:
        await books.close()
    assert [(line.billed, line.spend) for line in totals(tmp_path / "books.sqlite")] == [(20, 100)]


async def test_a_commit_that_fails_is_told_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books(tmp_path / "books.sqlite")
    commit = books._commit

    def full(batch: list[object]) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(books, "_commit", full)
    sold = sale()
    books.sold(sold, [Notice(sold.id, Kind.BILLING, "", State.ACKNOWLEDGED)])
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await books.durable()
    monkeypatch.setattr(books, "_commit", commit)
    await books.close()
    assert [line.spend for line in totals(tmp_path / "books.sqlite")] == [5]


def test_books_that_nobody_kept_are_empty(tmp_path: Path) -> None:
    assert totals(tmp_path / "none.sqlite") == []
    assert not (tmp_path / "none.sqlite").exists()
