"""Opt-outs outlive the profile store: they are in a file beside it, and put back where it lacks them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from targeting.forgotten import Forgotten
from targeting.opt_outs import missing, opt_in, opt_out, opted_out, restore, take_out
from targeting.profiles import ProfileStore
from targeting.record import OPT_OUT

ANN, BEN, EVE = 0xA1 << 56, 77, 2**64 - 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ProfileStore]:
    with ProfileStore(tmp_path / "profiles.lmdb") as opened:
        yield opened


def test_they_end_by_an_opt_in_and_by_nothing_else(store: ProfileStore, tmp_path: Path) -> None:
    assert missing(store, tmp_path) == [] and not opted_out(tmp_path)
    assert opt_out(store, tmp_path, [ANN, BEN]) == 2 and opt_out(store, tmp_path, [BEN, EVE]) == 1
    assert opted_out(tmp_path) == {ANN, BEN, EVE} == set(store.members(OPT_OUT))
    file = tmp_path / "opted-out"
    assert len(file.read_bytes()) == 3 * 17 and file.stat().st_mode & 0o777 == 0o600
    assert opt_in(store, tmp_path, [ANN, 5]) == 1
    assert opted_out(tmp_path) == {BEN, EVE} == set(store.members(OPT_OUT)) and file.stat().st_mode & 0o777 == 0o600
    with file.open("ab") as torn:
        torn.write(b"00000000000000")
    assert opt_out(store, tmp_path, [ANN]) == 1 and opted_out(tmp_path) == {ANN, BEN, EVE}
    assert take_out(tmp_path, [ANN, 5]) == 1 and opted_out(tmp_path) == {BEN, EVE}


def test_a_store_that_lacks_them_is_told_but_not_of_who_was_forgotten(tmp_path: Path) -> None:
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        opt_out(store, tmp_path, [BEN])
        store.copy(tmp_path / "copy")
        opt_out(store, tmp_path, [ANN, EVE])
    Forgotten(tmp_path).add([EVE], 1)
    shutil.rmtree(tmp_path / "profiles.lmdb")
    shutil.copytree(tmp_path / "copy", tmp_path / "profiles.lmdb")
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        assert missing(store, tmp_path) == [ANN]
        assert restore(store, tmp_path) == 1 and restore(store, tmp_path) == 0
        assert set(store.members(OPT_OUT)) == {ANN, BEN}
        opt_out(store, tmp_path, [EVE])
    assert opted_out(tmp_path) == {ANN, BEN, EVE}, "it was there before; forgetting takes it out"
    take_out(tmp_path, [EVE])
    with ProfileStore(tmp_path / "profiles.lmdb") as store:
        assert opt_out(store, tmp_path, [EVE]) == 0 and opted_out(tmp_path) == {ANN, BEN}
