"""Tombstones: who they are about is not to be read from them, and they stay until they are taken away."""

import multiprocessing
from pathlib import Path

import pytest

from cython_ext.siphash import siphash24
from domain.keys import forgetting_key, load_keys
from targeting.forgotten import Forgotten


def test_only_hashes_under_the_deployments_key_are_kept(tmp_path: Path) -> None:
    persons = [0, 1, 2**63, 2**64 - 1]
    forgotten = Forgotten(tmp_path)
    assert not list(tmp_path.iterdir()) and not forgotten.any and 1 not in forgotten
    assert forgotten.add(persons, 1_700_000_000) == 4 and forgotten.add(persons[:2], 1_800_000_000) == 0
    key = forgetting_key(load_keys(tmp_path))
    hashes = sorted(siphash24(key, person.to_bytes(8, "little")) for person in persons)
    entries = b"".join(hash.to_bytes(8, "little") + (1_700_000_000).to_bytes(8, "little") for hash in hashes)
    assert (tmp_path / "forgotten").read_bytes() == b"outbid forgotten 1\n" + entries
    again = Forgotten(tmp_path)
    assert len(again) == 4 and all(person in again for person in persons) and 2 not in again
    assert again.remove([1, 2]) == 1 and forgotten.refresh() and 1 not in forgotten
    assert again.remove(persons) == 3 and forgotten.refresh() and not forgotten.any
    other = tmp_path / "other"
    Forgotten(other).add(persons, 1)
    assert not set(hashes) & {
        int.from_bytes((other / "forgotten").read_bytes()[at : at + 8], "little") for at in (19, 35)
    }


def _add(data: Path, first: int) -> None:
    for person in range(first, first + 20):
        Forgotten(data).add([person], 1)


def test_processes_that_add_at_once_lose_none(tmp_path: Path) -> None:
    load_keys(tmp_path)
    adding = [multiprocessing.Process(target=_add, args=(tmp_path, 100 * n)) for n in range(4)]
    for process in adding:
        process.start()
    for process in adding:
        process.join()
    assert len(Forgotten(tmp_path)) == 80


@pytest.mark.parametrize("text", [b"", b"outbid forgotten 1\n123", b"something else"])
def test_another_file_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "forgotten").write_bytes(text)
    with pytest.raises(ValueError, match="is no list of forgotten persons"):
        Forgotten(tmp_path)
