"""Is a model good enough to be put in service? It is judged on rows that it has not seen, beside the one that is."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.errors import Refused
from prediction.artefact import Damaged, describe, load_model
from prediction.comparison import paired
from prediction.held_out import FILE, read
from prediction.metrics import measure
from prediction.registry import Registry
from prediction.rows import Rows
from prediction.scorer import Scorer

MOST_OFF = 0.1
"""By how much, of itself, a rate may be told wrongly: bids are off by as much."""
FEWEST = 20
"""Rows of either label, with fewer of which nothing can be said."""


@dataclass
class Verdict:
    """What was found; ``against``: why the model should not be put in service, each with its figures."""

    figures: dict[str, float] = field(default_factory=dict)
    against: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What could not be looked at, and why."""
    usable: bool = True
    """It is whole; else nobody can put it in service."""

    @property
    def allowed(self) -> bool:
        return not self.against


def judge(registry: Registry, target: str, version: int, seed: int = 0) -> Verdict:
    """Of a version that there is, else raises Refused. It is turned down if it cannot be used, if its probabilities are
    off by more than `MOST_OFF`, or if its log loss is above the live one's on the same rows, the newest that were held
    out from it, beyond what chance explains (95 % of paired bootstrap samples).
    """
    found, path = Verdict(), registry.require(target, version)
    try:
        model = load_model(path)
    except (Damaged, OSError) as error:
        found.against.append(str(error))
        found.usable = False
        return found
    try:
        rows = read(path)
    except Damaged as error:
        found.against.append(str(error))
        return found
    if not isinstance(model, Scorer):
        found.notes.append("it gives no probabilities, so it can be used, and nothing was compared")
        return found
    if rows is None:
        found.against.append(f"it has no {FILE}: there are no rows to judge it by")
        return found
    if wrong := _unfit(rows, model):
        found.against.append(wrong)
        return found
    scores = model.scores(rows.values)
    try:
        told = measure(rows.label, scores, rows.weight, seed=seed)
    except Refused as error:
        found.against.append(f"its held-out rows say nothing: {error}")
        return found
    found.figures |= {
        "rows": told.rows, "base_rate": told.base_rate, "auc": told.auc, "logloss": told.logloss,
        "normalised_entropy": told.normalised_entropy, "ece": told.ece, "ece_null": told.ece_null, "bias": told.bias,
    }  # fmt: skip
    low, high = told.intervals["bias"]
    if low > 1 + MOST_OFF or high < 1 - MOST_OFF:
        found.against.append(
            f"miscalibrated: it promises {told.bias:.3f} times what comes ({low:.3f} to {high:.3f} in 95 of 100 "
            f"samples); within {1 - MOST_OFF:.1f} and {1 + MOST_OFF:.1f} is allowed"
        )
    if told.ece > told.ece_null and told.ece > MOST_OFF * told.base_rate:
        found.against.append(
            f"miscalibrated: its calibration error is {told.ece:.6f}; {MOST_OFF * told.base_rate:.6f} is allowed, a "
            f"tenth of the rate of {told.base_rate:.6f}, and chance explains {told.ece_null:.6f}"
        )
    _compare(found, registry, target, version, rows, scores, seed)
    return found


def _compare(
    found: Verdict, registry: Registry, target: str, version: int, rows: Rows, scores: NDArray[np.float64], seed: int
) -> None:
    live = registry.pointers().live.get(target)
    if live is None or live == version:
        found.notes.append("there is no live model to compare it with" if live is None else "it is live already")
        return
    path = registry.path(target, live)
    if why := _incomparable(path, registry.path(target, version)):
        found.notes.append(f"it cannot be compared with version {live}: {why}")
        return
    theirs = load_model(path).scores(rows.values)
    difference = paired(rows.label, scores, theirs, rows.weight, seed=seed)
    loss = difference["logloss"]
    found.figures |= {"live_version": live, "logloss_difference": loss.value, "auc_difference": difference["auc"].value}
    if loss.low > 0:
        found.against.append(
            f"worse than version {live}: on the same {len(rows)} rows its log loss is {loss.value:.6f} higher "
            f"({loss.low:.6f} to {loss.high:.6f} in 95 of 100 samples), AUC {difference['auc'].value:+.4f}"
        )


def _incomparable(live: Path, candidate: Path) -> str:
    """Empty: both can score the same rows."""
    try:
        if describe(live).feature_set != describe(candidate).feature_set:
            return "it takes other features"
        return "" if isinstance(load_model(live), Scorer) else "it gives no probabilities"
    except (Damaged, OSError) as error:
        return str(error)


def _unfit(rows: Rows, model: Scorer) -> str:
    width = model.n_shared + model.n_own
    if rows.values.shape[1] != width:
        return f"its {FILE} has rows of {rows.values.shape[1]} values, and it takes {width}"
    positives = float(rows.label.sum())
    if positives < FEWEST or len(rows) - positives < FEWEST:
        return f"its {FILE} has {positives:g} positive rows of {len(rows)}; {FEWEST} of either kind are needed"
    return ""
