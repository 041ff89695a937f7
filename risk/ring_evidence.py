"""What installs say of a ranking of rings: do the clicks of those ranked high lead to fewer installs, and how surely?

Installs are counted against what would be expected: once by the rate of all clicks, once by the rate of each click's
app, since apps differ in their rates a hundredfold (indirect standardisation; an app's rate has the ring's own clicks
in it, which draws the ratio towards 1). Intervals hold 95 %: exact ones of a Poisson count for ratios, Wilson's for
shares of rings, and for the area under the curve those of a bootstrap of whole rings, since clicks of one ring are not
independent.
"""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import gammaincinv

from prediction.reliability import wilson
from risk.click_log import Clicks
from risk.click_rings import ClickRing, ring_codes

CUTS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Shares of the rings, from the top."""
RESAMPLES = 400
LEAST_INSTALLS = 10
"""With fewer, no area is told: a bootstrap of a handful of installs believes itself too much."""
LATE_S = 3_600
"""A click that brings an install on brings it within minutes; one that was spread blindly is credited with whatever
comes, whenever it comes."""
Floats = NDArray[np.float64]


class Ratio(Struct, frozen=True):
    """Installs over those expected, with its interval."""

    installs: int
    expected: float
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.installs / self.expected if self.expected else float("nan")


class Depth(Struct, frozen=True):
    """The rings from the top down to some rank."""

    rings: int
    clicks: int
    by_all: Ratio
    by_app: Ratio
    empty: int
    """Rings without an install: what a ring is meant to be."""
    empty_low: float
    empty_high: float
    """Interval of their share."""
    empty_expected: float
    """Their share if installs came by chance at the rate of all clicks."""
    late: int
    """Installs that came later than `LATE_S`."""


class Evidence(Struct, frozen=True):
    """A ranking against installs."""

    rings: int
    clicks: int
    installs: int
    rest: Ratio
    """Of the clicks of no ring, by the rate of all."""
    rest_by_app: Ratio
    depths: tuple[Depth, ...]
    area: float
    """The chance that of a click with and one without an install the latter is of the ring ranked higher (a click of no
    ring ranks last, ties count half): 0.5 if the ranking says nothing of installs, above it if rings install less."""
    area_low: float
    area_high: float
    area_inside: float
    """The same among clicks of rings only: is the order of rings worth something, or only that they are rings?"""
    area_inside_low: float
    area_inside_high: float
    delay_h: float
    """Median from click to install in rings, and elsewhere; NaN if there is none."""
    delay_elsewhere_h: float


def ratio(installs: int, expected: float) -> Ratio:
    """With the exact interval of a Poisson mean (Garwood 1936)."""
    if not expected > 0:
        return Ratio(installs, 0.0, float("nan"), float("nan"))
    low = float(gammaincinv(installs, 0.025)) if installs else 0.0
    return Ratio(installs, expected, low / expected, float(gammaincinv(installs + 1, 0.975)) / expected)


def weigh(clicks: Clicks, rings: Sequence[ClickRing], seed: int = 1) -> Evidence:
    """Evidence on the very clicks in which rings were found; their ``rows`` are places in ``clicks``."""
    return _evidence(clicks, [(ring.rows, ring.bits) for ring in rings], rings, seed)


def weigh_later(later: Clicks, rings: Sequence[ClickRing], seed: int = 1) -> Evidence:
    """Evidence on clicks that came after those in which rings were found."""
    groups: list[tuple[NDArray[np.int64], float]] = []
    if rings:
        codes = ring_codes(later, rings[0].sort)
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        for ring in rings:
            start, end = np.searchsorted(ordered, [ring.code, ring.code + 1])
            groups.append((order[start:end], ring.bits))
    return _evidence(later, groups, rings, seed)


def timely(clicks: Clicks, ring: ClickRing) -> bool:
    """Did its clicks lead to an install within `LATE_S`? One whose time is not told counts as such."""
    delays = clicks.delay_s[ring.rows][clicks.installed[ring.rows]]
    return bool((~(delays > LATE_S)).any())


def rates(clicks: Clicks) -> Floats:
    """Of each click the install rate of its app."""
    of_app: Floats = np.bincount(clicks.app, weights=clicks.installed) / np.maximum(np.bincount(clicks.app), 1)
    return of_app[clicks.app]


def _evidence(
    clicks: Clicks, groups: Sequence[tuple[NDArray[np.int64], float]], rings: Sequence[ClickRing], seed: int
) -> Evidence:
    rate, overall = rates(clicks), float(clicks.installed.mean())
    rank = np.zeros(len(clicks))
    inside = np.zeros(len(clicks), np.bool_)
    groups = [group for group in groups if len(group[0])]
    for rows, bits in groups:
        rank[rows], inside[rows] = bits, True
    depths, sizes = [], sorted({max(1, round(cut * len(groups))) for cut in CUTS}) if groups else []
    for size in sizes:
        best = [rows for rows, _ in groups[:size]]
        together = np.concatenate(best)
        installs = int(clicks.installed[together].sum())
        empty = sum(not clicks.installed[rows].any() for rows in best)
        expected_empty = float(np.mean([np.exp(-overall * len(rows)) for rows in best]))
        depths.append(
            Depth(
                size,
                len(together),
                ratio(installs, overall * len(together)),
                ratio(installs, float(rate[together].sum())),
                empty,
                *wilson(empty / size, size),
                expected_empty,
                int((clicks.delay_s[together] > LATE_S).sum()),
            )
        )
    outside = ~inside
    rest = int(clicks.installed[outside].sum())
    sort = rings[0].sort if rings else "address"
    codes = ring_codes(clicks, sort)
    area = _area(rank, clicks.installed, codes, seed)
    area_inside = _area(rank[inside], clicks.installed[inside], codes[inside], seed)
    return Evidence(
        len(groups),
        int(inside.sum()),
        int(clicks.installed.sum()),
        ratio(rest, overall * int(outside.sum())),
        ratio(rest, float(rate[outside].sum())),
        tuple(depths),
        *area,
        *area_inside,
        _hours(clicks.delay_s[inside]),
        _hours(clicks.delay_s[outside]),
    )


def _area(
    rank: Floats, installed: NDArray[np.bool_], codes: NDArray[np.int64], seed: int
) -> tuple[float, float, float]:
    """The area and its interval; NaN with fewer installs than a bootstrap can go by."""
    if installed.sum() < LEAST_INSTALLS or installed.all():
        return float("nan"), float("nan"), float("nan")
    _, group = np.unique(codes, return_inverse=True)
    order = np.argsort(rank, kind="stable")
    starts = np.flatnonzero(np.diff(rank[order], prepend=-1.0))
    bought, of_group = installed[order], group[order]
    draw = np.random.default_rng(seed)

    def area(weight: Floats) -> float:
        yes = np.add.reduceat(np.where(bought, weight, 0.0), starts)
        no = np.add.reduceat(np.where(bought, 0.0, weight), starts)
        lower = np.cumsum(yes) - yes
        total = yes.sum() * no.sum()
        return float((no * (lower + yes / 2)).sum() / total) if total else float("nan")

    found = area(np.ones(len(rank)))
    number = int(group.max()) + 1
    drawn = np.array([area(draw.poisson(1.0, number).astype(np.float64)[of_group]) for _ in range(RESAMPLES)])
    drawn = drawn[~np.isnan(drawn)]  # a drawing may have had no install
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return found, low, high


def _hours(delays: Floats) -> float:
    known = delays[~np.isnan(delays)]
    return float(np.median(known)) / 3_600 if len(known) else float("nan")
