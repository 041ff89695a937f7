"""The profile store within one process; several are in tests/integration."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from targeting import profiles
from targeting.people import Change
from targeting.profile_reader import RENEW_S
from targeting.profiles import ProfileStore
from targeting.record import NEVER, campaign_scope, is_capped, line_item_scope, live_segments
from targeting.unpacked import unpack


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProfileStore]:
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        yield store


def record(store: ProfileStore, person: int) -> bytes | None:
    return store.reader().get(person)


def test_an_impression_counts_for_campaign_and_line_item(store: ProfileStore) -> None:
    with store.write() as txn:
        store.record_impression(txn, 42, 1_000, campaign=3, line_item=4)
        store.record_impression(txn, 42, 1_010, campaign=3, line_item=5)
    data = record(store, 42)
    assert data is not None
    assert is_capped(data, campaign_scope(3), 2, 60, 1_059)
    assert is_capped(data, line_item_scope(4), 1, 60, 1_059)
    assert not is_capped(data, line_item_scope(4), 2, 60, 1_059)
    assert record(store, 43) is None


def test_nobody_has_no_profile(store: ProfileStore) -> None:
    with store.write() as txn:
        store.record_impression(txn, 0, 1_000, campaign=3, line_item=4)
    assert record(store, 0) is None


def test_a_block_that_raises_leaves_nothing(store: ProfileStore) -> None:
    with pytest.raises(RuntimeError), store.write() as txn:
        store.record_impression(txn, 42, 1_000, campaign=3, line_item=4)
        raise RuntimeError
    assert record(store, 42) is None


def test_a_reader_sees_news_when_renewed_and_not_more_often_than_it_must(store: ProfileStore) -> None:
    reader = store.reader()
    now = time.monotonic() + 10
    reader.renew(now)
    with store.write() as txn:
        store.add_segments(txn, [42], 7)
    reader.renew(now + RENEW_S / 2)
    assert reader.get(42) is None
    reader.renew(now + RENEW_S * 1.5)
    assert live_segments(reader.get(42) or b"", 0) == [7]
    reader.close()


def test_memberships_beside_impressions(store: ProfileStore) -> None:
    with store.write() as txn:
        store.record_impression(txn, 42, 1_000, campaign=3, line_item=4)
        assert store.add_segments(txn, [42, 43], 7, expires_s=2_000) == 2
        assert store.add_segments(txn, [42, 44], 7, expires_s=3_000) == 1
        store.add_segments(txn, [42], 8)
    assert unpack(record(store, 42) or b"").segments == {7: 3_000, 8: NEVER}
    assert store.members(7) == [42, 43, 44]
    assert (store.size(7), store.size(8), store.size(9)) == (3, 1, 0)
    with store.write() as txn:
        assert store.remove_segments(txn, [42, 43, 99], 7) == 2
    data = record(store, 42) or b""
    assert live_segments(data, 0) == [8]
    assert is_capped(data, campaign_scope(3), 1, 60, 1_000)
    assert record(store, 43) is None, "an empty profile takes no room"
    assert store.members(7) == [44]


def test_replacing_an_audience(store: ProfileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "BATCH", 3)
    top = (1 << 64) - 1
    assert store.replace_audience(7, [*range(1, 11), top, 5]) == Change(added=11, removed=0, size=11)
    assert store.replace_audience(8, [5]) == Change(added=1, removed=0, size=1)
    assert store.replace_audience(7, [5, top, 77]) == Change(added=1, removed=9, size=3)
    assert store.members(7) == [5, 77, top]
    assert live_segments(record(store, 5) or b"", 0) == [7, 8]
    assert record(store, 1) is None
    assert store.replace_audience(7, []) == Change(added=0, removed=3, size=0)
    assert store.members(7) == []


def test_an_import_that_was_broken_off_is_healed_by_the_next(
    store: ProfileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "BATCH", 2)
    store.replace_audience(7, [1, 2, 3, 4])
    calls = 0
    whole = ProfileStore.add_segments

    def dies(self: ProfileStore, *args: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return whole(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(ProfileStore, "add_segments", dies)
    with pytest.raises(KeyboardInterrupt):
        store.replace_audience(7, [3, 5, 6, 8])
    assert store.members(7) == [3, 5], "what was written is whole: members and profiles alike"
    assert live_segments(record(store, 5) or b"", 0) == [7]
    assert store.replace_audience(7, [3, 5, 6, 8]) == Change(added=2, removed=0, size=4)
    assert store.members(7) == [3, 5, 6, 8]


def test_an_unreadable_profile_is_begun_afresh_and_reported(
    store: ProfileStore, caplog: pytest.LogCaptureFixture
) -> None:
    with store.write() as txn:
        txn.put((42).to_bytes(8, "big"), b"from the future", db=store.env.open_db(b"profiles", txn=txn))
        store.record_impression(txn, 42, 1_000, campaign=3, line_item=4)
    assert is_capped(record(store, 42) or b"", campaign_scope(3), 1, 60, 1_000)
    assert "person 000000000000002a is begun afresh" in caplog.text


def test_read_only_opens_a_store_that_is_not_there_yet_and_writes_nothing(tmp_path: Path) -> None:
    with ProfileStore(tmp_path / "new.lmdb", readonly=True) as store:
        assert store.reader().get(42) is None
        assert store.members(7) == []
        with pytest.raises(Exception, match=r"Permission denied|read-only"), store.write():
            pass


def test_others_keep_their_own_sub_databases_in_the_same_transactions(store: ProfileStore) -> None:
    seen = store.env.open_db(b"seen")
    with store.write() as txn:
        store.record_impression(txn, 42, 1_000, campaign=3, line_item=4)
        txn.put(b"position", b"17", db=seen)
    with store.env.begin(db=seen) as txn:
        assert txn.get(b"position") == b"17"
    assert record(store, 42) is not None
