"""A live model put right by what was seen since it was trained: what it promised, and what came, segment by segment.

Sums are kept by the hour in which impressions were served, whenever their outcome comes: so an hour's promise is held
against what can have come of it by now, and late conversions are no reason to bid less. What is counted is the model's
probability *before* this correction; so a correction never feeds on itself.
"""

import os
from collections.abc import Sequence
from math import log
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from cython_ext.curves import keys_of
from domain.clock import SECOND
from domain.errors import Problem, Refused
from eventlog.segments import sync_directory
from prediction.calibrated import Calibrated
from prediction.calibration import Segments
from prediction.corrections import Corrections
from prediction.delays import Delays
from prediction.feature_set import FeatureSet
from prediction.ranking import Floats

FORMAT = 1
HOUR = 3_600 * SECOND


class OnlineSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How fast it follows, and how far it goes."""

    window_s: float = 7 * 86_400.0
    """Impressions served longer ago tell nothing of today."""
    half_life_s: float = 86_400.0
    """After this long an hour counts half."""
    prior_events: float = 30.0
    """Outcomes that being right counts for: with 30 promised and 60 come, half way from 1 to 2."""
    most: float = 0.7
    """Log odds that a level is moved by at most: a factor of 2. More is no drift but a fault, to be looked at."""


class Sums(Struct, array_like=True):
    """Of a segment's impressions of an hour."""

    served: float = 0.0
    promised: float = 0.0
    """Their probabilities …"""
    spread: float = 0.0
    """… and each of these times its complement: by so much their sum grows with the log odds."""
    came: float = 0.0


class _State(Struct):
    format: int
    version: int
    levels: tuple[tuple[str, ...], ...]
    positions: dict[str, int]
    hours: dict[int, dict[str, Sums]]


class OnlineCalibration:
    """Sums of one model version. ``levels`` are those of its calibration, in their order; each must begin with the
    features of the one before, so that a level's sums can be held against what its parent leaves.
    """

    def __init__(self, version: int, levels: Sequence[Sequence[str]], settings: OnlineSettings | None = None) -> None:
        self.settings = settings or OnlineSettings()
        for number, (before, level) in enumerate(zip([(), *levels], levels, strict=False)):
            if not level or tuple(level[: len(before)]) != tuple(before) or len(level) <= len(before):
                allowed = f"more features, beginning with {list(before)}"
                raise Refused([Problem(f"levels[{number}]", list(level), allowed)])
        self._state = _State(FORMAT, version, tuple(tuple(level) for level in levels), {}, {})

    @classmethod
    def of(
        cls, version: int, model: Calibrated, features: FeatureSet, settings: OnlineSettings | None = None
    ) -> "OnlineCalibration":
        """For a model as it was trained; of its levels those from the first on that begin with each other."""
        names, levels = [feature.name for feature in features.features], list[tuple[str, ...]]()
        for slots in model.levels:
            before, level = levels[-1] if levels else (), tuple(names[slot] for slot in slots)
            if len(level) <= len(before) or level[: len(before)] != before:
                break
            levels.append(level)
        return cls(version, levels, settings)

    def segments(self, values: NDArray[np.uint32], features: FeatureSet) -> dict[str, NDArray[np.uint32]]:
        """What `count` takes, of rows of values."""
        return {
            name: values[:, features.slot(name)] for name in {name for level in self._state.levels for name in level}
        }

    @property
    def version(self) -> int:
        """The model's."""
        return self._state.version

    def position(self, source: str) -> int:
        """Up to where a source has been counted; 0: nothing of it."""
        return self._state.positions.get(source, 0)

    def count(
        self,
        source: str,
        begin: int,
        end: int,
        *,
        served_ns: NDArray[np.int64],
        score: Floats,
        segments: Segments,
        outcome: bool = False,
        weight: Floats | None = None,
    ) -> bool:
        """Adds impressions that were served, or, with ``outcome``, those of which an outcome came; both by when they
        were served, and with the model's own probability. They are what ``source`` has between two positions (above 0):
        who does not go on where it was left is told so, and what was counted already is left out (False).

        Raises:
            Refused: The positions leave a gap, or overlap; arrays differ in length.
        """
        at = self.position(source)
        if end <= at:
            return False
        if at and begin != at:
            raise Refused([Problem(f"{source}.begin", begin, f"it has to begin where counting stopped, at {at}")])
        shape = served_ns.shape
        if score.shape != shape or any(segments[name].shape != shape for level in self._state.levels for name in level):
            raise Refused([Problem("score, segments", score.shape, f"one for each impression served, {shape}")])
        times = np.ones(len(served_ns)) if weight is None else weight
        hours = served_ns // HOUR
        for number in range(-1, len(self._state.levels)):
            names = self._state.levels[number] if number >= 0 else ()
            columns = [np.asarray(segments[name], dtype=np.int64) for name in names]
            kinds, place = np.unique(np.column_stack([hours, *columns]), axis=0, return_inverse=True)
            place = place.ravel()
            rows = np.bincount(place, times, len(kinds))
            promised = np.bincount(place, times * score, len(kinds))
            spread = np.bincount(place, times * score * (1 - score), len(kinds))
            for kind, count, said, each in zip(
                kinds.tolist(), rows.tolist(), promised.tolist(), spread.tolist(), strict=True
            ):
                sums = self._state.hours.setdefault(kind[0], {}).setdefault(_name(number, kind[1:]), Sums())
                if outcome:
                    sums.came += count
                else:
                    sums.served += count
                    sums.promised += said
                    sums.spread += each
        self._state.positions[source] = end
        return True

    def corrections(self, now_ns: int, delays: Delays | None = None) -> Corrections:
        """What to move log odds by. ``now_ns``: up to when outcomes have been counted; ``delays``: theirs; None: they
        come at once, as clicks do.

        Each level's factor is that of its own outcomes to what was promised, after the levels before it, held to 1 by
        `prior_events` (the mean of a gamma posterior).
        """
        totals = self._totals(now_ns, delays)
        whole = totals.pop(_name(-1, []), Sums())
        shift = self._moved(whole, 0.0)
        keys, offsets = [], []
        moved: dict[tuple[int, ...], float] = {(): shift}
        for number in range(len(self._state.levels)):
            above = len(self._state.levels[number - 1]) if number else 0
            for name, sums in totals.items():
                tree, *values = _values(name)
                if tree == number:
                    parent = moved[tuple(values[:above])]
                    own = self._moved(sums, parent)
                    moved[tuple(values)] = parent + own
                    if abs(own) > 1e-4:
                        keys.append(int(keys_of(number, np.array([values], np.uint32))[0]))
                        offsets.append(own)
        return Corrections(self.version, now_ns, keys, offsets, shift)

    def forget(self, now_ns: int) -> None:
        """Drops hours that are older than the window."""
        oldest = (now_ns - int(self.settings.window_s * SECOND)) // HOUR
        self._state.hours = {hour: sums for hour, sums in self._state.hours.items() if hour >= oldest}

    def save(self, path: Path) -> None:
        """Sums and positions together, at once and durably: after a crash nothing is counted twice or missed."""
        draft = path.with_name(path.name + ".new")
        with open(draft, "wb") as file:
            file.write(msgspec.msgpack.encode(self._state))
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        sync_directory(path.parent)

    @classmethod
    def load(cls, path: Path, settings: OnlineSettings | None = None) -> "OnlineCalibration":
        """As it was saved. Raises ValueError for what is no such file, OSError."""
        try:
            state = msgspec.msgpack.decode(path.read_bytes(), type=_State)
        except msgspec.DecodeError as error:
            raise ValueError(f"{path}: {error}") from None
        if state.format != FORMAT:
            raise ValueError(f"{path}: format: {state.format} is not allowed; {FORMAT} is")
        made = cls(state.version, state.levels, settings)
        made._state = state
        return made

    def _totals(self, now_ns: int, delays: Delays | None) -> dict[str, Sums]:
        """Of all hours, each counted for as much as its age leaves: what can have come of it, and what did."""
        totals: dict[str, Sums] = {}
        hours = np.array(sorted(self._state.hours), dtype=np.int64)
        age = np.maximum((now_ns - hours * HOUR) / SECOND - HOUR / SECOND / 2, 0.0)
        arrived = np.ones(len(hours)) if delays is None else delays.arrived(age)
        fresh = np.where(age <= self.settings.window_s, 0.5 ** (age / self.settings.half_life_s), 0.0)
        for hour, share, counts in zip(hours.tolist(), arrived.tolist(), fresh.tolist(), strict=True):
            for name, sums in self._state.hours[hour].items():
                total = totals.setdefault(name, Sums())
                total.served += counts * share * sums.served
                total.promised += counts * share * sums.promised
                total.spread += counts * share * sums.spread
                total.came += counts * sums.came
        return totals

    def _moved(self, sums: Sums, parent: float) -> float:
        """Log odds that a segment is to be moved by, beyond its parent's."""
        if sums.served <= 0 or sums.promised <= 0:
            return 0.0
        mean = min(sums.promised / sums.served, 0.999)
        alike = max(min(sums.spread / (sums.promised * (1 - mean)), 1.0), 0.2)  # unlike ones' mean moves less with odds
        expected = sums.served * _moved_mean(mean, parent * alike)
        factor = (sums.came + self.settings.prior_events) / (expected + self.settings.prior_events)
        held = min(expected / sums.served, 0.999)
        wanted = min(held * factor, 0.9995)
        by = log(wanted / (1 - wanted)) - log(held / (1 - held))
        return max(-self.settings.most, min(self.settings.most, by / alike))


def _moved_mean(mean: float, by: float) -> float:
    odds = mean / (1 - mean) * float(np.exp(by))
    return odds / (1 + odds)


def _name(level: int, values: Sequence[int]) -> str:
    return ",".join(map(str, (level, *values)))


def _values(name: str) -> list[int]:
    return [int(part) for part in name.split(",")]
