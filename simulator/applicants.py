"""People who applied for credit and whether they defaulted, from a table of the form of UCI's "default of credit card
clients" (Yeh and Lien, 2009): CSV with the columns X1 to X23 and Y. Whom a lender approves no such table tells: that is
the rule of `simulator.worth_parameters`.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from simulator.worth_parameters import (
    APPROVAL_BASE,
    APPROVAL_LATE,
    APPROVAL_LIMIT,
    APPROVAL_USE,
    MOST_LATE,
    MOST_USE,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS = tuple(f"X{number}" for number in range(1, 24))
PROTECTED = ("X2", "X4", "X5")
"""Sex, marriage and age: the names do not say so, and no credit score may be made of them."""
TARGET = "Y"
LEAST = 200
"""Rows of a table: both halves need some people of either kind."""


@dataclass(frozen=True, eq=False)
class Applicants:
    """An array element is one of them."""

    columns: Floats
    """(n, 23): X1 to X23."""
    defaulted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.defaulted)

    def take(self, rows: Ints) -> "Applicants":
        return Applicants(self.columns[rows], self.defaulted[rows])

    @property
    def use(self) -> Floats:
        """The share of their limit that they use, at most `MOST_USE`."""
        limit = np.maximum(self._x(1), 1.0)
        return np.asarray(np.clip(self._x(12) / limit, 0.0, MOST_USE))

    @property
    def approval(self) -> Floats:
        """How likely the lender approves them, should they apply."""
        late = np.clip(np.max([self._x(number) for number in (6, 7, 8)], axis=0), 0.0, MOST_LATE)
        limit = np.log10(np.maximum(self._x(1), 1.0)) - 5.0
        odds = APPROVAL_BASE + APPROVAL_LATE * late + APPROVAL_USE * self.use + APPROVAL_LIMIT * limit
        return np.asarray(1.0 / (1.0 + np.exp(-odds)))

    def _x(self, number: int) -> Floats:
        return self.columns[:, number - 1]


def read_applicants(path: Path) -> Applicants:
    """Raises `Refused` naming line and column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            missing = [name for name in (*COLUMNS, TARGET) if name not in header]
            if missing:
                raise Refused([Problem(f"{path}, header", ",".join(header), f"it must have the column {missing[0]!r}")])
            places = [header.index(name) for name in (*COLUMNS, TARGET)]
            rows = [_row(path, number, line, places) for number, line in enumerate(lines, 2) if line]
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    except UnicodeDecodeError:
        raise Refused([Problem(str(path), "bytes that are no UTF-8", "it must be a text file")]) from None
    if len(rows) < LEAST:
        raise Refused([Problem(str(path), len(rows), f"it must have at least {LEAST} people")])
    table = np.array(rows, dtype=np.float64)
    defaulted = table[:, -1] == 1
    if not 0 < defaulted.mean() < 1:
        raise Refused([Problem(f"{path}, {TARGET}", int(defaulted[0]), "both outcomes must be among them")])
    return Applicants(table[:, :-1], defaulted)


def _row(path: Path, number: int, line: Sequence[str], places: Sequence[int]) -> list[float]:
    found = []
    for name, place in zip((*COLUMNS, TARGET), places, strict=True):
        text = line[place] if place < len(line) else ""
        allowed = "it must be 0 or 1" if name == TARGET else "it must be a number"
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value) or (name == TARGET and value not in (0, 1)):
            raise Refused([Problem(f"{path}, line {number}, {name}", text, allowed)])
        found.append(value)
    return found


def halves(applicants: Applicants) -> tuple[Applicants, Applicants]:
    """Two halves without a row in common, drawn once and for all."""
    order = np.random.default_rng(len(applicants)).permutation(len(applicants))
    cut = len(order) // 2
    return applicants.take(np.sort(order[:cut])), applicants.take(np.sort(order[cut:]))


def write_applicants(
    path: Path, applicants: Applicants, target: str = "", labels: NDArray[np.bool_] | None = None
) -> None:
    """A table for `outbid credit`: X1 to X23, and a column of labels if there are any."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow((*COLUMNS, target) if target else COLUMNS)
        for place, row in enumerate(applicants.columns.tolist()):
            values = [format(value, ".15g") for value in row]
            out.writerow((*values, int(labels[place])) if labels is not None else values)
