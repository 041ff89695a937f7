"""A copy of the control store makes the same store again, in either database; what is not a whole copy makes none."""

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from campaigns.backup import AHEAD, BOOKED, back_up, restore
from campaigns.databases import Unreachable
from campaigns.store import Store
from campaigns.tables import revision
from domain.errors import Refused
from domain.yaml_file import yaml_of
from pacing.accounts import Accounts
from pacing.by_hand import Note, book_by_hand
from pacing.tables import counters, goals, metadata, supply
from tests.control_stores import new_control_store
from tests.unit.campaigns.test_importing import NOW, Desk
from tests.unit.campaigns.test_writing import full

Rows = dict[str, list[Any]]


def rows_of(store: Store) -> Rows:
    with store.read() as conn:
        return {
            table.name: [tuple(row) for row in conn.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    """With campaigns, money in the ledger, and bytes that are no text."""
    Desk(tmp_path, store).take(yaml_of(full()))
    with store.write() as conn:
        conn.execute(insert(supply).values(kind="campaign", owner=1, learned=bytes(range(256)), today=b""))
        conn.execute(insert(goals).values(line_item=1, state=b"\x00"))
        accounts = Accounts()
        moves = {accounts.advertiser(conn, 1, "USD"): 5 * 10**18, accounts.bank(conn, "USD"): -5 * 10**18}
        book_by_hand(conn, "payment", moves, Note("Zoë", "paid in — “wire”", "X-1"), NOW)
    return store


@pytest.fixture
def empty(new_store_url: Callable[[], str]) -> Iterator[Store]:
    with closing(Store(new_store_url())) as store:
        yield store


def test_the_same_store_comes_of_a_copy(filled: Store, empty: Store, tmp_path: Path) -> None:
    copy = tmp_path / "copy.gz"
    rows = back_up(filled, copy)
    assert copy.stat().st_mode & 0o077 == 0, "it has secrets in it"
    before = rows_of(filled)
    with closing(new_control_store(tmp_path / "other.sqlite")) as elsewhere:
        for store in (empty, elsewhere):
            assert restore(store, copy) == rows == sum(map(len, before.values()))
            after = rows_of(store)
            shifted = dict(before)
            shifted["counters"] = [(k, n if k in BOOKED else n + AHEAD) for k, n in before["counters"]]
            ((id_, version, *published),) = before["revision"]
            shifted["revision"] = [(id_, version + AHEAD, *published)]
            assert after == shifted
            with pytest.raises(Refused, match="restored into an empty database"):
                restore(store, copy)
            assert rows_of(store) == after
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_is_no_whole_copy_makes_nothing(tmp_path: Path) -> None:
    copy, damaged = tmp_path / "copy.gz", tmp_path / "damaged.gz"
    with closing(new_control_store(tmp_path / "a.sqlite")) as store:
        Desk(tmp_path, store).take(yaml_of(full()))
        back_up(store, copy)
    lines = gzip.decompress(copy.read_bytes()).splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if line.startswith(b"["))
    cases: list[tuple[bytes, str]] = [
        (b"", "cut off or damaged"),
        (b"no copy at all", "a readable copy"),
        (copy.read_bytes()[:-100], "cut off or damaged"),
        (gzip.compress(b"".join(lines[:-1])), "cut off or damaged"),
        (gzip.compress(b"".join([*lines[:place], *lines[place + 1 :]])), "cut off or damaged"),
        (gzip.compress(b"".join(lines).replace(b"Bank", b"Bunk", 1)), "cut off or damaged"),
        (gzip.compress(b"[1,2]\n"), "that outbid backup made"),
        (gzip.compress(b"".join(lines).replace(b'"outbid_backup":1', b'"outbid_backup":2')), "of form 1"),
    ]
    later = json.loads(lines[0]) | {"revision": "9999_later"}
    with closing(new_control_store(tmp_path / "b.sqlite")) as store:
        before = rows_of(store)
        for content, why in cases:
            damaged.write_bytes(content)
            with pytest.raises(Refused, match=why):
                restore(store, damaged)
        with closing(new_control_store(tmp_path / "c.sqlite")) as other, other.write() as conn:
            conn.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (later["revision"],))
        with closing(Store(f"sqlite:///{tmp_path / 'c.sqlite'}")) as other:
            back_up(other, damaged)
        with pytest.raises(Refused, match="of this release or an earlier one"):
            restore(store, damaged)
        with pytest.raises(Refused, match="a readable copy"):
            restore(store, tmp_path / "none")
        assert rows_of(store) == before


def test_a_copy_of_an_earlier_release_is_brought_up_to_date(tmp_path: Path) -> None:
    copy = tmp_path / "copy.gz"
    with closing(Store(f"sqlite:///{tmp_path / 'old.sqlite'}")) as old:
        old.migrate("0020")
        with old.write() as conn:
            conn.execute(insert(counters).values(name="advertisers", last=7))
        back_up(old, copy)
    with closing(new_control_store(tmp_path / "new.sqlite")) as store:
        restore(store, copy)
        with store.read() as conn:
            assert conn.execute(select(counters.c.last).where(counters.c.name == "advertisers")).scalar() == 7 + AHEAD
            assert conn.execute(select(revision.c.id)).scalar() == 1
        Desk(tmp_path, store).take(yaml_of(full()))


def test_there_is_nothing_to_copy_before_control_was_there(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path / 'none.sqlite'}")) as store, pytest.raises(Refused, match="our tables"):
        back_up(store, tmp_path / "copy.gz")
    with closing(Store(f"sqlite:///{tmp_path / 'no' / 'folder.sqlite'}")) as store, pytest.raises(Unreachable):
        back_up(store, tmp_path / "copy.gz")
    assert not (tmp_path / "copy.gz").exists()
