"""TalkingData mobile clicks (the Kaggle challenge's form): CSV with a header, in order of time; was the app installed?

What tells a fraudulent click is how often and how fast the same address, device and system clicked before. These counts
run on from row to row and never look at a later one; they halve in a day, so that they mean the same in the first week
as in the tenth. What is known at the end of a file is its `history`, with which the rows of a later file go on.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cython_ext.decayed_counts import DecayedCounts
from domain.errors import Problem, Refused
from prediction.datasets.columns import BINARY, Categories, Times, Wrong, labels, written_as
from prediction.datasets.dataset import Dataset, History
from prediction.datasets.lines import Block, Lines
from prediction.feature_set import Feature, FeatureSet, category, numbers
from prediction.rows import Rows, rows

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
HALF_LIFE = 24 * HOUR
MOST_KEYS = 1 << 22

CATEGORIES = ("app", "device", "os", "channel")

GROUPS: dict[str, tuple[str, ...]] = {
    "ip": ("ip",),
    "ip_app": ("ip", "app"),
    "user": ("ip", "device", "os"),
    "user_app": ("ip", "device", "os", "app"),
}
"""What is counted: clicks that have these columns in common. Address, device and system stand for the person."""

FEATURES = FeatureSet(
    "talkingdata",
    1,
    (
        *(Feature(name, "category", "request") for name in CATEGORIES),
        Feature("hour", "category", "request", doc="hour of the day, UTC"),
        *(Feature(f"{group}_count", "number", "request", doc="earlier clicks, halved every day") for group in GROUPS),
        *(Feature(f"{group}_gap", "number", "request", doc="seconds since the one before") for group in GROUPS),
    ),
    crosses=(("app", "os"), ("app", "device")),
)


class Talkingdata(Dataset):
    """The rows of such a file."""

    def __init__(self, path: Path) -> None:
        needed = ("ip", *CATEGORIES, "click_time", "is_attributed")
        names = ("ip", "app", "device", "os", "channel", "click_time", "attributed_time", "is_attributed")
        super().__init__(Lines(path, ",", names=names, header=True, needed=needed), FEATURES)
        self._categories = {name: Categories() for name in ("ip", *CATEGORIES)}
        self._times = Times(_time)
        self._counts = {group: DecayedCounts(HALF_LIFE, MOST_KEYS) for group in GROUPS}

    def parsed(self, block: Block, wrong: Wrong) -> Rows:
        label = labels("is_attributed", block["is_attributed"], wrong, BINARY)
        time_ns = self._times("click_time", block["click_time"], wrong)
        if wrong:  # before anything is counted
            block = block.without(wrong, self.bad)
            good = np.array([at not in wrong for at in range(len(label))])
            label, time_ns = label[good], time_ns[good]
            wrong.clear()
        known = {name: hashed(block[name]) for name, hashed in self._categories.items()}
        columns = {name: known[name] for name in CATEGORIES}
        columns["hour"] = _HOURS[time_ns // HOUR % 24]
        for group, of in GROUPS.items():
            counts, gaps = self._counts[group].observe(_key([known[name] for name in of]), time_ns)
            columns[f"{group}_count"], columns[f"{group}_gap"] = numbers(counts), numbers(gaps)
        return rows(np.stack([columns[feature.name] for feature in FEATURES.features], axis=1), label, time_ns=time_ns)

    def history(self) -> History:
        told: History = {}
        for group, counts in self._counts.items():
            told[f"{group}.key"], told[f"{group}.count"], told[f"{group}.last_ns"] = counts.state()
        return told

    def resume(self, history: History) -> None:
        for group, counts in self._counts.items():
            try:
                counts.restore(*(history[f"{group}.{name}"] for name in ("key", "count", "last_ns")))
            except (KeyError, ValueError) as error:
                raise Refused([Problem(f"history.{group}", str(error), "it must be what a reading has kept")]) from None


_HOURS = np.array([category(hour) for hour in range(24)], dtype=np.uint32)


def _time(text: str) -> float:
    return _SECONDS(text) if text.count(":") == 2 else _MINUTES(text)


_SECONDS, _MINUTES = written_as("%Y-%m-%d %H:%M:%S"), written_as("%Y-%m-%d %H:%M")


def _key(columns: list[NDArray[np.uint32]]) -> NDArray[np.uint64]:
    """64 well mixed bits of the values together (the finaliser of SplitMix64, once a column)."""
    key = np.full(len(columns[0]), len(columns), dtype=np.uint64)
    for column in columns:
        key = (key ^ column) + np.uint64(0x9E3779B97F4A7C15)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        key ^= key >> np.uint64(31)
    return key
