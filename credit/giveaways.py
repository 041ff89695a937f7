"""Columns that all but tell the outcome: most likely they were written after it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from credit import challenger
from credit.columns import Floats
from prediction.metrics import auc

GIVES_AWAY = 0.985
"""AUC of a single column from which it is taken to be the outcome told otherwise."""


def giveaways(
    numbers: Mapping[str, Floats], codes: Mapping[str, Any], levels: Mapping[str, int], label: Floats, weight: Floats
) -> tuple[tuple[str, float], ...]:
    """Columns that order the rows nearly as the outcome does, with their AUC."""
    found = [(name, _alone(values, label)) for name, values in numbers.items()]
    for name, column in codes.items():
        found.append((name, _alone(challenger.encoding(column, levels[name], label, weight).of(column), label)))
    return tuple(sorted(((name, area) for name, area in found if area >= GIVES_AWAY), key=lambda each: -each[1]))


def _alone(values: Floats, label: Floats) -> float:
    """AUC of a column in whichever direction, where it is missing a half."""
    there = ~np.isnan(values)
    if not 0 < label[there].sum() < there.sum():
        return 0.5
    _, rank = np.unique(values[there], return_inverse=True)
    area = auc(label[there], rank / max(int(rank.max()), 1))
    return float(max(area, 1 - area) * there.mean() + 0.5 * (1 - there.mean()))
