"""The stream of `reporting.training`, read: arrays, and the rows that models of each target learn from."""

from collections.abc import Iterable, Iterator
from typing import IO, Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.clock import SECOND
from domain.errors import Problem, Refused
from prediction import maturing
from prediction.comparison import paired
from prediction.delays import Delays
from prediction.feature_set import FeatureSet
from prediction.maturing import Touches
from prediction.metrics import measure
from prediction.rows import Rows, rows
from reporting.training import COLUMNS
from reporting.training_status import Beside

LEAST_OUTCOMES = 20
"""Of either kind, with fewer of which two models are not compared."""
FIGURES = ("base_rate", "auc", "logloss", "normalised_entropy", "ece", "bias")

SEGMENTS = ("advertiser", "exchange", "format")
"""Features that rows are told apart by, for calibration and reports."""


class Outcomes(msgspec.Struct, frozen=True, eq=False):
    """Bids with what became of them: a column of `reporting.training.COLUMNS` each; row ``i`` of all is one bid."""

    columns: dict[str, NDArray[Any]]
    values: NDArray[np.uint32]
    """(n, features): what models were given; (n, 0) where it was not asked for."""

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]


def read(stream: IO[bytes], features: int) -> Iterator[Outcomes]:
    """Piece by piece, as they come. Raises ValueError for a stream that breaks off or has other columns."""
    try:
        with pa.ipc.open_stream(pa.PythonFile(stream, "r")) as reader:
            for batch in reader:
                yield _outcomes(batch, features)
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise ValueError(f"the rows to learn from are not whole: {error}") from None


def _outcomes(batch: pa.RecordBatch, features: int) -> Outcomes:
    columns = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in COLUMNS}
    if not features:
        return Outcomes(columns, np.empty((batch.num_rows, 0), np.uint32))
    packed = batch.column("features")
    if packed.type.byte_width != 4 * features:
        raise ValueError(f"rows have {packed.type.byte_width} bytes of features; {4 * features} are expected")
    start = packed.offset * packed.type.byte_width
    raw = np.frombuffer(packed.buffers()[1], np.uint8)[start : start + batch.num_rows * 4 * features]
    return Outcomes(columns, raw.view("<u4").reshape(-1, features).astype(np.uint32))


def joined(parts: Iterable[Outcomes], features: int) -> Outcomes:
    """All of them, in the order of time."""
    found = list(parts)
    if not found:
        empty = {name: np.empty(0, kind) for name, kind in COLUMNS.items()}
        return Outcomes(empty, np.empty((0, features), np.uint32))
    columns = {name: np.concatenate([part.columns[name] for part in found]) for name in COLUMNS}
    order = np.argsort(columns["time_ns"], kind="stable")
    values = np.concatenate([part.values for part in found])[order]
    return Outcomes({name: column[order] for name, column in columns.items()}, values)


def click_rows(told: Outcomes, features: FeatureSet) -> Rows:
    """Impressions; the label says whether they were clicked."""
    return _rows(told, features, (told["clicked_ns"] > 0).astype(np.float64), told["weight"])


class Conversions(msgspec.Struct, frozen=True, eq=False):
    """Clicks, or impressions, as rows to learn conversions from. Young ones, whose conversions may still come, have the
    weights of `prediction.maturing`; those that are too young to say anything are left out.
    """

    rows: Rows
    delays: Delays
    conversions: int
    left_out: int


def conversion_rows(told: Outcomes, features: FeatureSet, target: str, window_s: float, now_ns: int) -> Conversions:
    """``target``: ``cvr`` or ``view_cvr``; ``now_ns``: as of when conversions were looked for."""
    touch, came = ("clicked_ns", "converted_ns") if target == "cvr" else ("shown_ns", "viewed_ns")
    at = told[touch] if target == "cvr" else np.where(told["shown_ns"] > 0, told["shown_ns"], told["clicked_ns"])
    made = _touches(at, told[came], now_ns, told["advertiser"], told["weight"])
    known = maturing.fit_delays(made, window_s)
    label, weight = maturing.training(made, known, maturing.rates(made, known).of(made.segment))
    usable = weight > 0
    kept = _taken(told, usable)
    return Conversions(
        _rows(kept, features, label[usable], weight[usable]), known, int(made.converted.sum()), int((~usable).sum())
    )


def _touches(
    at: NDArray[np.int64], came: NDArray[np.int64], now_ns: int, segment: NDArray[np.uint32], weight: NDArray[Any]
) -> Touches:
    """Clocks of several hosts meet here: nothing came before its touch, or after now."""
    age = np.maximum(now_ns - at, 0) / SECOND
    delay = np.where(came > 0, np.clip((came - at) / SECOND, 0, age), np.nan)
    return maturing.touches(age, delay, segment=segment, weight=weight)


def _taken(told: Outcomes, chosen: NDArray[np.bool_]) -> Outcomes:
    return Outcomes({name: column[chosen] for name, column in told.columns.items()}, told.values[chosen])


def _rows(told: Outcomes, features: FeatureSet, label: NDArray[np.float64], weight: NDArray[np.float64]) -> Rows:
    if told.values.shape[1] != len(features.features):
        problem = f"feature set {features.name} has {len(features.features)}"
        raise Refused([Problem("rows.values", told.values.shape[1], problem)])
    names = [feature.name for feature in features.features]
    segment = {name: told.values[:, features.slot(name)] for name in SEGMENTS if name in names}
    return rows(told.values, label, weight=weight, time_ns=told["time_ns"], segment=segment)


def beside(told: Outcomes, live: int, shadow: int, now_ns: int) -> Beside | None:
    """What both versions said of the impressions that both scored; None: of too few to tell."""
    both = (told["model"] == live) & (told["shadow_model"] == shadow)
    label = (told["clicked_ns"] > 0).astype(np.float64)[both]
    if min(label.sum(), len(label) - label.sum()) < LEAST_OUTCOMES:
        return None
    ours, theirs, weight = told["shadow_ctr"][both], told["ctr"][both], told["weight"][both]
    found = paired(label, ours, theirs, weight)
    sums = len(label), int(label.sum())
    return Beside(live, shadow, *sums, _figures(label, theirs, weight), _figures(label, ours, weight), found, now_ns)


def _figures(label: NDArray[np.float64], score: NDArray[Any], weight: NDArray[Any]) -> dict[str, float]:
    known = measure(label, score, weight)
    return {name: float(getattr(known, name)) for name in FIGURES}
