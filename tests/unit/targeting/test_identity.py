"""The identity map in LMDB: what the property test does not meet."""

from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from domain.clock import SECOND
from domain.events import Kind
from targeting.households import device_key
from targeting.identity import MAX_KEYS, Edge, TooManyKeys
from targeting.loading import load
from targeting.merge import alias, aliased, joined, merge
from targeting.people import impression
from targeting.profile_rows import Batch
from targeting.profiles import ProfileStore
from targeting.record import NEVER, campaign_scope, is_capped, last_impression, line_item_scope, live_segments
from targeting.record_editor import Editor
from targeting.unpacked import unpack
from tests.unit.trackers.test_counting import NOTICE
from trackers.memory import Memory

PHONE, BROWSER, TABLET = 0xA1 << 40 | 7, 0xB2 << 40 | 8, 0xC3 << 40 | 9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProfileStore]:
    with ProfileStore(tmp_path / "profiles.lmdb") as opened:
        yield opened


def seen(store: ProfileStore, key: int, impressions: int, now_s: int) -> bool:
    """Whether a cap of so many a minute is reached."""
    return is_capped(store.get_many([key])[0] or b"", line_item_scope(4), impressions, 60, now_s)


def test_what_was_shown_under_one_key_counts_under_the_other(store: ProfileStore) -> None:
    store.change([(PHONE, impression(1_000, 3, 4, 1)), (BROWSER, impression(1_010, 3, 4, 1))])
    assert store.identity.join(BROWSER, PHONE, "login", 1.0, 500)
    assert seen(store, PHONE, 2, 1_020) and seen(store, BROWSER, 2, 1_020)
    store.change([(PHONE, impression(1_015, 3, 4, 1))])  # by a token from before the join
    assert seen(store, BROWSER, 3, 1_020) and not seen(store, BROWSER, 4, 1_020)
    assert store.identity.split(PHONE, BROWSER) == 1
    assert seen(store, PHONE, 2, 1_020) and not seen(store, PHONE, 3, 1_020)
    assert seen(store, BROWSER, 1, 1_020) and not seen(store, BROWSER, 2, 1_020)


def test_the_persons_key_stays_while_the_group_grows(store: ProfileStore) -> None:
    store.identity.join(BROWSER, PHONE, "login", 1.0, 500)
    store.identity.join(TABLET, BROWSER, "login", 1.0, 600)
    assert {store.identity.person(key) for key in (PHONE, BROWSER, TABLET)} == {BROWSER}
    assert store.identity.keys(TABLET) == [PHONE, BROWSER, TABLET]
    assert not store.identity.join(PHONE, BROWSER, "login", 0.9, 700), "it was told before"
    assert store.identity.edges(PHONE)[0] == Edge(BROWSER, PHONE, "login", 0.9, 500)


def test_each_device_keeps_count_of_its_own(store: ProfileStore) -> None:
    store.change([(PHONE, impression(1_000, 3, 4, 1)), (BROWSER, impression(1_010, 3, 4, 1))])
    store.identity.join(BROWSER, PHONE, "login", 1.0, 500)
    for key, at_s in ((PHONE, 1_000), (BROWSER, 1_010)):
        record = store.get_many([device_key(key & 0xFFFF_FFFF)])[0]
        assert record is not None and unpack(record).shown[line_item_scope(4)] == [at_s]
        assert not unpack(record).relations
    store.identity.split(PHONE, BROWSER)
    store.identity.join(BROWSER, PHONE, "login", 1.0, 500)
    record = store.get_many([device_key(PHONE & 0xFFFF_FFFF)])[0]
    assert record is not None and unpack(record).shown[line_item_scope(4)] == [1_000], "not counted twice"


def test_an_impression_is_learnt_under_the_key_of_its_device(store: ProfileStore) -> None:
    """The token names the person; by the device's number the tracker finds the key that a split would leave it with."""
    store.identity.join(BROWSER, PHONE, "login", 1.0, 500)
    seen_on = replace(NOTICE, kind=Kind.IMPRESSION, marks=0, person=BROWSER, line_item=4, received_ns=1_000 * SECOND)
    memory = Memory(store, "money/0")
    memory.apply([replace(seen_on, device=PHONE & 0xFFFF_FFFF), replace(seen_on, device=12345)], 1)
    assert seen(store, PHONE, 2, 1_020) and seen(store, BROWSER, 2, 1_020)
    assert seen(store, device_key(PHONE & 0xFFFF_FFFF), 1, 1_020)
    store.identity.split(PHONE, BROWSER)
    for key in (PHONE, BROWSER):
        assert seen(store, key, 1, 1_020) and not seen(store, key, 2, 1_020)


def test_an_audience_is_replaced_by_the_keys_it_names(store: ProfileStore) -> None:
    store.identity.join(BROWSER, PHONE, "login", 1.0, 500)
    store.replace_audience(7, [PHONE])
    assert live_segments(store.get_many([BROWSER])[0] or b"", 0) == [7]
    assert store.members(7) == [PHONE]
    store.replace_audience(7, [TABLET])
    assert live_segments(store.get_many([BROWSER])[0] or b"", 0) == []


def test_profiles_in_bulk_reach_persons_by_any_of_their_keys(store: ProfileStore) -> None:
    store.change([(PHONE, impression(1_000, 3, 4, 1))])
    store.identity.join(BROWSER, PHONE, "login", 1.0, 500)
    batch = Batch(array("Q", [PHONE, BROWSER, TABLET]))
    batch.memberships(array("i", [0, 1, 2, 3]), array("I", [7, 7, 8]), array("I", [NEVER] * 3))
    load(store, [(batch, [7, 8])])
    assert store.members(7) == [PHONE, BROWSER] and store.members(8) == [TABLET]
    record = store.get_many([PHONE])[0] or b""
    assert live_segments(record, 0) == [7] and last_impression(record, campaign_scope(3)) == 1_000
    store.leave(7, [PHONE])
    assert live_segments(store.get_many([PHONE])[0] or b"", 0) == [7], "the other key still is a member"


def test_a_key_that_too_many_share_is_nobodys(store: ProfileStore) -> None:
    edges = [Edge(1, key, "sync", 1.0, key) for key in range(2, MAX_KEYS + 3)]
    outcome = store.identity.join_all(edges)
    assert outcome.joined == MAX_KEYS - 1
    assert outcome.refused == {MAX_KEYS - 1: "one person would have more than 64 keys",
                               MAX_KEYS: "one person would have more than 64 keys"}  # fmt: skip
    with pytest.raises(TooManyKeys):
        store.identity.join(1, MAX_KEYS + 1, "sync", 1.0, 0)
    assert len(store.identity.keys(1)) == MAX_KEYS


@pytest.mark.parametrize(
    ("first", "second", "source", "confidence", "at_s", "reason"),
    [
        (0, 2, "sync", 1.0, 0, "0 is nobody's"),
        (2, 2, "sync", 1.0, 0, "the same"),
        (1, 2, "sync", 0.0, 0, "above 0"),
        (1, 2, "sync", 1.1, 0, "above 0"),
        (1, 2, "sync", float("nan"), 0, "above 0"),
        (1, 2, "", 1.0, 0, "printable"),
        (1, 2, "a\nb", 1.0, 0, "printable"),
        (1, 2, "sync", 1.0, -1, "unix seconds"),
    ],
)
def test_what_is_no_edge_is_refused(
    store: ProfileStore, first: int, second: int, source: str, confidence: float, at_s: int, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        store.identity.join(first, second, source, confidence, at_s)
    assert store.identity.edges(first) == []


def test_a_guess_joins_only_if_it_is_sure_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        store.join(7, [PHONE])
        store.identity.join(BROWSER, PHONE, "household", 0.4, 500)
        assert store.identity.keys(PHONE) == [PHONE] and len(store.identity.edges(PHONE)) == 1
        assert store.get_many([BROWSER]) == [None]
    monkeypatch.setenv("OUTBID_PROFILES_LEAST_CONFIDENCE", "0.4")
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        assert store.get_many([BROWSER]) == [None]
        assert store.identity.rebuild() == 2
        assert live_segments(store.get_many([BROWSER])[0] or b"", 0) == [7]


def test_a_person_is_forgotten_under_all_keys(store: ProfileStore) -> None:
    store.change([(PHONE, impression(1_000, 3, 4, 1)), (TABLET, impression(1_000, 3, 4, 1))])
    store.join(7, [BROWSER, TABLET])
    store.identity.join(BROWSER, PHONE, "login", 1.0, 500)
    store.identity.join(BROWSER, TABLET, "household", 0.1, 500)
    assert store.identity.forget(PHONE) == [PHONE, BROWSER]
    assert store.members(7) == [TABLET]
    assert store.identity.edges(TABLET) == store.identity.edges(PHONE) == []
    with store.env.begin() as txn:
        assert [key for key, _ in txn.cursor(store.profiles)] == [TABLET.to_bytes(8, "big")]
        assert txn.stat(store.identity.parts)["entries"] == 0


def test_what_lies_under_a_key() -> None:
    editor = Editor()
    editor.join(7, 10)
    record = editor.pack()
    assert (aliased(alias(PHONE)), aliased(record), aliased(None), aliased(b"\3")) == (PHONE, 0, 0, 0)
    assert [joined(lies) for lies in (alias(PHONE), merge([record]), merge([]), record, None, b"")] == (
        [True] * 3 + [False] * 3
    )
    assert live_segments(merge([record, None, b"\0damaged"]), 0) == [7]
    assert is_capped(alias(PHONE), line_item_scope(4), 1, 60, 0), "whoever takes an alias for a record keeps caps"


def test_whose_keys_change_is_decided_anew(store: ProfileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever makes them one person's or takes them apart; and nothing else does."""

    def due() -> set[int]:
        found = store.due.until(1 << 31, 10)
        with store.write() as txn:
            store.due.remove(txn, found)
        return {one.person for one in found}

    store.change([(PHONE, impression(1_000, 3, 4, 1)), (BROWSER, impression(1_010, 3, 4, 1))])
    store.identity.join(PHONE, BROWSER, "graph", 0.3, 5)
    assert not due()
    store.identity.join(PHONE, BROWSER, "graph", 0.9, 6)
    assert due() == {PHONE}
    store.identity.join(PHONE, BROWSER, "login", 1.0, 7)
    store.identity.rebuild()
    assert not due()
    assert store.identity.split(PHONE, BROWSER) == 2
    assert due() == {PHONE, BROWSER}
    store.identity.join(PHONE, BROWSER, "graph", 0.9, 8)
    assert due() == {PHONE}
    store.identity.join(PHONE, BROWSER, "graph", 0.3, 9)
    assert due() == {PHONE, BROWSER}
    monkeypatch.setattr(store.identity, "_least", 0.2)
    store.identity.rebuild()
    assert len(due()) == 1
    store.identity.rebuild()
    assert not due()
