"""Durability of the exchange's books, and two simulators that share them."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.books import (
    SCHEMA,
    Books,
    Kind,
    Notice,
    Sale,
    State,
    new_sale_id,
    pending_notices,
    totals,
    totals_by_format,
)


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


async def test_plays_and_views_are_counted_by_format_and_old_books_are_read_as_banners(tmp_path: Path) -> None:
    path = tmp_path / "books.sqlite"
    old = sqlite3.connect(path)
    old.executescript(SCHEMA.replace(",\n    format TEXT NOT NULL DEFAULT 'banner'", ""))
    old.execute("INSERT INTO sales VALUES (7, 'usx', 'USD', 'r', '1', 'b', 3, 'impression', 1, 0)")
    old.execute("INSERT INTO notices VALUES (7, 'impression', 'u', NULL, NULL, 'acknowledged')")
    old.commit()
    old.close()
    books = Books(path)
    for counts in (True, False):
        sold = replace(sale(), format="video", counts=counts, billing=Kind.IMPRESSION)
        kinds = (Kind.IMPRESSION, Kind.START, Kind.MUTE, Kind.COMPLETE, Kind.NOT_VIEWABLE)
        books.sold(sold, [Notice(sold.id, kind, "", State.ACKNOWLEDGED) for kind in kinds])
    left = replace(sale(), format="video", billing=Kind.IMPRESSION)
    done = [Notice(left.id, kind, "", State.ACKNOWLEDGED) for kind in (Kind.IMPRESSION, Kind.START, Kind.VIEWABLE)]
    books.sold(left, [*done, Notice(left.id, Kind.COMPLETE, "", State.LOST)])
    await books.close()
    found = totals_by_format(path)
    names = ("impressions", "starts", "completes", "measured", "viewable", "spend", "uncounted")
    assert {key: tuple(line[name] for name in names) for key, line in found.items()} == {
        ("usx", "banner"): (1, 0, 0, 0, 0, 3, 0),
        ("usx", "video"): (2, 2, 1, 2, 1, 10, 1),
    }


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
