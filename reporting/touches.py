"""The last clicks and views before conversions, found by the engine for many of them at once.

Those whose touches are wanted go into a table in the engine's memory: who, at which advertiser, and when they
converted. The engine reads each touch of a person in it once, sees between which two conversions it lies (a person's
conversions are one sorted array), and keeps the last of each campaign there. So the work is proportional to the touches
and to the conversions, not to their product, also where one key stands for very many; and what comes back is at most
one touch of each campaign for each conversion.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from domain.events import PlayEvent
from reporting.counting import COUNTED
from reporting.crediting import Touch
from reporting.rows import DAY_NS
from reporting.schema import CLICKS, EVENTS, IMPRESSIONS, Table
from reporting.store import Store

BUCKET_NS = 600_000_000_000
"""Arrivals are counted for each ten minutes."""
WANTED = Table(
    "attribution_wanted",
    {"advertiser": "UInt32", "person": "UInt64", "at_ns": "UInt64"},
    ("advertiser", "person"),
)
MOST_RUNS = 300
"""Of ten minutes, in one query: its text must not become too long."""
MOST_TIMES = 256
"""Of one key at once."""
_FIELDS = ("received_ns", "bid", "imp", "exchange", "campaign", "line_item", "creative", "deal", "site", "context")


@dataclass(frozen=True, eq=False)
class Source:
    """A table of touches, and which of its rows are some."""

    table: Table
    where: str = COUNTED


CLICKED = Source(CLICKS)
SHOWN = Source(IMPRESSIONS)
IN_VIEW = Source(EVENTS, f"{COUNTED} AND event = {int(PlayEvent.VIEWABLE)}")
"""For campaigns whose ads must have been in view: then it is a view at the time when that was told."""


def in_memory(store: Store, table: Table, rows: Iterable[tuple[int | str, ...]]) -> None:
    """Makes a table of the engine's memory anew, with these rows. No statement names persons, then."""
    columns = ", ".join(f"`{name}` {kind}" for name, kind in table.columns.items())
    store.command(store.dialect.drop(table.name))
    store.command(f"CREATE TABLE {table.name} ({columns}) ENGINE = Memory")
    values = list(zip(*rows, strict=True))
    if values:
        store.insert(table, dict(zip(table.columns, values, strict=True)))


def drop(store: Store, table: Table) -> None:
    store.command(store.dialect.drop(table.name))


@dataclass(frozen=True)
class Search:
    """Touches of ``source`` that are no more than ``window_ns`` before a conversion. ``among``: only those received in
    these ten minutes (`BUCKET_NS`); empty: in any.
    """

    source: Source
    window_ns: int
    among: frozenset[int] = frozenset()


Wanted = tuple[int, int, int]
"""Advertiser, key of a person, and when they converted."""
Found = dict[tuple[int, int], list[Touch]]
"""By advertiser and key, in the order of time."""


def look_back(store: Store, wanted: Iterable[Wanted], searches: Sequence[Search]) -> list[Found]:
    """Of each search the touches that are the last of their campaign before one of the times."""
    found: list[Found] = [{} for _ in searches]
    for part in _parts(wanted):
        in_memory(store, WANTED, part)
        times = [at_ns for _, _, at_ns in part]
        for search, of in zip(searches, found, strict=True):
            for row in store.query(_sql(search, max(min(times) - search.window_ns, 0), max(times))):
                of.setdefault((int(row[0]), int(row[1])), []).append(Touch(*map(int, row[2])))
    drop(store, WANTED)
    for of in found:
        for touches in of.values():
            touches.sort()
    return found


def _parts(wanted: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    """Mostly one. A key that stands for very many conversions is looked up for some of them at a time, since the engine
    holds the times of a key beside each of its touches.
    """
    parts: list[list[Wanted]] = []
    counts: Counter[tuple[int, int]] = Counter()
    for one in sorted(set(wanted)):
        counts[one[:2]] += 1
        place = (counts[one[:2]] - 1) // MOST_TIMES
        if place == len(parts):
            parts.append([])
        parts[place].append(one)
    yield from parts


def _sql(search: Search, low: int, high: int) -> str:
    source = search.source
    where = [source.where, "person != 0", f"received_ns >= {low}", f"received_ns <= {high}", days(low, high)]
    if search.among:
        where.append(buckets(search.among))
    where.append(f"person GLOBAL IN (SELECT person FROM {WANTED.name})")
    touches = f"SELECT advertiser, person, {', '.join(_FIELDS)} FROM {source.table.name} WHERE {' AND '.join(where)}"
    sets = f"SELECT advertiser, person, arraySort(groupArray(at_ns)) AS times FROM {WANTED.name}"
    joined = (
        f"SELECT *, arrayFirstIndex(x -> x >= received_ns, times) AS place FROM ({touches}) AS touches "
        f"GLOBAL ALL INNER JOIN ({sets} GROUP BY advertiser, person) AS sets USING (advertiser, person)"
    )
    last = f"SELECT advertiser, person, max(tuple({', '.join(_FIELDS)})) AS last FROM ({joined})"
    near = f"place > 0 AND received_ns + {search.window_ns} >= times[place]"
    return f"{last} WHERE {near} GROUP BY advertiser, person, campaign, place"


def days(low_ns: int, high_ns: int) -> str:
    """The condition that keeps the engine from days (UTC) outside of two times."""
    return f"day >= toDate({low_ns // DAY_NS}) AND day <= toDate({high_ns // DAY_NS})"


def buckets(among: Iterable[int]) -> str:
    """The condition that a row was received in one of these ten minutes, or, where they are scattered over very many
    places, around them.
    """
    gap, runs = 0, _runs(among, 0)
    while len(runs) > MOST_RUNS:
        gap = 2 * gap + 1
        runs = _runs(among, gap)
    each = (f"(received_ns >= {a * BUCKET_NS} AND received_ns < {b * BUCKET_NS})" for a, b in runs)
    return f"({' OR '.join(each)})"


def _runs(among: Iterable[int], gap: int) -> list[tuple[int, int]]:
    """(first, behind the last) of those that follow each other with at most ``gap`` missing in between."""
    runs: list[tuple[int, int]] = []
    for bucket in sorted(among):
        if runs and bucket - runs[-1][1] <= gap:
            runs[-1] = runs[-1][0], bucket + 1
        else:
            runs.append((bucket, bucket + 1))
    return runs
