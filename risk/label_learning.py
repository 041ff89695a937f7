"""Scores learnt, or calibrated, from subjects whose outcome is known.

A score of a probability learns the shares of its facts and is calibrated on folds that these were not learnt from. An
index keeps its points, and gets the probability that each sum of points had.
"""

from collections.abc import Callable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from domain.errors import Problem, Refused
from prediction import calibration
from prediction.metrics import Metrics, measure
from prediction.rows import folds
from risk.cards import MOST, Card, Curve
from risk.fitting import STRENGTHS, Design, Floats, design, fit, merged, steps_of, strengths
from risk.inputs import FACTS
from risk.labelled_rows import LabelledRows
from risk.published import published

FOLDS = 5
LEAST_OF_EACH = 50
"""Rows of either outcome."""


class Trained(Struct, frozen=True):
    """A card, and what its probabilities are worth on rows that it was not learnt from."""

    card: Card
    metrics: Metrics
    method: str
    """Of the calibration: none, platt or isotonic."""


def learn_from_labels(
    rows: LabelledRows,
    name: str,
    version: int,
    *,
    source: str = "labels",
    seed: int = 1,
    progress: Callable[[float], None] = lambda share: None,
) -> Trained:
    """The published card of any score, learnt and calibrated. Raises Refused for too few rows of an outcome."""
    came = int(rows.label.sum())
    if min(came, len(rows.label) - came) < LEAST_OF_EACH:
        allowed = f"there must be {LEAST_OF_EACH} of either outcome"
        raise Refused([Problem("FILE", f"{came} of {len(rows.label)} with the outcome", allowed)])
    card = published(name).card()
    part = folds(len(rows.label), FOLDS, seed)
    if card.kind == "points":
        made, z = card, _log_odds(card, rows.facts)
    else:
        with threadpool_limits(1, "blas"):  # matrices are so small that threads would only wait for each other
            made, z = _learnt(card, rows, part, progress)
    told = np.empty(len(z))
    for number in range(FOLDS):  # judged by a calibration that has not seen the row
        rest = part != number
        tried = calibration.fit(rows.label[rest], expit(z[rest]), seed=seed)
        told[~rest] = tried.scores(expit(z[~rest]), {})
    metrics = measure(rows.label, told, seed=seed)
    fitted = calibration.fit(rows.label, expit(z), seed=seed)
    learned: dict[str, str | int | float] = {
        "source": source,
        "rows": len(rows.label),
        "with_outcome": came,
        "auc": round(metrics.auc, 4),
        "ece": round(metrics.ece, 4),
        "calibration": fitted.method,
    }
    x, y, below, above = fitted.curve
    curve = Curve(tuple(map(float, x)), tuple(map(float, y)), float(below), float(above))
    final = Card(version, made.kind, made.facts, made.base, curve, learned)
    return Trained(final, metrics, fitted.method)


def _learnt(
    card: Card, rows: LabelledRows, part: NDArray[np.int64], progress: Callable[[float], None]
) -> tuple[Card, Floats]:
    """A card with the shares that the rows tell, and the log odds of each row by one that had not seen it."""
    names = [name for name in card.facts if not np.isnan(rows.facts[:, _PLACES[name]]).all()]
    if not names:
        allowed = f"facts of the score must be known; these are {', '.join(card.facts)}"
        raise Refused([Problem("FILE", "no fact of the score", allowed)])
    values = rows.facts[:, [_PLACES[name] for name in names]]
    made = design(names, {name: bool(card.facts[name].rising) for name in names}, values)
    kept = -sum(np.log1p(-steps.missing) for name, steps in card.facts.items() if name not in names)
    tried = []
    for number, penalty in enumerate(STRENGTHS):
        strength = np.empty(len(rows.label))
        for fold in range(FOLDS):
            rest = part != fold
            parameters, leak = _fit(made.take(rest), rows.label[rest], penalty)
            strength[~rest] = strengths(made.take(~rest), parameters) + leak
            progress((number * FOLDS + fold + 1) / (len(STRENGTHS) * FOLDS + 1))
        tried.append((_loss(strength, rows.label), penalty, strength))
    _, penalty, strength = min(tried, key=lambda one: one[0])
    parameters, leak = _fit(made, rows.label, penalty)
    learnt = steps_of(made.columns, parameters)
    facts = dict(card.facts)
    for place, name in enumerate(names):
        reach = float(np.nanmin(values[:, place])), float(np.nanmax(values[:, place]))
        steps = merged(learnt.get(name), facts.pop(name), *reach)
        if steps is not None:
            facts[name] = steps
    base = float(np.clip(-np.expm1(-leak), 1e-4, 0.99))
    if not facts:
        raise Refused([Problem("FILE", "no fact", "a fact at least must tell the outcomes apart")])
    return Card(card.version, card.kind, facts, base), np.log(np.expm1(strength + kept))


def _fit(given: Design, label: Floats, penalty: float) -> tuple[Floats, float]:
    came, not_came = given.total(label), given.total(1 - label)

    def loss(strength: Floats) -> tuple[float, Floats]:
        p = -np.expm1(-strength)
        return float((not_came * strength - came * np.log(p)).sum()), not_came - came * (1 - p) / p

    return fit(given, loss, penalty, leak=True)


def _loss(strength: Floats, label: Floats) -> float:
    return float(((1 - label) * strength - label * np.log(-np.expm1(-strength))).sum())


def _log_odds(card: Card, facts: NDArray[np.float32]) -> Floats:
    """Of an index's points, row by row."""
    total = np.zeros(len(facts))
    for name, steps in card.facts.items():
        values = facts[:, _PLACES[name]]
        starts = np.array([start for start, _ in steps.steps], np.float32)
        amounts = np.array([*(much for _, much in steps.steps), steps.missing])
        place = np.searchsorted(starts, values, side="right") - 1
        total += amounts[np.where(np.isnan(values), len(starts), place)]
    return np.log((total + 1) / (MOST + 1 - total))


_PLACES = {name: place for place, name in enumerate(FACTS)}
