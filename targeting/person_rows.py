"""Tables of what services know of persons, a row each, as the bid looks it up: a memory-mapped file
(`cython_ext.key_table`) of persons' keys and columns of a fixed layout.
"""

from collections.abc import Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cython_ext.key_table import KeyTable, write_key_table
from domain.errors import Problem, Refused


class Column(NamedTuple):
    """Values of a column: a row's each, or one for all; with what they may be at least and at most."""

    name: str
    values: ArrayLike
    least: float
    most: float


def checked(table: KeyTable, layout: "np.dtype[Any]", of: str) -> KeyTable:
    """A table whose rows are of that layout. Raises ValueError for another."""
    if table.width != layout.itemsize:
        raise ValueError(f"{table.path}: rows of {table.width} bytes; those of {of} have {layout.itemsize}")
    return table


def write_rows(
    path: str | PathLike[str], keys: NDArray[np.uint64], layout: "np.dtype[Any]", columns: Sequence[Column]
) -> None:
    """Writes a table whole or not at all; readers that have the old one open keep it until they open it again.

    Of a key that is there twice the last row counts; -1 in an unsigned column is its greatest number. Raises Refused,
    naming column and row, for values that are none.
    """
    rows = np.zeros(len(keys), layout)
    for name, values, least, most in columns:
        column = np.broadcast_to(np.asarray(values), keys.shape)
        wrong = np.flatnonzero(~((column >= least) & (column <= most)))
        if len(wrong):
            at = int(wrong[0])
            raise Refused([Problem(f"{name}[{at}]", column[at].item(), f"{least} to {most} are")])
        rows[name] = column
    write_key_table(path, keys, rows.view(np.uint8).reshape(len(keys), layout.itemsize), layout.itemsize)
