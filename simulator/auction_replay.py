"""Recorded auctions of one campaign: whether the impression was clicked, its market price and its predicted click rate.

The market price is the highest of all others: who bids as much or more wins. A second-price auction costs the market
price, a first-price auction what was bid.
"""

from dataclasses import dataclass
from math import ceil, inf, nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused

Floats = NDArray[np.float64]

QUANTUM = 2.0**-20
"""Prices are whole numbers of it, rounded down, so that sums of them are exact and a budget is kept to the last bit."""

ALLOWED = {
    "click": "it must be 0 or 1",
    "market price": "it must be a number, 0 or above",
    "pCTR": "it must be a number from 0 to 1",
}


@dataclass(frozen=True, eq=False)
class Auctions:
    """In the order of time; an array element an auction. Prices in the recording's own unit, an impression."""

    click: Floats
    """0 or 1."""
    market: Floats
    pctr: Floats

    def __len__(self) -> int:
        return len(self.click)

    def part(self, begin: int, end: int) -> "Auctions":
        return Auctions(self.click[begin:end], self.market[begin:end], self.pctr[begin:end])

    def split(self, fraction: float) -> "tuple[Auctions, Auctions]":
        """The past to learn from and the rest."""
        cut = ceil(fraction * len(self))
        return self.part(0, cut), self.part(cut, len(self))


def read_auctions(path: Path) -> Auctions:
    """Lines of click, market price and pCTR, parted by blanks, tabs or commas; empty lines and those that begin with #
    are passed over. Raises `Refused` naming line and field."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Refused([Problem(str(path), error.strerror, "it must be a file that can be read")]) from None
    except UnicodeDecodeError:
        raise Refused([Problem(str(path), "bytes that are no UTF-8", "it must be a text file")]) from None
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            rows.append(_row(f"{path}, line {number}", line))
    if not rows:
        raise Refused([Problem(str(path), "", "it must have a line an auction: click, market price, pCTR")])
    click, market, pctr = np.array(rows, dtype=np.float64).T.copy()
    return Auctions(click, in_quanta(market), pctr)


def in_quanta(prices: Floats) -> Floats:
    return np.asarray(np.floor(prices / QUANTUM) * QUANTUM)


def _row(where: str, line: str) -> list[float]:
    fields = line.replace(",", " ").split()
    if len(fields) != len(ALLOWED):
        raise Refused([Problem(where, line, "it must have three fields: click, market price, pCTR")])
    found = []
    for (name, allowed), text in zip(ALLOWED.items(), fields, strict=True):
        try:
            value = float(text)
        except ValueError:
            value = nan
        right = {"click": value in (0, 1), "market price": 0 <= value < inf, "pCTR": 0 <= value <= 1}
        if not right[name]:
            raise Refused([Problem(f"{where}, {name}", text, allowed)])
        found.append(value)
    return found
