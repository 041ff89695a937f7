"""Tables of scored persons for the bid: one file, mapped by every bidder of a host, a look-up of about a microsecond.

A row is a person's key (`domain.naming.person_key`) and 12 bytes, little-endian: fraud score and device risk index
(uint16; `UNKNOWN` where one is not known), flags (uint16), nothing (uint16), and when it was scored (uint32, Unix
seconds). The compiled reader is `cython_ext.key_table.KeyTable`; this is the layout, and reading from Python.
"""

from os import PathLike
from struct import Struct
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cython_ext.key_table import KeyTable, write_key_table
from domain.errors import Problem, Refused
from risk.cards import MOST

FILE = "people.table"
"""Below the risk service's directory: where bidders look for it."""
BLACK_LISTED = 1
"""Flag: a black list that counts for everybody names the person."""
GREY_LISTED = 2
UNKNOWN = 0xFFFF
WIDTH = 12

LAYOUT = np.dtype([("fraud", "<u2"), ("device_risk", "<u2"), ("flags", "<u2"), ("pad", "<u2"), ("scored_at", "<u4")])
_ROW = Struct("<HHHHI")


class Person(NamedTuple):
    """What a table says of somebody; -1: not known."""

    fraud: int
    device_risk: int
    flags: int
    scored_at: int


class People:
    """An open table. Raises ValueError for a file that is none, OSError."""

    def __init__(self, table: KeyTable) -> None:
        if table.width != WIDTH:
            raise ValueError(f"{table.path}: rows of {table.width} bytes; those of scored persons have {WIDTH}")
        self.table = table

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
        fraud, device_risk, flags, _, scored_at = _ROW.unpack(row)
        return Person(_known(fraud), _known(device_risk), flags, scored_at)


def write_people(
    path: str | PathLike[str],
    keys: NDArray[np.uint64],
    fraud: ArrayLike,
    device_risk: ArrayLike,
    flags: ArrayLike,
    scored_at: ArrayLike,
) -> None:
    """Writes a table whole or not at all; readers that have the old one open keep it until they open it again.

    Scores are 0 to 1000, -1 where one is not known; of a key that is there twice the last row counts. Raises Refused
    for other values.
    """
    rows = np.zeros(len(keys), LAYOUT)
    for name, values, least, most in (
        ("fraud", fraud, -1, MOST),
        ("device_risk", device_risk, -1, MOST),
        ("flags", flags, 0, 0xFFFF),
        ("scored_at", scored_at, 0, 0xFFFFFFFF),
    ):
        column = np.broadcast_to(np.asarray(values, np.int64), keys.shape)
        wrong = np.flatnonzero((column < least) | (column > most))
        if len(wrong):
            at = int(wrong[0])
            raise Refused([Problem(f"{name}[{at}]", int(column[at]), f"{least} to {most} are")])
        rows[name] = np.where(column < 0, UNKNOWN, column)
    write_key_table(path, keys, rows.view(np.uint8).reshape(len(keys), WIDTH), WIDTH)


def _known(score: int) -> int:
    return -1 if score == UNKNOWN else score
