"""Labelled scores in order: the form in which ranking metrics, losses and their bootstrap are sums over few groups.

Rows of equal score are one group, so ties count half as they should. Where there are more distinct scores than
`GROUPS`, neighbours are put together by equal mass, which is what keeps a bootstrap of millions of rows to seconds.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domain.errors import Problem, Refused

Floats = NDArray[np.float64]

GROUPS = 65_536
"""Within a group of 1/65,536 of the rows order is given up: an AUC moves by less than 1e-9."""
TINY = float(np.finfo(np.float64).eps)
"""Probabilities are taken to be within [TINY, 1 - TINY] where their logarithm is needed, as scikit-learn does."""


class Scored(NamedTuple):
    """Labels in [0, 1] (a fraction is a label that is not certain yet), probabilities in [0, 1], weights above 0."""

    label: Floats
    score: Floats
    weight: Floats


class Groups(NamedTuple):
    """Sums over the rows of each group, ascending by score."""

    score: Floats
    """Mean score, by weight."""
    positive: Floats
    negative: Floats
    """Mass of either label."""
    positive_rows: Floats
    negative_rows: Floats
    """How many equally weighted rows would tell as much: (Σw)² / Σw². The bootstrap draws so many."""
    positive_loss: Floats
    negative_loss: Floats
    """Sums of -log p and of -log(1 - p)."""


def checked(label: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> Scored:
    """Arrays of one length, with the bad row named where there is one.

    Raises:
        Refused: Lengths differ, a label or a score is outside [0, 1] or not a number, a weight is not above 0, or
            there is no row.
    """
    y = np.ascontiguousarray(label, dtype=np.float64)
    p = np.ascontiguousarray(score, dtype=np.float64)
    w = np.ones_like(p) if weight is None else np.ascontiguousarray(weight, dtype=np.float64)
    if y.ndim != 1 or y.shape != p.shape or w.shape != p.shape or not len(p):
        shapes = (y.shape, p.shape, w.shape)
        raise Refused([Problem("label, score, weight", shapes, "three arrays of one dimension and length, at least 1")])
    for name, values, good, allowed in (
        ("label", y, (y >= 0) & (y <= 1), "0 to 1"),
        ("score", p, (p >= 0) & (p <= 1), "a probability, 0 to 1"),
        ("weight", w, (w > 0) & np.isfinite(w), "a finite number above 0"),
    ):
        if not good.all():
            row = int(np.argmin(good))
            raise Refused([Problem(f"{name}[{row}]", float(values[row]), allowed)])
    return Scored(y, p, w)


def grouped(rows: Scored, most: int = GROUPS) -> Groups:
    """The rows in order of score, tied ones together, and at most ``most`` groups."""
    order = np.argsort(rows.score, kind="stable")
    score, weight = rows.score[order], rows.weight[order]
    mass_positive = weight * rows.label[order]
    mass_negative = weight - mass_positive
    starts = tie_starts(score)
    if len(starts) > most:
        below = np.concatenate(([0.0], np.cumsum(weight)[:-1]))[starts]
        slot = np.minimum((below / weight.sum() * most).astype(np.int64), most - 1)
        starts = starts[np.concatenate(([True], slot[1:] != slot[:-1]))]
    clipped = np.clip(score, TINY, 1 - TINY)

    def total(values: Floats) -> Floats:
        return np.add.reduceat(values, starts)

    positive, negative = total(mass_positive), total(mass_negative)
    return Groups(
        total(score * weight) / (positive + negative),
        positive,
        negative,
        _effective(positive, total(mass_positive**2)),
        _effective(negative, total(mass_negative**2)),
        total(mass_positive * -np.log(clipped)),
        total(mass_negative * -np.log1p(-clipped)),
    )


def tie_starts(ordered: Floats) -> NDArray[np.int64]:
    """Where in ordered scores each run of equal ones begins."""
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))


def _effective(mass: Floats, squares: Floats) -> Floats:
    return np.divide(mass**2, squares, out=np.zeros_like(mass), where=squares > 0)
