"""Many edits in one transaction are what they are one after the other, and impressions what they say."""

import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from targeting.people import Edit, impression
from targeting.profiles import ProfileStore
from targeting.record import advertiser_scope, campaign_scope, creative_scope, line_item_scope
from targeting.record_editor import Editor
from tests.examples import examples

PERSONS = (0, 1, 255, 256, 2**63, 2**64 - 1)
kinds = st.one_of(
    st.tuples(st.just("show"), st.integers(1_000, 1_050), st.integers(1, 3)),
    st.tuples(st.just("join"), st.integers(1, 3), st.integers(5, 6)),
    st.tuples(st.just("leave"), st.integers(1, 3)),
)
steps = st.lists(st.tuples(st.sampled_from(PERSONS), kinds), max_size=40)


def edit(kind: Any) -> Edit:
    name, *rest = kind
    return impression(rest[0], 7, *rest[1:]) if name == "show" else lambda editor: getattr(editor, name)(*rest)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ProfileStore:
    return ProfileStore(tmp_path_factory.mktemp("profiles"), sync=False)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(steps, max_size=3))
def test_they_are_what_they_are_one_after_the_other(store: ProfileStore, batches: list[list[Any]]) -> None:
    with store.write() as txn:
        txn.drop(store.profiles, delete=False)
    expected: dict[int, Editor] = {person: Editor() for person in PERSONS}
    for batch in batches:
        with store.write() as txn:
            store.edit_all(txn, [(person, edit(kind)) for person, kind in batch])
        for person, kind in batch:
            edit(kind)(expected[person])
        reader = store.reader()
        found = {person: reader.get(person) for person in PERSONS}
        reader.close()
        assert found == {person: None if editor.is_empty() else editor.pack() for person, editor in expected.items()}


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.integers(0, 9), st.integers(0, 9), st.booleans()
)
def test_an_impression_is_counted_by_all_that_it_is_an_impression_of(
    at_s: int, campaign: int, line_item: int, advertiser: int, creative: int, relates: bool
) -> None:
    one, other = Editor(), Editor()
    impression(at_s, campaign, line_item, advertiser, creative, relates=relates)(one)
    scopes = [campaign_scope(campaign), line_item_scope(line_item)]
    scopes += [advertiser_scope(advertiser)] * bool(advertiser) + [creative_scope(creative)] * bool(creative)
    other.show(at_s, scopes, advertiser if relates else 0)
    assert one.pack() == other.pack()


def test_an_id_that_no_counter_can_have_is_refused() -> None:
    with pytest.raises(ValueError, match="536870912"):
        impression(1, 1, 1 << 29)


def test_those_of_whom_several_keys_are_known_get_theirs_under_each_key(tmp_path: Path) -> None:
    edits = [(key, edit(("show", 1_000 + n, 1 + n % 3))) for n, key in enumerate([3, 1, 2, 1, 3, 9, 2])]
    found = []
    for name in ("together", "singly"):
        with ProfileStore(tmp_path / name, sync=False) as store:
            store.change([(key, edit(("join", key, 9))) for key in (1, 2, 3)])
            assert store.identity.join(1, 2, "login", 1.0, 5)
            with store.write() as txn:
                left = store.edit_all(txn, edits) if name == "together" else {key for key, _ in edits}
                assert name == "singly" or left == {1, 2}
                for key, one in edits:
                    if key in left:
                        store.edit(txn, key, one)
            found.append(store.get_many([1, 2, 3, 9]))
    assert found[0] == found[1] and found[0][0] == found[0][1] != found[0][2]


def test_what_is_no_record_is_begun_afresh_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with ProfileStore(tmp_path, sync=False) as store, caplog.at_level(logging.WARNING):
        with store.write() as txn:
            txn.put((42).to_bytes(8, "big"), b"from the future", db=store.profiles)
        with store.write() as txn:
            store.edit_all(txn, [(42, edit(("join", 1, 9))), (41, edit(("join", 1, 9))), (42, edit(("leave", 1)))])
        assert store.get_many([41, 42])[1] is None and store.get_many([41])[0] is not None
    assert [entry.getMessage()[:44] for entry in caplog.records] == ["the profile of person 000000000000002a is be"]
