"""Lists of persons: their import from CSV and Parquet, and the counts of audiences. The last line is JSON.

Two lists of ``--rows`` advertising ids each, half of them the same, are imported by `outbid audiences import`'s own
code into a store of their own, which waits for the disk; then sizes are counted, and the overlaps of both and of two
sets of them. Rates are of rows a second; those of the processor tell more where others work on the same machine. Memory
is what the process has of its own while it reads and writes (the store's mapped pages are not counted).
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# Before the imports: beside this script lies targeting.py, which is not the package of that name.
sys.path.insert(0, str(Path(__file__).parents[1]))

from domain.audience import AudienceSet
from targeting.audience_counts import live_sizes, overlap
from targeting.audience_files import Column, IdFile
from targeting.audience_import import order, read, write
from targeting.audience_lists import Lists, lists_of
from targeting.audience_spool import Spool
from targeting.profiles import ProfileStore

CHUNK = 100_000
NOW_S = 1_795_000_000
FIRST, SECOND = 5, 6
SETS = {7: AudienceSet(any_of=(FIRST, SECOND)), 8: AudienceSet(all_of=(FIRST,), none_of=(SECOND,))}


def ids(first: int, count: int) -> list[str]:
    hashes = (n * 0x9E3779B97F4A7C15 % 2**64 for n in range(first + 1, first + count + 1))
    return [f"{x:016x}-{x >> 32:08x}" for x in hashes]


def write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    table, parquet = folder / "list.csv", folder / "list.parquet"
    schema = pa.schema([("maid", pa.string())])
    with table.open("w") as text, pq.ParquetWriter(parquet, schema) as writer:
        text.write("name,maid,city\n")
        for first in range(0, rows, CHUNK):
            count = min(CHUNK, rows - first)
            text.writelines(f"somebody,{id_},somewhere\n" for id_ in ids(first, count))
            writer.write_table(pa.table({"maid": ids(first + rows // 2, count)}, schema))
    return table, parquet


def own_mb() -> float:
    """Resident memory that is no file's."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


class Timed:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def rates(self, rows: int) -> tuple[int, int]:
        return int(rows / (time.perf_counter() - self._wall)), int(rows / (time.process_time() - self._cpu))


def import_one(lists: Lists, audience: int, path: Path, folder: Path, rows: int) -> dict[str, float]:
    most_mb, whole = 0.0, Timed()

    def look(share: float, read_rows: int, written: float) -> None:
        nonlocal most_mb
        most_mb = max(most_mb, own_mb())

    with Spool(folder / "spool") as spool:
        file, reading = IdFile(path, [Column("ifa", "maid")]), Timed()
        tally = read(file, spool, 0, look)
        _, read_cpu = reading.rates(rows)
        tally = write(lists, order(audience, "replace", 0, file), spool, tally, NOW_S, look)
    assert tally.size == tally.added == rows
    wall, cpu = whole.rates(rows)
    print(f"{path.name}: {wall:,} rows/s, {cpu:,} of a processor (read: {read_cpu:,}); {most_mb:.0f} MB at most")
    return {"per_s": wall, "per_cpu_s": cpu, "mb": round(most_mb)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, help="where there is room")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.directory, prefix="audiences-") as name:
        folder, rows = Path(name), asked.rows
        table, parquet = write_files(folder, rows)
        gc.collect()
        with ProfileStore(folder / "profiles.lmdb", sync=True) as store:
            lists = lists_of(store)
            csv = import_one(lists, FIRST, table, folder, rows)
            import_one(lists, SECOND, parquet, folder, rows)
            begun, cpu = time.perf_counter(), time.process_time()
            sizes = live_sizes(lists, [FIRST, SECOND], {}, NOW_S)
            size_s, size_cpu_s = time.perf_counter() - begun, time.process_time() - cpu
            begun, cpu = time.perf_counter(), time.process_time()
            found = overlap(lists, [FIRST, SECOND, *SETS], SETS, NOW_S).shared
            overlap_s, overlap_cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    half = rows // 2
    assert sizes == [rows, rows] and found[0] == (rows, rows - half, rows, half) and found[2][2] == rows + half
    print(
        json.dumps(
            {
                "bench": "audiences",
                "rows": rows,
                "import_per_s": csv["per_s"],
                "import_per_cpu_s": csv["per_cpu_s"],
                "import_mb": csv["mb"],
                "live_sizes_s": round(size_s, 2),
                "live_sizes_cpu_s": round(size_cpu_s, 2),
                "overlap_s": round(overlap_s, 2),
                "overlap_cpu_s": round(overlap_cpu_s, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
