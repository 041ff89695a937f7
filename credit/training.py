"""A credit model from a table of applicants whose outcome is known.

Scorecard and trees are judged on folds: each row by models that have not learnt from it, calibrated by a curve of other
rows. The models that are kept learn from all rows; how many trees, and the calibration, come from the folds.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from credit import approval, challenger, features, scorecard, stability
from credit.approval import Approval
from credit.artefact import BOOSTED, SCORECARD, Facts, Whole
from credit.challenger import TreeSettings
from credit.columns import Asked, Floats, Schema, schema
from credit.features import Recipe
from credit.giveaways import giveaways
from credit.memory import keys, memory
from credit.model import CreditModel, Values
from credit.points import Scale
from credit.reasons import usual
from credit.table import Table
from credit.target import read_outcome
from domain.errors import Problem, Refused
from prediction import calibration
from prediction.curve import SAME, Curve, loss, platt
from prediction.metrics import Metrics, measure

FOLDS = 5
LEAST_ROWS = 100
MARGIN = 0.5
"""Of a standard error: so much better must the trees' log loss be to be served instead of the scorecard."""


class Settings(Struct, frozen=True):
    """How it is learnt."""

    target: str
    bad: tuple[str, ...] = ()
    asked: Asked = Asked()
    scale: Scale = Scale()
    serve: str = "best"
    """``boosted``, ``scorecard``, or that of the lower log loss out of fold."""
    seed: int = 1


class Judged(Struct, frozen=True, eq=False):
    """A model's log odds of each row, from folds that do not have the row, calibrated; and what they are worth."""

    log_odds: Floats
    metrics: Metrics
    by_fold: tuple[float, ...]
    """AUC."""


class Trained(Struct, frozen=True, eq=False):
    """The model, and what its card is made of."""

    model: Whole
    table: Table
    """Only rows with an outcome that is known."""
    label: Floats
    weight: Floats
    boosted: Judged
    scorecard: Judged
    settings: TreeSettings
    calibration: str
    left_rows: int
    suspects: tuple[tuple[str, float], ...]
    """Columns that all but tell the outcome, with their AUC."""

    @property
    def served(self) -> Judged:
        return self.scorecard if self.model.facts.served == SCORECARD else self.boosted


def train(
    table: Table,
    settings: Settings,
    *,
    source: str,
    now_ns: int,
    weight: Floats | None = None,
    inferred: NDArray[np.bool_] | None = None,
    known_approval: Approval | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Trained:
    """The model. ``weight`` of the rows, if they are not all alike; ``inferred``: rows whose outcome is assumed, by
    which nothing is judged; ``known_approval``, if it rests on outcomes.

    Raises:
        Refused: The target or a column is none, or there are too few rows.
    """
    with threadpool_limits(1):  # bidders on the same machine have the others
        return _train(table, settings, source, now_ns, weight, inferred, known_approval, progress)


def _train(
    table: Table,
    settings: Settings,
    source: str,
    now_ns: int,
    weight: Floats | None,
    inferred: NDArray[np.bool_] | None,
    known_approval: Approval | None,
    progress: Callable[[float], None],
) -> Trained:
    if settings.target not in table.columns:
        schema(table, settings.target)  # says which there are
    outcome = read_outcome(settings.target, table.columns[settings.target], settings.bad)
    marks = outcome.labels(table.columns[settings.target])
    known = ~np.isnan(marks)
    whole, label = table.picked(known), marks[known]
    w = np.ones(len(label)) if weight is None else weight[known]
    if len(label) < LEAST_ROWS:
        raise Refused([Problem("FILE", len(label), f"at least {LEAST_ROWS} rows with an outcome")])
    seen = np.ones(len(label), np.bool_) if inferred is None else ~inferred[known]
    plans = schema(whole, settings.target, settings.asked)
    work = _Work(plans, whole, label, w, settings.seed)
    fold = folds(label, settings.seed)
    trees, staged, card_odds = _tried(work, fold, progress)
    count, odds = staged
    boosted_z, curve, method = _calibrated(odds, label, w, fold, settings.seed)
    card_z, line = _straightened(card_odds, label, w, fold)
    boosted, card = (_judged(z, label, w, fold, seen) for z in (boosted_z, card_z))
    recipe, values = work.prepared(slice(None))
    kept_card = scorecard.fit(values, work.levels, label, w).moved(
        line.below, float(line.y[0] - line.below * line.x[0])
    )
    grown = challenger.grow(values, work.levels, label, w, trees, trees=count, seed=settings.seed)
    progress(1.0)
    served = _served(settings.serve, boosted_z[seen], card_z[seen], label[seen], w[seen])
    points = settings.scale.points(card_z if served == SCORECARD else boosted_z)[seen]
    facts = Facts(
        version=now_ns // 10**9,
        created_ns=now_ns,
        source=source,
        rows=int(seen.sum()),
        bad=float(label[seen].sum()),
        schema=plans,
        outcome=outcome,
        recipe=recipe,
        families=tuple(features.families(work.numbers)),
        scale=settings.scale,
        served=served,
        scorecard=kept_card,
        spread=stability.spread(points),
        approval=known_approval or approval.assumed(points),
        metrics={BOOSTED: figures(boosted.metrics), SCORECARD: figures(card.metrics)},
        usual=_usual(work.columns, plans),
    )
    return Trained(
        Whole(
            facts,
            grown.challenger,
            curve,
            memory(keys(plans, work.columns, label)[seen], boosted_z[seen], card_z[seen]),
        ),
        whole.picked(seen),
        label[seen],
        w[seen],
        boosted,
        card,
        trees,
        method,
        table.rows - len(label),
        giveaways(work.numbers, work.codes, work.levels, label, w),
    )


def figures(metrics: Metrics) -> dict[str, float]:
    """Those of a model that are kept."""
    return {name: float(getattr(metrics, name)) for name in ("rows", "auc", "ks", "ece", "logloss", "base_rate")}


def folds(label: Floats, seed: int) -> NDArray[np.int64]:
    """Of each row; either outcome is spread evenly."""
    rng, fold = np.random.default_rng(seed), np.empty(len(label), np.int64)
    for mark in (0.0, 1.0):
        rows = np.flatnonzero(label == mark)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % FOLDS
    return fold


class _Work:
    """The table as numbers and codes, and what is made of some of its rows."""

    def __init__(self, plans: Schema, table: Table, label: Floats, weight: Floats, seed: int) -> None:
        self.label, self.weight, self.seed = label, weight, seed
        self.numbers = features.numbers_of(plans, table)
        self.codes = {p.name: p.codes(table.columns[p.name]) for p in plans.plans if p.kind == "category"}
        self.levels = {p.name: len(p.levels) for p in plans.plans if p.kind == "category"}

    @property
    def columns(self) -> Values:
        return {**self.numbers, **self.codes}

    def prepared(self, rows: Any) -> tuple[Recipe, Values]:
        """The recipe found in some rows, and all rows' features by it."""
        found = features.recipe(
            {name: column[rows] for name, column in self.numbers.items()}, self.label[rows], self.weight[rows]
        )
        return found, {**found.apply(self.numbers), **self.codes}


def _picked(values: Values, rows: NDArray[np.bool_]) -> Values:
    return {name: column[rows] for name, column in values.items()}


def _tried(
    work: _Work, fold: NDArray[np.int64], progress: Callable[[float], None]
) -> tuple[TreeSettings, tuple[int, Floats], Floats]:
    """The best settings of trees, with how many trees and each row's log odds out of fold; and the scorecard's."""
    offered = challenger.candidates(len(work.label))
    stages = [np.empty((each.trees // challenger.STEP, len(work.label)), np.float32) for each in offered]
    card_odds = np.empty(len(work.label))
    steps = FOLDS * (len(offered) + 1) + 2
    for number in range(FOLDS):
        rest, tested = fold != number, fold == number
        _, values = work.prepared(rest)
        learnt, held = _picked(values, rest), _picked(values, tested)
        label, weight = work.label[rest], work.weight[rest]
        card_odds[tested] = scorecard.fit(learnt, work.levels, label, weight).log_odds(held)
        progress((number * (len(offered) + 1) + 1) / steps)
        for at, each in enumerate(offered):
            grown = challenger.grow(learnt, work.levels, label, weight, each, held_out=held, seed=work.seed + number)
            assert grown.staged is not None
            stages[at][:, tested] = grown.staged
            progress((number * (len(offered) + 1) + at + 2) / steps)
    best: tuple[float, int, int] | None = None
    for at, made in enumerate(stages):
        means = np.array([float((loss(row.astype(np.float64), work.label) * work.weight).mean()) for row in made])
        found = int(np.argmin(means))
        if best is None or means[found] < best[0]:
            best = float(means[found]), at, found
    assert best is not None
    _, at, count = best
    return offered[at], ((count + 1) * challenger.STEP, stages[at][count].astype(np.float64)), card_odds


def _calibrated(
    z: Floats, label: Floats, weight: Floats, fold: NDArray[np.int64], seed: int
) -> tuple[Floats, Curve, str]:
    """Log odds that each fold's rows have by a curve of the other folds'; the curve of all; its method."""
    found = calibration.fit(label, expit(z), weight, seed=seed)
    made = np.empty(len(z))
    for number in range(FOLDS):
        rest = fold != number
        own = calibration.fit(label[rest], expit(z[rest]), weight[rest], method=found.method, seed=seed)
        made[~rest] = own.curve(z[~rest])
    return made, found.curve if found.method != "none" else SAME, found.method


def _straightened(z: Floats, label: Floats, weight: Floats, fold: NDArray[np.int64]) -> tuple[Floats, Curve]:
    """As `_calibrated`, by a straight line: points of a scorecard still add up."""
    made = np.empty(len(z))
    for number in range(FOLDS):
        rest = fold != number
        made[~rest] = platt(z[rest], label[rest], weight[rest])(z[~rest])
    return made, platt(z, label, weight)


def _judged(z: Floats, label: Floats, weight: Floats, fold: NDArray[np.int64], seen: NDArray[np.bool_]) -> Judged:
    z, label, weight, fold = z[seen], label[seen], weight[seen], fold[seen]
    pd = expit(z)
    each = tuple(
        measure(label[fold == number], pd[fold == number], weight[fold == number], resamples=0).auc
        for number in range(FOLDS)
    )
    return Judged(z, measure(label, pd, weight), each)


def _served(asked: str, boosted: Floats, card: Floats, label: Floats, weight: Floats) -> str:
    if asked != "best":
        return asked
    gain = (loss(card, label) - loss(boosted, label)) * weight
    return BOOSTED if gain.mean() > MARGIN * gain.std() / np.sqrt(len(gain)) else SCORECARD


def _usual(columns: Values, plans: Schema) -> dict[str, float | str | None]:
    made: dict[str, float | str | None] = {}
    for plan in plans.plans:
        if plan.kind == "category":
            made[plan.name] = plan.usual if plan.missing < 0.5 else None
        else:
            value = usual(columns[plan.name])
            made[plan.name] = None if np.isnan(value) or plan.missing >= 0.5 else value
    return made


def in_service(trained: Trained) -> CreditModel:
    """The model, ready to score."""
    return CreditModel(trained.model)
