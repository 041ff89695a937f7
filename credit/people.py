"""Tables of people with credit scores for the bid: one file, mapped by every bidder of a host, a look-up of about a
microsecond.

A row is a person's key (`domain.naming.person_key`) and 16 bytes, little-endian: score (uint16, 300 to 900), nothing
(uint16), probability of default and of approval (float32 each) and when it was scored (uint32, Unix seconds). The
compiled reader is `cython_ext.key_table.KeyTable`; this is the layout, and reading from Python.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from credit.model import CreditModel
from credit.points import LEAST, MOST
from credit.table import Table
from cython_ext.key_table import KeyTable
from domain.errors import Problem, Refused
from targeting.identity_keys import parse_person, shown
from targeting.person_rows import Column, checked, write_rows

FILE = "people.table"
"""Under ``<data_dir>/credit``: where bidders and the service look for it."""
LAYOUT = np.dtype([("score", "<u2"), ("pad", "<u2"), ("pd", "<f4"), ("p_approved", "<f4"), ("scored_at", "<u4")])
AT_ONCE = 50_000
PPM = 1_000_000
MOST_TOLD = 5
_ROW = Struct("<HHffI")


class Person(NamedTuple):
    """What a table says of somebody."""

    score: int
    pd: float
    p_approved: float
    scored_at: int
    """Seconds since 1970."""


class People:
    """An open table. Raises ValueError for a file that is none, OSError."""

    def __init__(self, table: KeyTable) -> None:
        self.table = checked(table, LAYOUT, "people with credit scores")

    @classmethod
    def open(cls, path: str | PathLike[str]) -> "People":
        return cls(KeyTable(path))

    def __len__(self) -> int:
        return len(self.table)

    def get(self, key: int) -> Person | None:
        """What is known of a person; None: nothing."""
        row = self.table.get(key)
        if row is None:
            return None
        score, _, pd, p_approved, scored_at = _ROW.unpack(row)
        return Person(score, pd, p_approved, scored_at)

    def newest(self, keys: Sequence[int]) -> Person | None:
        """What is known of somebody with several ids: what was scored last."""
        found = [person for key in keys if (person := self.get(key)) is not None]
        return max(found, key=lambda person: person.scored_at, default=None)


def write_people(
    path: str | PathLike[str],
    keys: NDArray[np.uint64],
    score: ArrayLike,
    pd: ArrayLike,
    p_approved: ArrayLike,
    scored_at: ArrayLike,
) -> None:
    """As `targeting.person_rows.write_rows`."""
    columns = (
        Column("score", score, LEAST, MOST),
        Column("pd", pd, 0, 1),
        Column("p_approved", p_approved, 0, 1),
        Column("scored_at", scored_at, 0, 0xFFFFFFFF),
    )
    write_rows(path, keys, LAYOUT, columns)


class ScoredPeople(NamedTuple):
    """What `score_people` made of a file."""

    keys: NDArray[np.uint64]
    score: NDArray[np.float64]
    pd: NDArray[np.float64]
    p_approved: NDArray[np.float64]
    wrong: int
    """Rows without a person that can be read."""
    told: tuple[str, ...]
    """Of the first of these, why."""


def score_people(
    model: CreditModel, table: Table, person: str, progress: Callable[[float], None] = lambda share: None
) -> ScoredPeople:
    """Scores of all rows whose column ``person`` says who it is (``ifa:…``, ``email:…`` …).

    Raises Refused if there is no such column, or none of the model's.
    """
    if person not in table.columns:
        allowed = f"a column, as {', '.join(list(table.columns)[:20])}"
        raise Refused([Problem("--person", person, allowed)])
    missing = model.facts.schema.missing_columns(table)
    if len(missing) == len(model.facts.schema.plans):
        raise Refused([Problem("FILE", missing[0], "at least one of the model's columns must be there")])
    column = table.columns[person]
    of_level = np.zeros(len(column.levels) + 1, np.uint64)  # the last: missing, nobody
    told: list[str] = []
    for place, text in enumerate(column.levels):
        try:
            of_level[place] = parse_person(text)
        except ValueError as error:
            if len(told) < MOST_TOLD:
                told.append(f"{shown(text)}: {error}")
    keys = of_level[column.codes]
    known = np.flatnonzero(keys)
    parts = []
    for start in range(0, len(known), AT_ONCE):
        rows = known[start : start + AT_ONCE]
        parts.append(model.scores(model.columns_of(table.picked(rows))))
        progress((start + len(rows)) / len(known))
    score, pd, p_approved = (np.concatenate([part[n] for part in parts]) if parts else np.empty(0) for n in range(3))
    return ScoredPeople(keys[known], score, pd, p_approved, table.rows - len(known), tuple(told))


def write_profiles(
    path: Path,
    keys: NDArray[np.uint64],
    score: NDArray[np.float64],
    pd: NDArray[np.float64],
    p_approved: NDArray[np.float64],
    scored_at: int,
) -> None:
    """The same as scores for people's profiles: a table as `outbid profiles load` takes it (docs/targeting.md)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "person": pa.array(keys),
        "score_credit": pa.array(score.astype(np.int32)),
        "score_pd_ppm": pa.array(np.rint(pd * PPM).astype(np.int32)),
        "score_p_approved_ppm": pa.array(np.rint(p_approved * PPM).astype(np.int32)),
        "scored_at": pa.array(np.full(len(keys), scored_at, np.int64)),
    }
    pq.write_table(pa.table(columns), path)


def table_file(data: Path) -> Path:
    """Of a data directory."""
    return data / "credit" / FILE
