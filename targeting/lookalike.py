"""Lookalikes: the people of a profile store who are most like those of a seed audience, as many as a marketer wants.

A logistic regression (scikit-learn) learns what tells the seed's people from a sample of the rest; three tenths of both
are kept apart, and the lift curve is measured on them. Then everybody is ranked who is not of the seed. Two passes over
the store, a few thousand records in memory at a time; the same store, seed and number give the same people.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.linear_model import LogisticRegression

from targeting.households import device_key, household_key
from targeting.lift import SHARES, Floats, Lift, lift_curve
from targeting.lookalike_features import Features
from targeting.profiles import ProfileStore
from targeting.record import live_segments
from targeting.redis_profiles import RedisProfiles
from targeting.scanning import BATCH, Keys, scan

MOST_SEEDS, MOST_OTHERS = 50_000, 100_000
"""Persons of either kind that are learned from and tested on, at most."""
LEAST_SEEDS = 100
TESTED = 0.3
"""Share of them that is kept apart."""
NEARLY_ALL, HARDLY_ANY = 0.8, 0.02
"""A feature of so many of the seed, and of so few others, may say no more than that somebody is of the seed."""

OPTED_OUT = 0
"""No audience has this id; whoever belongs to it is not to be recognised."""
COUNTERS = np.array([device_key(1) >> 32, household_key(1) >> 32], np.uint64)
"""Upper halves of keys that are no person's."""
LEAST_RECORD = 12
"""Bytes: a record without anything in it."""

IsSeed = Callable[[list[int]], bool]
"""Whether somebody with these live memberships (ids of audiences) belongs to the seed."""
Progress = Callable[[int], None]
"""Called with the number of records read, of both passes."""


class TooFew(ValueError):
    """The seed, or the rest, has not enough people with a profile."""


class Weight(NamedTuple):
    """What a feature adds to the score (log-odds), and how many of the seed and of the others have it."""

    feature: int
    weight: float
    of_seed: float
    of_others: float


@dataclass(frozen=True)
class Lookalikes:
    """``persons``: keys, the most alike first. ``curve`` ends with the share that these are of all others."""

    persons: list[int]
    seeds: int
    """People of the seed with a profile."""
    others: int
    learned: tuple[int, int]
    """Seeds, and others, that were learned from."""
    tested: tuple[int, int]
    curve: list[Lift]
    chosen: Lift
    """The lift of the audience as large as it was asked for."""
    weights: list[Weight]
    """The strongest first."""
    suspicious: list[int]
    """Features that come near to being the seed itself."""


def find(
    store: ProfileStore | RedisProfiles,
    features: Features,
    is_seed: IsSeed,
    size: int,
    now_s: int,
    *,
    barred: Collection[int] = (),
    seed: int = 1,
    progress: Progress = lambda read: None,
) -> Lookalikes:
    """The ``size`` people who are most like the seed. Whoever is in one of the audiences ``barred`` is neither learned
    from nor chosen. ``seed`` is the number that chance begins with. Raises `TooFew`.
    """
    read = 0

    def people() -> Iterator[tuple[Keys, list[bytes], NDArray[np.bool_]]]:
        nonlocal read
        bars = frozenset((*barred, OPTED_OUT))
        for keys, records in scan(store):
            live = [live_segments(record, now_s) for record in records]
            known = np.array([bars.isdisjoint(of) for of in live], bool) & _persons(keys, records)
            seeds = np.array([is_seed(of) for of in live], bool)
            read += len(records)
            progress(read)
            places = np.flatnonzero(known)
            yield keys[places], [records[place] for place in places], seeds[places]

    draw = _Draw(seed)
    others, sought = _Sample(MOST_OTHERS), _Sample(MOST_SEEDS)
    for keys, records, seeds in people():
        rows = _matrix(features, records, now_s)
        for sample, of in ((others, ~seeds), (sought, seeds)):
            some = np.flatnonzero(of)
            sample.add(draw(keys[some]), rows[some])
    if sought.seen < LEAST_SEEDS or others.seen < LEAST_SEEDS:
        which, count = ("seed has", sought.seen) if sought.seen < LEAST_SEEDS else ("rest has", others.seen)
        raise TooFew(f"the {which} {count} people with a profile; it takes at least {LEAST_SEEDS}")
    model = _Model(sought, others, seed)
    best = _Best(size)
    for keys, records, seeds in people():
        some = np.flatnonzero(~seeds)
        best.add(model.scores(_matrix(features, records, now_s)[some]), draw(keys[some]), keys[some])
    share = min(1.0, size / others.seen)
    *curve, chosen = lift_curve(*model.test, (*SHARES, share))
    return Lookalikes(
        best.persons(), sought.seen, others.seen, model.learned, model.tested, curve, chosen,
        model.weights(), model.suspicious(),
    )  # fmt: skip


def _persons(keys: Keys, records: list[bytes]) -> NDArray[np.bool_]:
    """Which of the records are a person's: not the counters of a device or a household, nor what only leads to another
    key."""
    whole = np.array([len(record) >= LEAST_RECORD for record in records], bool)
    return whole & ~np.isin(keys >> np.uint64(32), COUNTERS)


def _matrix(features: Features, records: list[bytes], now_s: int) -> Any:
    indptr, indices = features.rows(records, now_s)
    ones = np.ones(len(indices), np.float32)
    return csr_matrix((ones, indices, indptr), shape=(len(records), features.width))


class _Draw:
    """A number for each person, as good as random, and always the same (the finalizer of SplitMix64)."""

    def __init__(self, seed: int) -> None:
        self._seed = np.uint64((seed * 0x9E3779B97F4A7C15) & 0xFFFF_FFFF_FFFF_FFFF)

    def __call__(self, keys: Keys) -> Keys:
        mixed = keys ^ self._seed
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        return mixed ^ (mixed >> np.uint64(31))


class _Sample:
    """The rows of those with the smallest numbers, at most ``most`` of all that were added."""

    def __init__(self, most: int) -> None:
        self.most, self.seen = most, 0
        self._numbers: list[Keys] = []
        self._rows: list[Any] = []
        self._held = 0

    def add(self, numbers: Keys, rows: Any) -> None:
        self.seen += len(numbers)
        self._held += len(numbers)
        self._numbers.append(numbers)
        self._rows.append(rows)
        if self._held > 2 * self.most:
            self._shrink()

    def _shrink(self) -> None:
        numbers, rows = np.concatenate(self._numbers), vstack(self._rows, format="csr")
        places = np.argsort(numbers, kind="stable")[: self.most]
        self._numbers, self._rows, self._held = [numbers[places]], [rows[places]], len(places)

    def rows(self) -> Any:
        """In the order of the numbers, which has nothing to do with who they are."""
        self._shrink()
        return self._rows[0]


class _Model:
    def __init__(self, sought: _Sample, others: _Sample, seed: int) -> None:
        rows = [sample.rows() for sample in (others, sought)]
        cuts = [int(each.shape[0] * (1 - TESTED)) for each in rows]
        self.learned, self.tested = (cuts[1], cuts[0]), (rows[1].shape[0] - cuts[1], rows[0].shape[0] - cuts[0])
        known = vstack([each[:cut] for each, cut in zip(rows, cuts, strict=True)], format="csr")
        labels = np.repeat([0, 1], cuts)
        model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=300, random_state=seed)
        model.fit(known, labels)
        self._weights: Floats = model.coef_[0].astype(np.float64)
        self.test = self.scores(rows[1][cuts[1] :]), self.scores(rows[0][cuts[0] :])
        self._of_seed, self._of_others = (np.asarray(rows[n].mean(axis=0)).ravel() for n in (1, 0))

    def scores(self, rows: Any) -> Floats:
        """Log-odds, up to a constant."""
        found: Floats = rows @ self._weights
        return found

    def weights(self) -> list[Weight]:
        order = np.lexsort((np.arange(len(self._weights)), -np.abs(self._weights)))
        return [
            Weight(int(n), float(self._weights[n]), float(self._of_seed[n]), float(self._of_others[n]))
            for n in order
            if self._of_seed[n] or self._of_others[n]
        ]

    def suspicious(self) -> list[int]:
        found = (self._of_seed >= NEARLY_ALL) & (self._of_others <= HARDLY_ANY)
        return [int(n) for n in np.flatnonzero(found)]


class _Best:
    """Persons with the highest scores; of equal ones those with the smallest numbers."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[tuple[Floats, Keys, Keys]] = []
        self._held = 0

    def add(self, scores: Floats, numbers: Keys, keys: Keys) -> None:
        self._kept.append((scores, numbers, keys))
        self._held += len(keys)
        if self._held > 2 * self._size + BATCH:
            self._shrink()

    def _shrink(self) -> None:
        scores, numbers, keys = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        order = np.lexsort((numbers, -scores))[: self._size]
        self._kept, self._held = [(scores[order], numbers[order], keys[order])], len(order)

    def persons(self) -> list[int]:
        self._shrink()
        found: list[int] = self._kept[0][2].tolist()
        return found
