"""What an impression is told by: named features in a fixed order, declared once for training and for serving.

A row is one uint32 a feature. A category is a 32-bit hash of its value, never 0; 0 says that it is missing. A number is
the bits of a float32; it is missing if it is not a number (0 would be the number 0).
"""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from cython_ext.feature_hash import id_category, text_category

MISSING = 0
"""The value of a category that is not known."""

MISSING_NUMBER = 0x7FC00000
"""The value of a number that is not known: the bits of the quiet NaN."""

MOST_FEATURES = 256


class Feature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column of a row."""

    name: str
    kind: Literal["category", "number"]
    part: Literal["request", "candidate"]
    """Whether all candidates of a request share its value."""
    protected: bool = False
    """It is, or stands for, what campaigns of a special category must not be decided by."""
    doc: str = ""


class FeatureSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row's columns, those of the request before those of the candidate. What is written under a name and version
    never changes its order: models and logs rely on it.
    """

    name: str
    version: int
    features: tuple[Feature, ...]
    crosses: tuple[tuple[str, str], ...] = ()
    """Pairs of features whose values together are a value of their own."""

    def __post_init__(self) -> None:
        if not 0 < len(self.features) <= MOST_FEATURES:
            raise ValueError(f"feature set {self.name!r} has {len(self.features)} features; 1 to {MOST_FEATURES}")
        names = [feature.name for feature in self.features]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"feature set {self.name!r} has {', '.join(twice)} twice")
        parts = [feature.part for feature in self.features]
        if parts != sorted(parts, key=("request", "candidate").index):
            raise ValueError(f"feature set {self.name!r} has a feature of the request behind one of the candidate")
        for cross in self.crosses:
            for name in cross:
                if name not in names:
                    raise ValueError(f"feature set {self.name!r} crosses {name!r}, which is no feature of it")

    @property
    def n_shared(self) -> int:
        """How many features are the request's."""
        return sum(feature.part == "request" for feature in self.features)

    @property
    def n_own(self) -> int:
        """How many are the candidate's."""
        return len(self.features) - self.n_shared

    def slot(self, name: str) -> int:
        """The feature's column. Raises KeyError for a name that is none."""
        for place, feature in enumerate(self.features):
            if feature.name == name:
                return place
        raise KeyError(f"feature set {self.name!r} has no {name!r}")

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The crosses as columns."""
        return tuple((self.slot(first), self.slot(second)) for first, second in self.crosses)

    def kinds(self) -> NDArray[np.bool_]:
        """Which columns are numbers."""
        return np.array([feature.kind == "number" for feature in self.features], dtype=np.bool_)


def category(value: int | str | bytes) -> int:
    """The value of a category; an integer is taken modulo 2^64, text as UTF-8."""
    if isinstance(value, int):
        return id_category(value & (2**64 - 1))
    return text_category(value.encode() if isinstance(value, str) else value)


def number(value: float) -> int:
    """The value of a number, as the nearest float32."""
    return int(numbers([value])[0])


def numbers(values: ArrayLike) -> NDArray[np.uint32]:
    """The values of numbers; what is not a number is missing."""
    with np.errstate(over="ignore"):
        made = np.array(values, dtype=np.float64).astype(np.float32)
    made[np.isnan(made)] = np.uint32(MISSING_NUMBER).view(np.float32)
    return made.view(np.uint32)
