"""Columns of text as values of features: categories, numbers, times and labels."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from prediction.feature_set import category

SECOND = 1_000_000_000
CACHED = 1_000_000
"""Texts of a column whose hashes are kept; a column with more begins again, so that memory stays bounded."""

Wrong = dict[int, str]
"""What is wrong with a block: position of the line in it -> the reason."""


class Categories:
    """The values of a column of categories; an empty field is missing, 0."""

    def __init__(self, missing: Sequence[str] = ("",)) -> None:
        self._missing = dict.fromkeys(missing, 0)
        self._known: dict[str, int] = dict(self._missing)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.uint32]:
        new = set(texts) - self._known.keys()
        if len(self._known) + len(new) > CACHED:
            self._known = dict(self._missing)
            new = set(texts) - self._known.keys()
        for text in new:
            self._known[text] = category(text)
        return np.fromiter(map(self._known.__getitem__, texts), dtype=np.uint32, count=len(texts))


def floats(name: str, texts: Sequence[str], wrong: Wrong, missing: Sequence[str] = ("",)) -> NDArray[np.float32]:
    """The numbers of a column, NaN where one is missing; what is no finite float32 is told in ``wrong``."""
    absent = frozenset(missing)
    found = np.full(len(texts), np.nan, dtype=np.float32)
    for at, text in enumerate(texts):
        if text in absent:
            continue
        try:
            number = float(text)
        except ValueError:
            number = math.inf
        if not abs(number) < 3.4e38:
            wrong.setdefault(at, f"{name}: {text[:40]!r} is no finite number")
            continue
        found[at] = number
    return found


def labels(name: str, texts: Sequence[str], wrong: Wrong, meaning: Mapping[str, float]) -> NDArray[np.float64]:
    """1.0 and 0.0 by what the texts mean; another text is told in ``wrong``."""
    found = np.zeros(len(texts))
    for at, text in enumerate(texts):
        label = meaning.get(text)
        if label is None:
            wrong.setdefault(at, f"{name}: {text[:40]!r} is no label; there are {', '.join(map(repr, meaning))}")
        else:
            found[at] = label
    return found


BINARY: Mapping[str, float] = {"0": 0.0, "1": 1.0}


class Times:
    """Nanoseconds since 1970 (UTC) of a column of times; ``parse`` gives the seconds of one text, or ValueError."""

    def __init__(self, parse: Callable[[str], float]) -> None:
        self._parse = parse
        self._known: dict[str, int] = {}

    def __call__(self, name: str, texts: Sequence[str], wrong: Wrong) -> NDArray[np.int64]:
        found = np.zeros(len(texts), dtype=np.int64)
        for at, text in enumerate(texts):
            known = self._known.get(text)
            if known is None:
                try:
                    known = round(self._parse(text) * 1000) * (SECOND // 1000)
                    if not abs(known) < 2**63:
                        raise ValueError
                except (ValueError, OverflowError):
                    wrong.setdefault(at, f"{name}: {text[:40]!r} is no time of the format")
                    continue
                if len(self._known) >= CACHED:
                    self._known.clear()
                self._known[text] = known
            found[at] = known
        return found


def written_as(pattern: str) -> Callable[[str], float]:
    """The seconds of a text in a form of `datetime.strptime`, taken as UTC where it tells no zone."""

    def parse(text: str) -> float:
        told = datetime.strptime(text, pattern)
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()

    return parse


def iso(text: str) -> float:
    """The seconds of an ISO 8601 text, taken as UTC where it tells no zone."""
    told = datetime.fromisoformat(text)
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
