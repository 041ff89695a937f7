"""Lists at full length: ten million hashed ids from a file into a black list, and look-ups beside a white list of a
hundred million.

The file has ``phone_sha256:HASH`` a line, 780 MB, and is read from the page cache; the time is that of `read_list` and
`ListWriter.import_file` together, until the new base is on the disk and in force. Look-ups are those of `Lists.look`
with one key of an institution that has both lists: in turn ids of the white list, of the black list, and of nobody,
each asked once before; the loop that asks is in the time.
"""

import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from domain.clock import SECOND, SystemClock
from domain.naming import name_id
from risk.list_files import ListName
from risk.list_reading import Defaults, ListFile, read_list
from risk.list_writer import Import, ListWriter
from risk.lists import Lists

INSTITUTION = "north"
ASKED = 60_000
BLOCK = 200_000
TURNS = 9


def list_figures(folder: Path, entries: int = 10_000_000, white: int = 100_000_000) -> dict[str, Any]:
    """``import_10m_s`` (of as many as ``entries``), ``import_cpu_s`` its processor time, ``lookup_us``; of the white
    list how large it is on the disk, and the memory that this process has for itself while it is open.
    """
    now_s = time.time_ns() // SECOND
    file, directory = folder / "ids.txt", folder / "lists"
    _write(file, entries)
    writer = ListWriter(directory, SystemClock())
    begun, processor = time.perf_counter(), time.process_time()
    read = read_list(file, Defaults("fraud", "bench", 0), now_s)
    change = writer.import_file(_order("black", file), read)
    import_s, import_cpu_s = time.perf_counter() - begun, time.process_time() - processor
    if change.added != len(np.unique(read.keys)) or change.rows != entries:
        raise RuntimeError(f"{change.added} ids of {change.rows} lines were added")
    listed = read.keys[:: max(1, len(read.keys) // ASKED)].tolist()
    del read
    print(f"lists: {entries} ids imported in {import_s:.1f} s ({import_cpu_s:.1f} s of processor)")

    keys = np.random.default_rng(5).integers(1, 1 << 64, white, np.uint64)
    others = keys[:: max(1, white // ASKED)].tolist()
    one_for_all = np.broadcast_to(np.int32(0), white)
    begun = time.perf_counter()
    writer.import_file(_order("white", file), ListFile(keys, one_for_all, [("customer", "bench", 0)], {}, white))
    print(f"lists: {white} keys sorted and written in {time.perf_counter() - begun:.1f} s")
    del keys, writer

    before = _private_kb()
    lists = Lists.open(directory)
    institution, rng = name_id(INSTITUTION), random.Random(1)
    strangers = [rng.getrandbits(64) for _ in range(ASKED)]
    asked = [(key,) for three in zip(others, listed, strangers, strict=False) for key in three]
    hits = sum(bool(lists.look(key, None, institution, now_s)) for key in asked)
    if hits != len(asked) // 3 * 2:
        raise RuntimeError(f"{hits} of {len(asked)} keys are listed")
    look_us, find_us = [], []
    table = next(one.table for one in lists.opened() if one.shelf.list == "white")
    many = np.array([key for (key,) in asked], np.uint64)
    for _ in range(TURNS):
        begun = time.perf_counter()
        for key in asked:
            lists.look(key, None, institution, now_s)
        look_us.append((time.perf_counter() - begun) / len(asked) * 1e6)
        begun = time.perf_counter()
        table.find_many(many)
        find_us.append((time.perf_counter() - begun) / len(asked) * 1e6)
    private = _private_kb() - before
    size = sum(path.stat().st_size for path in directory.glob("white-*"))
    print(
        f"lists: a look-up {', '.join(f'{each:.2f}' for each in look_us)} us, in the compiled table alone "
        f"{', '.join(f'{each:.2f}' for each in find_us)} us; the white list has {size / 1e6:.0f} MB"
    )
    return {
        "import_10m_s": round(import_s, 2),
        "import_cpu_s": round(import_cpu_s, 2),
        "lookup_us": round(min(look_us), 3),
        "table_lookup_us": round(min(find_us), 3),
        "white_entries": white,
        "white_mb": round(size / 1e6),
        "private_mb": round(private / 1e3, 1),
    }


def _order(name: ListName, file: Path) -> Import:
    return Import(name, INSTITUTION, "add", "bench", str(file), "fraud", "bench")


def _write(path: Path, entries: int) -> None:
    rng = random.Random(3)
    with path.open("wb") as file:
        for begun in range(0, entries, BLOCK):
            count = min(BLOCK, entries - begun)
            digits = rng.randbytes(32 * count).hex()
            lines = (f"phone_sha256:{digits[at : at + 64]}\n" for at in range(0, 64 * count, 64))
            file.write("".join(lines).encode())


def _private_kb() -> int:
    """Memory of this process that is no file's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0])
