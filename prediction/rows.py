"""Training rows: one form for what comes from the analytics store, from files and from the simulator."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused


class Rows(msgspec.Struct, frozen=True, eq=False):
    """Impressions (or clicks) with what became of them; row ``i`` of every array is one of them.

    ``values`` are those of a `FeatureSet`, a column a feature. ``time_ns`` is empty where the source tells no time.
    ``segment`` names what calibration and reports are told apart by (advertiser, exchange, format); 0 is unknown.
    """

    values: NDArray[np.uint32]
    """(n, features)"""
    label: NDArray[np.float64]
    """(n,): 0 or 1; between them where an outcome is not certain yet."""
    weight: NDArray[np.float64]
    """(n,): how many rows this one stands for (a sampled one stands for several); never negative."""
    time_ns: NDArray[np.int64]
    """(n,) or (0,): when it was served, UTC."""
    segment: dict[str, NDArray[np.uint32]] = {}

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def timed(self) -> bool:
        """Whether the rows have times; without them no split by time is possible."""
        return len(self.time_ns) == len(self) and len(self) > 0

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_] | slice) -> "Rows":
        """Those rows, by position or by a mask, in the order asked for."""
        return Rows(
            self.values[chosen],
            self.label[chosen],
            self.weight[chosen],
            self.time_ns[chosen] if self.timed else self.time_ns,
            {name: ids[chosen] for name, ids in self.segment.items()},
        )

    def base_rate(self) -> float:
        """The weighted share of ones; 0.0 of nothing."""
        total = float(self.weight.sum())
        return float(self.label @ self.weight) / total if total else 0.0


def rows(
    values: NDArray[np.uint32],
    label: NDArray[np.float64] | NDArray[np.uint8],
    *,
    weight: NDArray[np.float64] | None = None,
    time_ns: NDArray[np.int64] | None = None,
    segment: dict[str, NDArray[np.uint32]] | None = None,
) -> Rows:
    """Checked rows; weights are 1 where none are given. `Refused` names what does not fit and the row."""
    made = Rows(
        np.ascontiguousarray(values, dtype=np.uint32),
        np.ascontiguousarray(label, dtype=np.float64),
        np.ones(len(label)) if weight is None else np.ascontiguousarray(weight, dtype=np.float64),
        np.empty(0, np.int64) if time_ns is None else np.ascontiguousarray(time_ns, dtype=np.int64),
        {name: np.ascontiguousarray(ids, dtype=np.uint32) for name, ids in (segment or {}).items()},
    )
    problems = list(_problems(made))
    if problems:
        raise Refused(problems)
    return made


def _problems(made: Rows) -> Sequence[Problem]:
    if made.values.ndim != 2:
        return [Problem("rows.values", made.values.shape, "it must have a row an impression and a column a feature")]
    found = []
    columns = {"label": made.label, "weight": made.weight}
    columns |= {f"segment.{name}": ids for name, ids in made.segment.items()}  # type: ignore[misc]
    if len(made.time_ns):
        columns["time_ns"] = made.time_ns  # type: ignore[assignment]
    for name, column in columns.items():
        if column.shape != (len(made),):
            found.append(Problem(f"rows.{name}", column.shape, f"it must have the shape ({len(made)},)"))
    if found:
        return found
    for name, low, high, column in (("label", 0.0, 1.0, made.label), ("weight", 0.0, np.inf, made.weight)):
        wrong = np.flatnonzero(~((column >= low) & (column <= high) & np.isfinite(column)))
        if len(wrong):
            at = int(wrong[0])
            most = "1" if high == 1.0 else "any finite number"
            found.append(Problem(f"rows.{name}[{at}]", float(column[at]), f"it must be from 0 to {most}"))
    return found


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, one part after the other; at least one part, all of one feature set."""
    if not parts:
        raise ValueError("no rows to join")
    timed = all(part.timed or not len(part) for part in parts)
    return Rows(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.time_ns for part in parts]) if timed else np.empty(0, np.int64),
        {name: np.concatenate([part.segment[name] for part in parts]) for name in parts[0].segment},
    )


def split_by_time(whole: Rows, fraction: float) -> tuple[Rows, Rows]:
    """The older share of the rows and the newer rest, each in order of time; rows of one instant stay together.

    So nothing that is learnt from the first part has seen an instant of the second.
    """
    if not whole.timed:
        raise ValueError("rows without times cannot be split by time")
    order = np.argsort(whole.time_ns, kind="stable")
    times = whole.time_ns[order]
    cut = round(fraction * len(order))
    if 0 < cut < len(order):
        earlier, later = np.searchsorted(times, times[cut], "left"), np.searchsorted(times, times[cut], "right")
        cut = int(earlier if cut - earlier <= later - cut else later)
    return whole.take(order[:cut]), whole.take(order[cut:])


def folds(count: int, parts: int, seed: int) -> NDArray[np.int64]:
    """Which of the folds 0 to ``parts`` - 1 each row is in: of equal size within one, in an order drawn by ``seed``."""
    rng = np.random.default_rng(seed)
    return rng.permutation(np.arange(count, dtype=np.int64) % parts)


def chosen_by_hash(values: NDArray[np.uint32], fraction: float, seed: int = 0) -> NDArray[np.bool_]:
    """Which rows are of that share: a row's values decide, so twins are chosen together, in every file and run."""
    mixed = np.full(len(values), np.uint64(seed), dtype=np.uint64)
    for column in values.T:  # the finaliser of SplitMix64 (Steele, Lea and Flood, 2014), once a feature
        mixed = (mixed ^ column) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return np.asarray(mixed < np.uint64(min(max(fraction, 0.0), 1.0) * (2**64 - 2049)))


def split_by_hash(whole: Rows, fraction: float, seed: int = 0) -> tuple[Rows, Rows]:
    """A share of the rows and the rest, each in its order, as `chosen_by_hash`: for data without times."""
    first = chosen_by_hash(whole.values, fraction, seed)
    return whole.take(first), whole.take(~first)
