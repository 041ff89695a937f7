"""A model for service from rows in the order of time: learnt on the older ones, put right, and judged on the newest.

The newest rows are held out from everything, and are kept with the model: what it is promoted by. The others are cut
into stretches of time; each stretch is scored by a model that was learnt on the others, and the calibration is fitted
on those scores. The model itself learns from all of them.
"""

from collections.abc import Callable
from itertools import pairwise

import msgspec
import numpy as np

from domain.errors import Problem, Refused
from prediction import calibration, held_out
from prediction.artefact import Description, TrainedOn
from prediction.calibration import Calibration
from prediction.feature_set import FeatureSet
from prediction.fitting import blend
from prediction.fitting.blend import BlendSettings
from prediction.fitting.factorization import FactorizationSettings
from prediction.fitting.linear import LinearSettings
from prediction.fitting.trees import TreesSettings
from prediction.metrics import Metrics, measure
from prediction.rows import Rows, split_by_time
from prediction.scorer import Scorer

Learner = LinearSettings | FactorizationSettings | TreesSettings | BlendSettings
"""How a model of any type is learnt."""
LEARNERS: dict[str, Learner] = {
    "lr": LinearSettings(),
    "ffm": FactorizationSettings(),
    "trees": TreesSettings(),
    "blend": BlendSettings(),
}
"""By what the command line and the settings call them."""
LEAST_POSITIVES = 50
"""Of the rows that are learnt from, and in proportion of those held out: with fewer nothing can be learnt or judged."""

Progress = Callable[[str, float], None]
"""Is told what is being done, and which share of all is done."""


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is made."""

    learner: Learner = LinearSettings()
    held_out: float = 0.15
    """Share of the rows, the newest."""
    stretches: int = 3
    """Of the others, for the calibration."""
    levels: tuple[tuple[str, ...], ...] = (("advertiser",), ("advertiser", "exchange"), ("format",))
    """Segments that are calibrated for themselves (`prediction.calibration`)."""
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1 or self.stretches < 2:
            raise ValueError("held_out is between 0 and 1, and stretches are 2 or more")


class Made(msgspec.Struct, frozen=True, eq=False):
    """A model, and what is known of it."""

    model: Scorer
    metrics: Metrics
    """On the held-out rows."""
    learnt: Rows
    held_out: Rows
    calibration: Calibration

    def files(self) -> dict[str, bytes]:
        """What lies beside the model: the rows that it is judged by."""
        return {held_out.FILE: held_out.packed(self.held_out)}

    def description(self, target: str, version: int, features: FeatureSet, source: str, now_ns: int) -> Description:
        told = self.metrics
        names = ("rows", "base_rate", "auc", "logloss", "normalised_entropy", "ece", "ece_null", "bias", "ks")
        times = self.learnt.time_ns
        return Description(
            target=target,
            version=version,
            created_ns=now_ns,
            feature_set=features,
            trained_on=TrainedOn(
                source=source,
                rows=len(self.learnt),
                positives=float(self.learnt.label @ self.learnt.weight),
                first_ns=int(times.min()),
                last_ns=int(times.max()),
            ),
            metrics={name: float(getattr(told, name)) for name in names},
            priors={"": self.learnt.base_rate()},
        )


def make(features: FeatureSet, rows: Rows, recipe: Recipe, tell: Progress = lambda what, share: None) -> Made:
    """Raises Refused where there is too little to learn from, or the recipe's settings are wrong."""
    older, newest = split_by_time(rows, 1 - recipe.held_out)
    _enough(older, newest, recipe)
    fit = _fitter(features, recipe)
    steps = recipe.stretches + 2
    edges = np.linspace(0, len(older), recipe.stretches + 1).astype(int)
    scores = np.empty(len(older))
    for number, (first, last) in enumerate(pairwise(edges)):
        tell(f"learning without stretch {number + 1} of {recipe.stretches}", number / steps)
        rest = np.ones(len(older), np.bool_)
        rest[first:last] = False
        scores[first:last] = fit(older.take(rest)).scores(older.values[first:last])
    tell("learning", recipe.stretches / steps)
    model = fit(older)
    tell("calibrating", (steps - 1) / steps)
    levels = [level for level in recipe.levels if all(name in older.segment for name in level)]
    put_right = calibration.fit(older.label, scores, older.weight, older.segment, levels, seed=recipe.seed)
    slots = {name: features.slot(name) for level in levels for name in level}
    calibrated = calibration.calibrate(model, put_right, slots)
    metrics = measure(newest.label, calibrated.scores(newest.values), newest.weight, seed=recipe.seed)
    tell("made", 1.0)
    return Made(calibrated, metrics, older, newest, put_right)


def _fitter(features: FeatureSet, recipe: Recipe) -> Callable[[Rows], Scorer]:
    def fit(part: Rows) -> Scorer:
        try:
            if isinstance(recipe.learner, BlendSettings):
                return blend.fit(features, part, recipe.learner)
            return blend.fit_member(features, part, recipe.learner)
        except ValueError as error:
            raise Refused([Problem("rows", len(part), str(error))]) from None

    return fit


def _enough(older: Rows, newest: Rows, recipe: Recipe) -> None:
    wanted = {"older": (older, LEAST_POSITIVES), "newest": (newest, max(1, round(LEAST_POSITIVES * recipe.held_out)))}
    for name, (part, least) in wanted.items():
        positive = int((part.label > 0).sum())
        if min(positive, len(part) - positive) < least:
            allowed = f"at least {least} of the {name} rows must be positive, and as many not"
            raise Refused([Problem(f"rows.{name}", positive, allowed)])
