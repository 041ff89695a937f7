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

from cython_ext.key_table import KeyTable
from risk.cards import MOST
from targeting.person_rows import Column, checked, write_rows

FILE = "people.table"
"""Below the risk service's directory: where bidders look for it."""
BLACK_LISTED = 1
"""Flag: a black list that counts for everybody names the person."""
GREY_LISTED = 2
UNKNOWN = 0xFFFF

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
        self.table = checked(table, LAYOUT, "scored persons")

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
    """As `targeting.person_rows.write_rows`; scores are whole numbers from 0 to 1000, and -1 where one is not known."""
    columns = (
        Column("fraud", fraud, -1, MOST),
        Column("device_risk", device_risk, -1, MOST),
        Column("flags", flags, 0, 0xFFFF),
        Column("scored_at", scored_at, 0, 0xFFFFFFFF),
    )
    write_rows(path, keys, LAYOUT, columns)


def _known(score: int) -> int:
    return -1 if score == UNKNOWN else score
