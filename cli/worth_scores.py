"""The scores of the proof of worth, learnt by the house's own commands from rows that the worlds are not made of, and what
of them stands in people's profiles.

Of the people's table one half is learnt from, of the clicks the earlier half; the worlds are made of the others.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from domain.worth import MOST_RISK, PROFILE_SCORES
from numpy.typing import NDArray

from cli.worth_bidder import START_NS
from domain.clock import SECOND
from domain.person import score_id
from domain.strategy import RATIO_UNIT
from prediction.metrics import auc
from simulator.applicants import APPROVED, TARGET, Applicants, Floats, Ints, write_applicants
from simulator.click_farms import Clicks, write_clicks
from simulator.worth_parameters import WorthParameters
from simulator.worth_traffic import WorthWorld
from targeting.identity_keys import parse_person
from targeting.record import Scored
from targeting.unpacked import Record, pack

SCORED_S = START_NS // SECOND
NOT_KNOWN = -1


class Quality(NamedTuple):
    """Of scores, on the people and clicks that worlds are made of."""

    auc_default: float
    auc_approval: float
    auc_fraud: float


class Scores(NamedTuple):
    """What the modules say in one world."""

    pd: Floats
    """Of each of its people; not a number where nothing is known of them …"""
    p_approved: Floats
    """… and the same of approval."""
    usual_pd: float
    """Of those that are approved, where nothing is known …"""
    usual_approval: float
    fraud: Ints
    """Of the user of each click that the world is made of; `NOT_KNOWN` where nothing is known of them."""
    max_fraud: int
    """No bid above it."""


class People(NamedTuple):
    """The profile store's records by key, and the fraud scores in them by advertising id."""

    records: Mapping[int, bytes]
    fraud: Mapping[str, int]


class LearntScores(NamedTuple):
    """``taught_*`` are of what was learnt from; the others of what worlds are made of."""

    pd: Floats
    p_approved: Floats
    usual_pd: float
    usual_approval: float
    fraud: Ints
    taught_fraud: Ints
    taught: Clicks
    quality: Quality

    def of(self, world: WorthWorld) -> Scores:
        """As known in a world: of a part of the people, and with the errors that its parameters ask for."""
        of = world.parameters
        draw = np.random.default_rng([world.seed, 4])
        order = np.arange(len(world.person))
        if of.shuffled_scores:
            order = draw.permutation(order)
        noise = of.score_noise * draw.normal(size=(2, len(order)))
        known = [
            np.where(world.scored, disturbed(column[world.person][order], error), np.nan)
            for column, error in ((self.pd, noise[0]), (self.p_approved, noise[1]))
        ]
        return Scores(known[0], known[1], self.usual_pd, self.usual_approval, self.fraud, self.max_fraud(of))

    def max_fraud(self, of: WorthParameters) -> int:
        """The lowest cut-off that blocks no more of the genuine clicks learnt from than `blocked_share`."""
        genuine = self.taught_fraud[~self.taught.farmed(of.farm_clicks)]
        above = [float((genuine > cut).mean()) <= of.blocked_share for cut in range(MOST_RISK + 1)]
        return above.index(True)


def disturbed(chance: Floats, error: Floats) -> Floats:
    """With an error on the log odds."""
    inner = np.clip(chance, 1e-6, 1 - 1e-6)
    return np.asarray(1.0 / (1.0 + np.exp(-(np.log(inner / (1 - inner)) + error))))


def learn_scores(
    taught: Applicants, people: Applicants, earlier: Clicks, later: Clicks, parameters: WorthParameters
) -> LearntScores:
    """From ``taught`` and ``earlier``; of ``people`` and ``later`` nothing is used but what is asked about."""
    approved = np.random.default_rng(len(taught)).random(len(taught)) < taught.approval
    with TemporaryDirectory(prefix="worth-") as folder:
        pd = credit_chances(Path(folder), taught, TARGET, taught.defaulted, people)
        p_approved = credit_chances(Path(folder), taught, APPROVED, approved, people)
        taught_fraud, fraud = fraud_scores(Path(folder), earlier, later)
    farmed = later.farmed(parameters.farm_clicks)
    quality = Quality(
        _auc(people.defaulted, pd),
        _auc(np.random.default_rng(1).random(len(people)) < people.approval, p_approved),
        _auc(farmed, fraud.astype(np.float64)),
    )
    usual_pd = float(taught.defaulted[approved].mean())
    return LearntScores(pd, p_approved, usual_pd, float(approved.mean()), fraud, taught_fraud, earlier, quality)


def credit_chances(
    folder: Path, taught: Applicants, target: str, labels: NDArray[np.bool_], people: Applicants
) -> Floats:
    """`outbid credit train` on those who are taught, and `outbid credit score` of the others: how likely ``target`` is."""
    write_applicants(folder / "taught.csv", taught, target, labels)
    write_applicants(folder / "people.csv", people)
    raise NotImplementedError


def fraud_scores(folder: Path, earlier: Clicks, later: Clicks) -> tuple[Ints, Ints]:
    """`outbid risk train` on the earlier clicks, and the scores of the users of both halves as they were known at the end
    of the earlier."""
    write_clicks(folder / "earlier.csv", earlier)
    raise NotImplementedError


def profiles(world: WorthWorld, scores: Scores) -> People:
    """What the profile store has of the world's people, and of the farms' devices."""
    records, fraud = {}, {}
    users = scores.fraud[world.user].tolist()
    for place, ifa in enumerate(world.person_ids()):
        known = {}
        if not np.isnan(scores.pd[place]):
            known["pd"] = round(float(scores.pd[place]) * RATIO_UNIT)
            known["p_approved"] = round(float(scores.p_approved[place]) * RATIO_UNIT)
        _keep(records, fraud, ifa, users[place], known)
    for ifa, click in world.farm_ids().items():
        _keep(records, fraud, ifa, int(scores.fraud[click]), {})
    return People(records, fraud)


def _keep(records: dict[int, bytes], fraud: dict[str, int], ifa: str, risk: int, known: dict[str, int]) -> None:
    if risk != NOT_KNOWN:
        known = known | {"fraud": risk}
        fraud[ifa] = risk
    if known:
        scores = {score_id(PROFILE_SCORES[name]): Scored(value, SCORED_S) for name, value in known.items()}
        records[parse_person(f"ifa:{ifa}")] = pack(Record(scores=scores))


def _auc(label: NDArray[np.bool_], score: Floats) -> float:
    return float(auc(label.astype(np.float64), score))
