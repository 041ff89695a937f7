"""The store stays packed while its values grow, and holds what it held."""

import random
from pathlib import Path

import pytest

from targeting import unsynced
from targeting.profiles import ProfileStore
from targeting.record_editor import Editor
from targeting.unsynced import Damaged


def bytes_a_profile(store: ProfileStore) -> tuple[float, float]:
    """On disk, and of values."""
    with store.env.begin(db=store.profiles) as txn:
        stat = txn.stat(store.profiles)
        values = sum(len(value) for value in txn.cursor().iternext(keys=False))
    pages = stat["leaf_pages"] + stat["branch_pages"] + stat["overflow_pages"]
    return pages * stat["psize"] / stat["entries"], values / stat["entries"]


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("large", [0, 700])
def test_growing_values_do_not_halve_the_pages(tmp_path: Path, large: int, later: bool) -> None:
    """``large`` of 20,000 persons are in so many audiences that their records lie on pages of their own; ``later``: the
    pages are mended when all is done.
    """
    rng = random.Random(1)
    twin: dict[int, bytes] = {}
    editor = Editor()
    for person in sorted(rng.sample(range(1, 1 << 63), 20_000)):
        editor.load(None)
        for audience in range(300 if len(twin) < large else rng.randint(8, 16)):
            editor.join(audience, 1_000)
        twin[person] = editor.pack()
    people = list(twin)
    with ProfileStore(tmp_path, sync=False, mends_later=later) as store:
        with store.write() as txn, txn.cursor(db=store.profiles) as cursor:
            cursor.putmulti([(key.to_bytes(8, "big"), value) for key, value in twin.items()], append=True)
        loaded, value = bytes_a_profile(store)
        assert large or loaded <= value + 25
        for _ in range(300):
            with store.write() as txn:
                for _ in range(50):
                    person = rng.choice(people)
                    store.record_impression(txn, person, 5_000, campaign=3, line_item=rng.randrange(3), advertiser=1)
        split, _ = bytes_a_profile(store)
        while store.mend():
            pass
        reader = store.reader()
        churned, value = bytes_a_profile(store)
        assert split > 1.1 * churned or not later
        assert churned <= 1.4 * max(loaded, value + 25)
        with store.env.begin(db=store.profiles) as txn:
            assert [int.from_bytes(key, "big") for key in txn.cursor().iternext(values=False)] == people
        for person in people:
            assert editor.load(reader.get(person))
            assert editor.absorb(twin[person]), "its audiences are there yet"
            assert editor.pack() == reader.get(person)


def test_a_store_that_was_written_when_the_machine_stopped_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, boot = tmp_path / "profiles.lmdb", tmp_path / "boot"
    monkeypatch.setattr(unsynced, "BOOT", boot)
    boot.write_text("first")
    ProfileStore(path, sync=False).close()
    boot.write_text("second")
    ProfileStore(path, sync=False).close()
    open_yet = ProfileStore(path, sync=False)
    open_yet.copy(tmp_path / "copy")
    boot.write_text("third")
    for readonly in (False, True):
        with pytest.raises(Damaged, match="the machine stopped while it was written"):
            ProfileStore(path, readonly=readonly)
    ProfileStore(tmp_path / "copy").close()
    open_yet.close()


def test_who_closes_first_leaves_the_say_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = tmp_path / "boot"
    monkeypatch.setattr(unsynced, "BOOT", boot)
    boot.write_text("first")
    one, other = unsynced.Unsynced(tmp_path), unsynced.Unsynced(tmp_path)
    one.close()
    boot.write_text("second")
    with pytest.raises(Damaged):
        unsynced.check(tmp_path)
    other.close()
    unsynced.check(tmp_path)


def test_synced_commits_need_no_say(tmp_path: Path) -> None:
    ProfileStore(tmp_path).close()
    assert not (tmp_path / "unsynced").exists()
