"""The profile store among processes: writers take turns, readers keep up, and the killed leave nothing behind."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from targeting import profiles
from targeting.profiles import ProfileStore
from targeting.record import campaign_scope, line_item_scope
from targeting.unpacked import unpack

ROOT = Path(__file__).parents[2]
BEGIN = "import sys\nfrom pathlib import Path\nfrom targeting.profiles import ProfileStore\npath = Path(sys.argv[1])\n"


def run(script: str, path: Path, *args: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", BEGIN + script, str(path), *map(str, args)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def wait_for(process: "subprocess.Popen[bytes]", line: bytes) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == line


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


def test_writers_in_several_processes_lose_no_impression(tmp_path: Path) -> None:
    script = (
        "store, line_item = ProfileStore(path), int(sys.argv[2])\n"
        "for i in range(40):\n"
        "    with store.write() as txn:\n"
        "        store.record_impression(txn, 42, 1_000 + i, 3, line_item)\n"
    )
    writers = [run(script, tmp_path, line_item) for line_item in (1, 2)]
    with ProfileStore(tmp_path, readonly=True) as store:
        reader = store.reader()
        for writer in writers:
            writer.communicate()
            assert writer.returncode == 0
        reader.renew(time.monotonic() + 1)
        shown = unpack(reader.get(42) or b"").shown
    assert shown[line_item_scope(1)] == shown[line_item_scope(2)] == list(range(1_000, 1_040))
    assert shown[campaign_scope(3)] == sorted([*range(1_000, 1_040)] * 2)


def test_processes_that_start_at_once_agree_on_one_new_store(tmp_path: Path) -> None:
    readonly = "ProfileStore(path / 'new', readonly=True).reader().get(1)"
    processes = [run(script, tmp_path) for script in (readonly, "ProfileStore(path / 'new')", readonly)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0


def test_a_writer_killed_inside_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    process = run(
        "store = ProfileStore(path)\n"
        "with store.write() as txn:\n"
        "    store.record_impression(txn, 42, 1_000, 3, 4)\n"
        "with store.write() as txn:\n"
        "    store.record_impression(txn, 43, 1_000, 3, 4)\n"
        "    print('inside', flush=True)\n"
        "    sys.stdin.read()\n",
        tmp_path,
    )
    wait_for(process, b"inside")
    kill(process)
    with ProfileStore(tmp_path) as store:
        with store.write() as txn:
            store.add_segments(txn, [44], 7)
        reader = store.reader()
        assert reader.get(42) is not None
        assert reader.get(43) is None
        assert reader.get(44) is not None


@pytest.mark.parametrize("freed_by", ["the next write", "the next process"])
def test_the_slot_of_a_killed_reader_is_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freed_by: str) -> None:
    with ProfileStore(tmp_path) as store:
        process = run(
            "reader = ProfileStore(path, readonly=True).reader()\nprint('reading', flush=True)\nsys.stdin.read()\n",
            tmp_path,
        )
        wait_for(process, b"reading")
        kill(process)
        assert str(process.pid) in store.env.readers(), "its snapshot would be kept for ever"
        if freed_by == "the next write":
            monkeypatch.setattr(profiles, "CHECK_READERS_S", 0.0)
            with store.write():
                pass
        else:
            run("ProfileStore(path, readonly=True)", tmp_path).communicate()
        assert str(process.pid) not in store.env.readers()
