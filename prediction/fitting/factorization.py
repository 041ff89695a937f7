"""Field-aware factorization machine: AdaGrad over random orders, as many passes as pay on held-out rows."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from cython_ext.expansion import Expansion
from cython_ext.factorization import PairLearner
from prediction.factorization import Factorization
from prediction.feature_set import FeatureSet
from prediction.fitting.columns import EncodingSettings, ExpansionSettings, fit_encoder, fit_expansion
from prediction.rows import Rows


class FactorizationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ffm"):
    """How the model is learnt."""

    encoding: EncodingSettings = EncodingSettings()
    expansion: ExpansionSettings = ExpansionSettings(bits=20, buckets=16, least=4)
    k: int = 4
    rate: float = 0.05
    l2: float = 5e-3
    """Penalty a step; few rows want more: 2e-2 for some thousands, 1e-4 for millions."""
    passes: int = 15
    """At most. Of timed rows the newest ``held_out`` share tells when to stop, of others a random one; then all are
    learnt in as many passes as were best.
    """
    held_out: float = 0.1
    seed: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.held_out < 1) or self.passes < 1:
            raise ValueError("held_out is from 0 to below 1, passes are 1 or more")


def fit(
    features: FeatureSet,
    rows: Rows,
    settings: FactorizationSettings = FactorizationSettings(),  # noqa: B008
) -> Factorization:
    """The model. Raises ValueError for rows without both outcomes."""
    rate = rows.base_rate()
    if not 0 < rate < 1:
        raise ValueError(f"a base rate of {rate}: there is nothing to learn")
    encoder, extended = fit_encoder(features, rows, settings.encoding)
    expansion = fit_expansion(features, encoder, extended, settings.expansion)
    places = expansion.expand(extended)
    passes = settings.passes
    if settings.held_out:
        part = held_out(rows, settings.held_out, settings.seed)
        passes = best_passes(places, rows, part, expansion, settings)
    row_of, fields = vector_rows(places, expansion)
    learner = _learner(row_of, expansion, rate, settings)
    _passes(learner, row_of[fields], places, rows, passes, settings)
    vectors, weights = learner.learnt()
    return Factorization(encoder, expansion, row_of, vectors, weights, learner.bias)


def held_out(rows: Rows, share: float, seed: int) -> NDArray[np.bool_]:
    """Which rows are not learnt from while the count of passes is sought."""
    order = (
        np.argsort(rows.time_ns, kind="stable") if rows.timed else np.random.default_rng(seed).permutation(len(rows))
    )
    chosen = np.zeros(len(rows), np.bool_)
    chosen[order[len(rows) - round(share * len(rows)) :]] = True
    return chosen


def vector_rows(places: NDArray[np.uint32], expansion: Expansion) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """A row of vectors for each place that a column of these rows has (uint32, 2^bits; 0: none), and these places."""
    own = expansion.n_shared_places
    columns = [*range(expansion.n_shared), *range(own, own + expansion.n_own)]
    fields = np.ascontiguousarray(places[:, columns])
    used = np.unique(fields)
    row_of = np.zeros(1 << expansion.bits, np.uint32)
    row_of[used] = np.arange(1, len(used) + 1, dtype=np.uint32)
    return row_of, fields


def best_passes(
    places: NDArray[np.uint32],
    rows: Rows,
    part: NDArray[np.bool_],
    expansion: Expansion,
    settings: FactorizationSettings,
) -> int:
    """How many passes over the other rows make the logloss of these least."""
    rest, these = rows.take(~part), rows.take(part)
    if not (0 < rest.base_rate() < 1 and these.weight.sum() > 0):
        return settings.passes
    row_of, fields = vector_rows(places[~part], expansion)
    learner = _learner(row_of, expansion, rest.base_rate(), settings)
    known = row_of[fields]
    _, columns = vector_rows(places[part], expansion)
    best, least = 1, np.inf
    for number in range(1, settings.passes + 1):
        _pass(learner, known, places[~part], rest, number, settings)
        margins = learner.margins(row_of[columns], places[part])
        losses = np.logaddexp(0, margins) - these.label * margins
        loss = float(losses @ these.weight / these.weight.sum())
        if loss < least:
            best, least = number, loss
        elif number >= best + 3:
            break
    return best


def _learner(
    row_of: NDArray[np.uint32], expansion: Expansion, rate: float, settings: FactorizationSettings
) -> PairLearner:
    fields = expansion.n_shared + expansion.n_own
    bias = float(np.log(rate / (1 - rate)))
    return PairLearner(
        int(row_of.max()) + 1, len(row_of), fields, settings.k, settings.rate, settings.l2, bias, settings.seed
    )


def _passes(
    learner: PairLearner,
    known: NDArray[np.uint32],
    places: NDArray[np.uint32],
    rows: Rows,
    passes: int,
    settings: FactorizationSettings,
) -> None:
    for number in range(1, passes + 1):
        _pass(learner, known, places, rows, number, settings)


def _pass(
    learner: PairLearner,
    known: NDArray[np.uint32],
    places: NDArray[np.uint32],
    rows: Rows,
    number: int,
    settings: FactorizationSettings,
) -> None:
    order = np.random.default_rng((settings.seed, number)).permutation(len(rows)).astype(np.int64)
    learner.learn(known, np.ascontiguousarray(places), rows.label, rows.weight, order)
