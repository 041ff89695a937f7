"""Training rows: what does not fit is refused with its place, and splits keep what must stay together."""

import re

import numpy as np
import pytest

from domain.errors import Refused
from prediction.rows import Rows, folds, joined, rows, split_by_hash, split_by_time


def made(times: list[int]) -> Rows:
    count = len(times)
    values = np.arange(2 * count, dtype=np.uint32).reshape(count, 2)
    segment = {"exchange": np.arange(count, dtype=np.uint32)}
    return rows(values, np.arange(count) % 2, time_ns=np.array(times, np.int64), segment=segment)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": [0.0, 2.0]}, "rows.label[1]: 2.0"),
        ({"label": [0.0, float("nan")]}, "rows.label[1]: nan"),
        ({"weight": np.array([-1.0, 1.0])}, "rows.weight[0]: -1.0"),
        ({"weight": np.array([1.0, float("inf")])}, "rows.weight[1]: inf"),
        ({"time_ns": np.zeros(3, np.int64)}, "rows.time_ns: (3,)"),
        ({"segment": {"format": np.zeros(1, np.uint32)}}, "rows.segment.format: (1,)"),
        ({"values": np.zeros(2, np.uint32)}, "rows.values: (2,)"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, object], said: str) -> None:
    given = {"values": np.zeros((2, 3), np.uint32), "label": [0.0, 1.0], **changed}
    with pytest.raises(Refused, match=re.escape(said)):
        rows(given.pop("values"), np.array(given.pop("label")), **given)  # type: ignore[arg-type]


def test_rows_of_one_instant_stay_on_one_side() -> None:
    whole = made([5, 1, 3, 3, 3, 9, 3, 7])
    for fraction in np.linspace(0, 1, 21):
        older, newer = split_by_time(whole, float(fraction))
        assert len(older) + len(newer) == len(whole)
        assert not len(older) or not len(newer) or older.time_ns.max() < newer.time_ns.min()
        assert abs(len(older) - fraction * len(whole)) <= 2.5, "no further off than half of the largest instant"
        assert sorted([*older.segment["exchange"], *newer.segment["exchange"]]) == list(range(8))
        assert (older.values[:, 0] == 2 * older.segment["exchange"]).all(), "columns move together"


def test_a_split_by_hash_keeps_twins_together_and_does_not_depend_on_the_file() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2**32, (4000, 5), dtype=np.uint32)
    whole = rows(np.concatenate([values, values]), np.zeros(8000))
    first, second = split_by_hash(whole, 0.3, seed=4)
    assert abs(len(first) / 8000 - 0.3) < 0.04
    assert not {row.tobytes() for row in first.values} & {row.tobytes() for row in second.values}
    alone, _ = split_by_hash(whole.take(slice(100, 200)), 0.3, seed=4)
    assert {row.tobytes() for row in alone.values} <= {row.tobytes() for row in first.values}
    assert len(split_by_hash(whole, 1.0)[1]) == 0 and len(split_by_hash(whole, 0.0)[0]) == 0
    other, _ = split_by_hash(whole, 0.3, seed=5)
    assert {row.tobytes() for row in other.values} != {row.tobytes() for row in first.values}


def test_folds_are_of_equal_size_and_joining_undoes_taking() -> None:
    fold = folds(103, 5, seed=2)
    assert sorted(np.bincount(fold)) == [20, 20, 21, 21, 21] and (fold != folds(103, 5, seed=3)).any()
    whole = made([1, 2, 3, 4])
    again = joined([whole.take(slice(0, 1)), whole.take(slice(1, 4))])
    assert (again.values == whole.values).all() and (again.time_ns == whole.time_ns).all() and again.timed
    assert again.base_rate() == 0.5
