"""Has the world moved away from what a model has learnt? Feature by feature and of its scores, recent rows against a
sketch of the training rows that lies beside the model.

Nothing is said of differences that chance explains, and nothing of those that are real but small: with millions of rows
every test is significant.
"""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.stats import chi2, kstwobign

from cython_ext.curves import keys_of
from domain.errors import Problem, Refused
from prediction.artefact import Damaged
from prediction.feature_set import MISSING, FeatureSet
from prediction.ranking import Floats

FILE = "sketch.json"
"""Beside a model, one of the ``files`` of `artefact.save`."""
BINS = 10
"""Deciles: as most who report the index choose, so that its thresholds mean what they mean elsewhere."""
TOP = 50
"""Values of a category that are told apart; the others are one."""
MOST_BITS = 1 << 24
SCORE = "score"
CALENDAR = frozenset({"hour_of_week", "hour_of_day"})
"""These differ between any two spans that are not whole weeks, and say nothing of the world."""

MOVED, ANOTHER = 0.1, 0.25
"""Of the population stability index: below the first a population counts as the same, above the second as another one
(Siddiqi, Credit Risk Scorecards, 2006). A model's probabilities are then extrapolated."""
UNSEEN = 0.05
"""Share of rows with a value that training never had, beyond what it had of its own last fifth before that."""
MISSED = 0.1
"""Change of the share of rows of which a value is missing: a source or a field has gone, or come."""

Severity = Literal["warning", "critical"]


class Column(Struct, frozen=True):
    """How a feature, or the score, was distributed."""

    name: str
    kind: Literal["category", "number"]
    edges: tuple[float, ...]
    """Of a number: between the bins, ascending. Of a category: its most frequent values."""
    shares: tuple[float, ...]
    """Of the bins, or of those values and of all others, among rows that have a value."""
    missing: float
    """Share of all rows."""
    unseen: float = 0.0
    """Share of the last fifth of the rows with a value that the rows before had not."""


class Sketch(Struct, frozen=True):
    """What is remembered of the rows that a model was trained on."""

    feature_set: str
    version: int
    rows: float
    """How many equally weighted ones would tell as much."""
    columns: tuple[Column, ...]
    seen: bytes
    """Every value of every category, as bits of a table, compressed."""


class Drift(Struct, frozen=True):
    """One feature, or the score, then and now."""

    subject: str
    psi: float
    """Population stability index."""
    psi_by_chance: float
    """What it stays below, 19 times in 20, if nothing has changed."""
    distance: float
    """Of numbers the largest gap between the distributions (Kolmogorov and Smirnov), of categories half of the sum of
    the shares' differences (total variation)."""
    p_value: float
    """The chance of such a distance (of categories: of their chi-squared statistic) if nothing has changed."""
    missing: float
    missing_before: float
    unseen: float
    unseen_before: float


class Finding(Struct, frozen=True):
    """Something that a person should look at."""

    subject: str
    severity: Severity
    text: str


class Report(Struct, frozen=True):
    """Of one model, and so many recent rows."""

    rows: int
    drifts: tuple[Drift, ...]
    findings: tuple[Finding, ...]


def sketch(
    values: NDArray[np.uint32], features: FeatureSet, score: Floats | None = None, weight: Floats | None = None
) -> Sketch:
    """Of training rows, in order of time. ``score``: rather of held-out rows than of those trained on."""
    _check(values, features)
    times = np.ones(len(values)) if weight is None else weight
    late = max(1, len(values) // 5)
    bits = min(MOST_BITS, 1 << int(16 * max(sum(len(np.unique(column)) for column in values.T), 64)).bit_length())
    seen, before = np.zeros(bits, np.bool_), np.zeros(bits, np.bool_)
    columns = []
    for slot, feature in enumerate(features.features):
        column, unseen = values[:, slot], 0.0
        if feature.kind == "category":
            places, kinds = _places(slot, column, bits), column != MISSING
            before[places[:-late][kinds[:-late]]] = True
            new = ~before[places[-late:]] & kinds[-late:]
            unseen = float((new * times[-late:]).sum() / times[-late:].sum())
            seen[places[kinds]] = True
        columns.append(_column(feature.name, feature.kind, _read(column, feature.kind), times, unseen))
    if score is not None:
        columns.append(_column(SCORE, "number", np.asarray(score, np.float64), np.ones(len(score)), 0.0))
    kept = zlib.compress(np.packbits(seen).tobytes(), 6)
    return Sketch(features.name, features.version, _effective(times), tuple(columns), kept)


def packed(made: Sketch) -> bytes:
    """As `FILE`."""
    return msgspec.json.encode(made)


def read(directory: Path) -> Sketch | None:
    """Of an artefact; None: it has none. Raises Damaged, OSError."""
    path = directory / FILE
    if not path.exists():
        return None
    try:
        made = msgspec.json.decode(path.read_bytes(), type=Sketch)
        _bits(made)
    except (msgspec.DecodeError, zlib.error, ValueError) as error:
        raise Damaged(f"{path}: {error}") from None
    return made


def compare(
    before: Sketch,
    values: NDArray[np.uint32],
    features: FeatureSet,
    score: Floats | None = None,
    weight: Floats | None = None,
    *,
    skip: frozenset[str] = CALENDAR,
) -> Report:
    """Recent rows against those of the training.

    Raises:
        Refused: The sketch is of another feature set, or the rows are not as wide as theirs, or there is none.
    """
    _check(values, features)
    if (before.feature_set, before.version) != (features.name, features.version):
        was = (before.feature_set, before.version)
        raise Refused([Problem("sketch", was, f"one of feature set {features.name!r}, version {features.version}")])
    times = np.ones(len(values)) if weight is None else weight
    seen, drifts = _bits(before), []
    for column in before.columns:
        if column.name == SCORE and score is not None:
            drifts.append(_drift(column, before.rows, np.asarray(score, np.float64), times, 0.0))
        elif column.name != SCORE and column.name not in skip:
            slot = features.slot(column.name)
            found, unseen = values[:, slot], 0.0
            if column.kind == "category":
                new = (found != MISSING) & ~seen[_places(slot, found, len(seen))]
                unseen = float((new * times).sum() / times.sum())
            drifts.append(_drift(column, before.rows, _read(found, column.kind), times, unseen))
    return Report(len(values), tuple(drifts), tuple(finding for drift in drifts for finding in findings(drift)))


def findings(drift: Drift) -> Sequence[Finding]:
    """What of a drift is worth a person's time."""
    made: list[Finding] = []
    name = "The model's scores" if drift.subject == SCORE else f"Feature {drift.subject}"
    beyond = drift.psi > drift.psi_by_chance
    if beyond and drift.psi > MOVED:
        degree = "of another population than" if drift.psi > ANOTHER else "distributed otherwise than"
        bound = ANOTHER if drift.psi > ANOTHER else MOVED
        text = f"{name}: recent rows are {degree} those trained on (PSI {drift.psi:.2f}; from {bound} on it is told)."
        made.append(Finding(drift.subject, "critical" if drift.psi > ANOTHER else "warning", text))
    if drift.unseen > drift.unseen_before + UNSEEN and drift.unseen > 2 * drift.unseen_before:
        text = (
            f"{name}: {drift.unseen:.1%} of recent rows have a value that training never had; "
            f"there it was {drift.unseen_before:.1%}."
        )
        made.append(Finding(drift.subject, "warning", text))
    if abs(drift.missing - drift.missing_before) > MISSED:
        text = (
            f"{name} is missing in {drift.missing:.1%} of recent rows; in training it was {drift.missing_before:.1%}."
        )
        made.append(Finding(drift.subject, "warning", text))
    return made


def _check(values: NDArray[np.uint32], features: FeatureSet) -> None:
    if values.ndim != 2 or values.shape[1] != len(features.features) or not len(values):
        raise Refused([Problem("values", values.shape, f"at least one row of {len(features.features)} values")])


def _read(column: NDArray[np.uint32], kind: str) -> Floats:
    """As numbers, those that are missing as not a number. Categories are exact in a float64."""
    if kind == "number":
        return column.view(np.float32).astype(np.float64)
    made = column.astype(np.float64)
    made[column == MISSING] = np.nan
    return made


def _column(name: str, kind: Literal["category", "number"], column: Floats, weight: Floats, unseen: float) -> Column:
    there = np.isfinite(column)
    values, times = column[there], weight[there]
    missing = float(1 - times.sum() / weight.sum())
    if kind == "number":
        edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS)) if len(values) else np.empty(0)
    else:
        kinds, place = np.unique(values, return_inverse=True)
        mass = np.bincount(place.ravel(), times, len(kinds))
        edges = kinds[np.sort(np.argsort(-mass, kind="stable")[:TOP])]
    shares = _shares(kind, edges, values, times)
    return Column(name, kind, tuple(edges.tolist()), tuple(shares.tolist()), missing, unseen)


def _shares(kind: str, edges: Floats, values: Floats, weight: Floats) -> Floats:
    """A bin more than there are edges of numbers; of categories one more, for all others."""
    if kind == "number":
        place = np.searchsorted(edges, values, "right")
    else:
        at = np.minimum(np.searchsorted(edges, values), max(len(edges) - 1, 0))
        known = edges[at] == values if len(edges) else np.zeros(len(values), np.bool_)
        place = np.where(known, at, len(edges))
    mass = np.bincount(place, weight, len(edges) + 1).astype(np.float64)
    return mass / mass.sum() if mass.sum() else mass


def _drift(column: Column, rows: float, values: Floats, weight: Floats, unseen: float) -> Drift:
    there = np.isfinite(values)
    missing = float(1 - weight[there].sum() / weight.sum())
    p = np.array(column.shares)
    q = _shares(column.kind, np.array(column.edges), values[there], weight[there])
    n, m = rows * (1 - column.missing), _effective(weight[there])
    if n < 1 or m < 1 or not p.sum():
        return Drift(column.name, 0.0, 0.0, 0.0, 1.0, missing, column.missing, unseen, column.unseen)
    noise = 1 / n + 1 / m
    filled = (p > 0) | (q > 0)
    bins = int(filled.sum())
    smooth_p, smooth_q = ((each[filled] * count + 0.5) / (count + 0.5 * bins) for each, count in ((p, n), (q, m)))
    psi = float(((smooth_p - smooth_q) * np.log(smooth_p / smooth_q)).sum())
    if column.kind == "number":
        distance = float(np.abs(np.cumsum(p) - np.cumsum(q)).max())
        p_value = float(kstwobign.sf(distance / np.sqrt(noise)))
    else:
        distance = float(np.abs(p - q).sum() / 2)
        pooled = (p * n + q * m) / (n + m)
        parts = np.divide((p - q) ** 2, pooled, out=np.zeros_like(p), where=pooled > 0)
        p_value = float(chi2.sf(parts.sum() / noise, max(bins - 1, 1)))
    by_chance = float(chi2.ppf(0.95, max(bins - 1, 1)) * noise)
    return Drift(column.name, psi, by_chance, distance, p_value, missing, column.missing, unseen, column.unseen)


def _effective(weight: Floats) -> float:
    return float(weight.sum() ** 2 / (weight**2).sum()) if len(weight) else 0.0


def _places(slot: int, column: NDArray[np.uint32], bits: int) -> NDArray[np.int64]:
    """Where in the table of bits each value is."""
    return (keys_of(slot, column.reshape(-1, 1)) & np.uint64(bits - 1)).astype(np.int64)


def _bits(made: Sketch) -> NDArray[np.bool_]:
    """The table. Raises ValueError, zlib.error."""
    inflate = zlib.decompressobj()
    raw = inflate.decompress(made.seen, MOST_BITS // 8 + 1)
    if not raw or len(raw) > MOST_BITS // 8 or len(raw) & (len(raw) - 1):
        raise ValueError(f"seen: a table of {8 * len(raw)} bits; a power of two up to {MOST_BITS} is allowed")
    return np.unpackbits(np.frombuffer(raw, np.uint8)).astype(np.bool_)
