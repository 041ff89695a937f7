"""Training, from rows to a calibrated model and what it is worth on rows that it has not seen.

A model is made of members (one for a logistic regression, several for a blend). For each, the settings that do best on
a held-out fifth are kept; then members learnt from a part of the rows score the others, and on these scores the members
are weighed and the whole is calibrated; at last the members learn from all rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from prediction import calibration
from prediction.blend import Blend
from prediction.calibration import Calibration, Method
from prediction.feature_set import FeatureSet
from prediction.fitting.blend import MemberSettings, fit_member, weigh
from prediction.fitting.choices import Alternative, Choice, Kind, choices
from prediction.metrics import Metrics, logloss, measure
from prediction.parts import Mask, judged, weighed
from prediction.rows import Rows, chosen_by_hash, folds
from prediction.scorer import Scorer

Floats = NDArray[np.float64]
Progress = Callable[[float], None]
"""Is told the share of the work that is done."""


class TrainSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is made and judged."""

    kind: Kind = "blend"
    test_share: float = 0.3
    """Of timed rows the newest share, of many others a share by hash; what the model is judged by."""
    folds: int = 5
    """Of rows without times, each of which judges in turn; and for weighing."""
    weigh_share: float = 0.2
    weigh_by_time: bool = True
    """False: on folds that are drawn, where the rows are of so short a time that the newest are of other hours."""
    levels: tuple[tuple[str, ...], ...] = ()
    """Features that tell segments apart, level by level, for the calibration."""
    given: tuple[MemberSettings, ...] = ()
    """Settings of the members, where they are known and not to be chosen on held-out rows."""
    method: Method | Literal["best"] = "best"
    """Of the calibration."""
    refit: bool = True
    """After the judgement the model that is kept learns from all rows; else it is the judged one. Rows that judge fold
    by fold have a model each fold, so that the kept one has always learnt from all.
    """
    seed: int = 1

    def __post_init__(self) -> None:
        if not (0 < self.test_share < 1 and 0 < self.weigh_share < 1 and self.folds >= 2):
            raise ValueError("test_share and weigh_share are between 0 and 1, folds are 2 or more")


class Judgement(msgspec.Struct, frozen=True, eq=False):
    """Held-out rows with the scores of models that had not seen them."""

    rows: Rows
    scores: Floats
    metrics: Metrics


class Trained(msgspec.Struct, frozen=True, eq=False):
    """A model, what it is worth, and how it was made."""

    model: Scorer
    judgement: Judgement
    learnt_from: Rows
    settings: tuple[MemberSettings, ...]
    weights: tuple[float, ...]
    """Of the members' log odds."""
    calibration: str
    """The method that did best: none, platt or isotonic."""
    calibrated_by: Calibration


def train(
    features: FeatureSet,
    rows: Rows,
    settings: TrainSettings = TrainSettings(),  # noqa: B008
    progress: Progress = lambda _: None,
) -> Trained:
    """A calibrated model of the rows. `Refused` if they do not have both outcomes wherever one must be learnt."""
    parts = judged(rows, settings.test_share, settings.folds, settings.seed)
    again = settings.refit or len(parts) > 1
    runs = len(parts) + again
    scores, known = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=np.bool_)
    for number, part in enumerate(parts):
        fitted, chosen, weights, how = fit(features, rows.take(~part), settings, _slice(progress, number, runs))
        scores[part] = fitted.scores(rows.values[part])
        known |= part
    tested = rows.take(known)
    judgement = Judgement(
        tested, scores[known], measure(tested.label, scores[known], tested.weight, seed=settings.seed)
    )
    learnt_from = rows if again else rows.take(~known)
    if again:
        fitted, chosen, weights, how = fit(features, rows, settings, _slice(progress, runs - 1, runs))
    progress(1.0)
    return Trained(fitted, judgement, learnt_from, chosen, weights, how.method, how)


def fit(
    features: FeatureSet, rows: Rows, settings: TrainSettings, progress: Progress = lambda _: None
) -> tuple[Scorer, tuple[MemberSettings, ...], tuple[float, ...], Calibration]:
    """A calibrated model of these rows; the settings that were kept, the members' weights, how it is calibrated."""
    tried = ((settings.given,),) if settings.given else choices(settings.kind, len(rows), settings.seed)
    parts = weighed(rows, settings.weigh_share, settings.folds, settings.seed)
    if not settings.weigh_by_time:
        fold = folds(len(rows), settings.folds, settings.seed)
        parts = [fold == number for number in range(settings.folds)]
    steps = sum(len(choice) for choice in tried if len(choice) > 1)
    steps += sum(len(choice[0]) for choice in tried) * (len(parts) + 1)
    done = _Steps(progress, steps)
    for mask in parts:
        _both_outcomes(rows.take(~mask))
    chosen = tuple(one for choice in tried for one in _best(features, rows, choice, settings.seed, done))
    apart = np.full((len(rows), len(chosen)), np.nan)
    for mask in parts:
        rest, held_out = rows.take(~mask), rows.values[mask]
        for place, one in enumerate(chosen):
            apart[mask, place] = fit_member(features, rest, one).scores(held_out)
            done()
    seen = ~np.isnan(apart[:, 0])
    held = rows.take(seen)
    weights, bias = (np.ones(1), 0.0) if len(chosen) == 1 else weigh(apart[seen], held.label, held.weight)
    blended = _blended(apart[seen], weights, bias)
    segments = {name: held.values[:, features.slot(name)] for level in settings.levels for name in level}
    corrected = calibration.fit(
        held.label, blended, held.weight, segments, settings.levels, method=settings.method, seed=settings.seed
    )
    members = []
    for one in chosen:
        members.append(fit_member(features, rows, one))
        done()
    inner: Scorer = members[0] if len(members) == 1 else Blend(members, weights, bias)
    slots = {name: features.slot(name) for name in segments}
    model = calibration.calibrate(inner, corrected, slots)
    return model, chosen, tuple(float(weight) for weight in weights), corrected


def described(settings: Sequence[MemberSettings], weights: Sequence[float]) -> list[Mapping[str, Any]]:
    """The members' settings and weights, as an artefact's notes keep them."""
    return [
        {"type": type(one).__name__.removesuffix("Settings").lower(), "weight": weight, **msgspec.to_builtins(one)}
        for one, weight in zip(settings, weights, strict=True)
    ]


def _best(features: FeatureSet, rows: Rows, choice: Choice, seed: int, done: Callable[[], None]) -> Alternative:
    """The settings with the least log loss on a fifth of the rows, drawn by hash."""
    if len(choice) == 1:
        return choice[0]
    mask = _fifth(rows, seed)
    rest, judge = rows.take(~mask), rows.take(mask)
    losses = []
    for alternative in choice:
        scores = fit_member(features, rest, alternative[0]).scores(judge.values)
        losses.append(logloss(judge.label, scores, judge.weight))
        done()
    return choice[int(np.argmin(losses))]


def _fifth(rows: Rows, seed: int) -> Mask:
    mask = chosen_by_hash(rows.values, 0.2, seed + 1)
    rest, judge = rows.take(~mask), rows.take(mask)
    if not (0 < rest.base_rate() < 1 and judge.weight.sum() > 0):
        return np.asarray(np.arange(len(rows)) % 5 == 0)
    return mask


def _blended(scores: Floats, weights: Floats, bias: float) -> Floats:
    margins = np.log(scores / (1 - scores)) @ weights + bias
    return np.asarray(1 / (1 + np.exp(-margins)))


def _both_outcomes(rows: Rows) -> None:
    rate = rows.base_rate()
    if not 0 < rate < 1:
        raise Refused(
            [Problem("rows", f"{len(rows)} to learn from, base rate {rate}", "both outcomes must be among them")]
        )


class _Steps:
    """Counts what is done."""

    def __init__(self, progress: Progress, steps: int) -> None:
        self._progress, self._steps, self._done = progress, steps, 0

    def __call__(self) -> None:
        self._done += 1
        self._progress(self._done / self._steps)


def _slice(progress: Progress, number: int, of: int) -> Progress:
    return lambda share: progress((number + share) / of)
