"""Why a score is not higher: what each characteristic, or family of columns, costs an applicant, in points.

Of the scorecard: the points of the applicant's bin below those of the characteristic's best bin. Of the trees: the
points that are gained if the columns were as they usually are, all else the same; what only helps is no reason.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from credit.binning import Bins
from credit.columns import Floats, Schema

MOST = 4
"""Reasons that are given."""
LEAST_POINTS = 1.0


class Reason(NamedTuple):
    """One of the reasons why a score is not higher."""

    code: str
    """The characteristic's name, or the first column and the last one's number of a family."""
    points: float
    """That it costs."""
    text: str


def picked(costs: Mapping[str, float], texts: Mapping[str, str]) -> tuple[Reason, ...]:
    """The dearest ones."""
    dearest = sorted(costs.items(), key=lambda each: (-each[1], each[0]))[:MOST]
    return tuple(
        Reason(name, round(float(points), 1), texts.get(name, name))
        for name, points in dearest
        if points >= LEAST_POINTS
    )


def bin_text(name: str, bins: Bins, place: int, levels: tuple[str, ...]) -> str:
    """``LIMIT_BAL over 20000 up to 50000``."""
    if place == len(bins.woe) - 1:
        return f"{name} is not known"
    if bins.kind == "number":
        low = f" over {bins.edges[place - 1]:.6g}" if place else ""
        high = f" up to {bins.edges[place]:.6g}" if place < len(bins.edges) else ""
        return f"{name}{low}{high}" if low or high else f"{name} is known"
    if bins.kind == "code":
        codes = [f"{code:g}" for code, at in zip(bins.edges, bins.places, strict=False) if at == place]
        return f"{name} is {', '.join(codes[:5]) or 'another'}"
    own = [levels[n] for n, at in enumerate(bins.places[:-1]) if at == place]
    return f"{name} is {', '.join(own[:5]) or 'another'}" + (" …" if len(own) > 5 else "")


def column_groups(schema: Schema, families: tuple[tuple[str, ...], ...]) -> dict[str, tuple[str, ...]]:
    """Columns that are taken together, by the name they have as a reason."""
    in_family = {name: members for members in families for name in members}
    made: dict[str, tuple[str, ...]] = {}
    for plan in schema.plans:
        members = in_family.get(plan.name, (plan.name,))
        number = "".join(filter(str.isdigit, members[-1].rpartition("_")[2])) if len(members) > 1 else ""
        made[f"{members[0]}..{number}" if number else members[0]] = members
    return made


def usual(values: Floats) -> float:
    """The median of what there is."""
    there = values[~np.isnan(values)]
    return float(np.quantile(there, 0.5, method="lower")) if len(there) else float("nan")
