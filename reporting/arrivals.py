"""What has arrived in the store since somebody looked last, whenever it was received.

Logs are shipped by many hosts, each at its own pace, so the newest rows are not the ones that arrived last. Facts are
only ever added; so their number in each ten minutes of their receiving time tells where some have arrived. The engine
knows the number of each day without reading anything; only days in which it has risen are counted in full.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from reporting.outbox import write_durably
from reporting.rows import DAY_NS
from reporting.schema import Table
from reporting.store import Store
from reporting.touches import BUCKET_NS, Source

A_DAY = DAY_NS // BUCKET_NS


class Counts(Struct, frozen=True):
    """By table. ``days``: rows by day since 1970; ``buckets``: by ten minutes since 1970, of the days that grew."""

    days: dict[str, dict[int, int]] = {}
    buckets: dict[str, dict[int, int]] = {}


_decode, _encode = msgspec.msgpack.Decoder(Counts).decode, msgspec.msgpack.Encoder().encode


def kept(path: Path) -> Counts:
    """As they were written by `keep`; none, where they were not, or cannot be read: then all counts as arrived anew."""
    try:
        return _decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return Counts()


def keep(path: Path, counts: Counts) -> None:
    write_durably(path, _encode(counts))


def days(store: Store, table: Table) -> dict[int, int]:
    """How many rows of each day (since 1970) a table has, as the engine knows without reading them."""
    by_day = f"SELECT toUInt32(toDate(partition)), sum(rows) {store.dialect.parts(table)} GROUP BY partition"
    return {int(day): int(rows) for day, rows in store.query(by_day)}


def look(store: Store, sources: Iterable[Source], before: Counts) -> Counts:
    """How much there is now. Rows that arrive while this looks are in it, or are found by the next look."""
    now = Counts({}, {})
    for source in sources:
        table = source.table.name
        now.days[table] = there = days(store, source.table)
        known, buckets = before.days.get(table), dict(before.buckets.get(table, {}))
        if known is not None:  # at the very first look all is new
            for day in [day for day, rows in there.items() if rows != known.get(day)]:
                buckets.update(_counted(store, source, day))
        now.buckets[table] = {bucket: rows for bucket, rows in buckets.items() if bucket // A_DAY in there}
    return now


def grown(before: Counts, now: Counts, table: str) -> frozenset[int]:
    """Ten minutes of receiving time in which there is more than before."""
    there, was = now.buckets.get(table, {}), before.buckets.get(table, {})
    if table not in before.days:
        return frozenset(day * A_DAY + n for day in now.days.get(table, {}) for n in range(A_DAY))
    return frozenset(bucket for bucket, rows in there.items() if rows != was.get(bucket))


def by_day(among: Iterable[int]) -> list[tuple[int, list[int]]]:
    """Ten minutes by day (since 1970)."""
    days: dict[int, list[int]] = {}
    for bucket in among:
        days.setdefault(bucket // A_DAY, []).append(bucket)
    return sorted(days.items())


def _counted(store: Store, source: Source, day: int) -> dict[int, int]:
    bucket = f"intDiv(received_ns, {BUCKET_NS})"
    rows = store.query(
        f"SELECT {bucket} AS bucket, count() FROM {source.table.name} WHERE day = toDate({day}) AND {source.where}"
        " GROUP BY bucket"
    )
    return {int(bucket): int(count) for bucket, count in rows}
