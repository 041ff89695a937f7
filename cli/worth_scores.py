"""The scores of the proof of worth, learnt as the house's own commands learn them from rows that the worlds are not
made of, and what of them stands in people's profiles.

Of the people's table one half is learnt from, of the clicks the earlier half; the worlds are made of the others.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cli.worth_bidder import START_NS
from cli.worth_fraud import FraudScores
from credit.approval import learnt
from credit.columns import Asked
from credit.model import CreditModel
from credit.table import read
from credit.training import Settings, train
from domain.clock import SECOND
from domain.person import score_id
from domain.strategy import RATIO_UNIT
from domain.worth import MOST_RISK, PROFILE_SCORES
from prediction.metrics import auc
from simulator.applicants import PROTECTED, TARGET, Applicants, Floats, Ints, write_applicants
from simulator.worth_parameters import WorthParameters
from simulator.worth_traffic import WorthWorld
from targeting.identity_keys import parse_person
from targeting.record import Scored
from targeting.unpacked import Record, pack

SCORED_S = START_NS // SECOND


class Quality(NamedTuple):
    """Of scores, on the people and clicks that worlds are made of."""

    auc_default: float
    mean_pd: float
    """Beside the share that defaulted …"""
    defaulted: float
    auc_approval: float
    mean_p_approved: float
    """… and beside how likely approval is on average."""
    approved: float
    auc_fraud: float
    auc_fraud_taught: float
    max_fraud: int
    """The cut-off of the base world."""


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
    """Of the user of each click that the world is made of."""
    max_fraud: int
    """No bid above it."""


class People(NamedTuple):
    """The profile store's records by key, and the fraud scores in them by advertising id."""

    records: Mapping[int, bytes]
    fraud: Mapping[str, int]


class LearntScores(NamedTuple):
    """Of the people and clicks that worlds are made of."""

    pd: Floats
    p_approved: Floats
    usual_pd: float
    usual_approval: float
    fraud: FraudScores
    people: Applicants
    farmed: NDArray[np.bool_]

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
        return Scores(known[0], known[1], self.usual_pd, self.usual_approval, self.fraud.scores, self.max_fraud(of))

    def max_fraud(self, of: WorthParameters) -> int:
        """The lowest cut-off that blocks no more of the genuine clicks learnt from than `blocked_share`."""
        taught, scores = self.fraud.taught, self.fraud.taught_scores
        genuine = scores[~taught.farmed(max(1, round(of.farm_clicks * len(taught) / len(self.farmed))))]
        above = [float((genuine > cut).mean()) <= of.blocked_share for cut in range(MOST_RISK + 1)]
        return above.index(True)

    def quality(self, of: WorthParameters) -> Quality:
        approved = np.random.default_rng(1).random(len(self.people)) < self.people.approval
        return Quality(
            _auc(self.people.defaulted, self.pd),
            float(self.pd.mean()),
            float(self.people.defaulted.mean()),
            _auc(approved, self.p_approved),
            float(self.p_approved.mean()),
            float(self.people.approval.mean()),
            _auc(self.farmed, self.fraud.scores / MOST_RISK),
            self.fraud.auc_taught,
            self.max_fraud(of),
        )


def disturbed(chance: Floats, error: Floats) -> Floats:
    """With an error on the log odds."""
    inner = np.clip(chance, 1e-6, 1 - 1e-6)
    return np.asarray(1.0 / (1.0 + np.exp(-(np.log(inner / (1 - inner)) + error))))


def learn_scores(taught: Applicants, people: Applicants, fraud: FraudScores, farmed: NDArray[np.bool_]) -> LearntScores:
    """From ``taught``, their outcomes and what a lender decided on them; ``people`` are only scored."""
    approved = np.random.default_rng(len(taught)).random(len(taught)) < taught.approval
    with TemporaryDirectory(prefix="worth-") as folder:
        pd, p_approved = credit_chances(Path(folder), taught, approved, people)
    usual_pd = float(taught.defaulted[approved].mean())
    return LearntScores(pd, p_approved, usual_pd, float(approved.mean()), fraud, people, farmed)


def credit_chances(
    folder: Path, taught: Applicants, approved: NDArray[np.bool_], people: Applicants
) -> tuple[Floats, Floats]:
    """(PD, P(approved)) of ``people``. As `outbid credit train FILE --target Y --protected X2,X4,X5` learns it of those
    who are taught, with the curve of approvals that outcomes of applications make of their scores.
    """
    write_applicants(folder / "taught.csv", taught, TARGET, taught.defaulted)
    write_applicants(folder / "people.csv", people)
    made = train(
        read(folder / "taught.csv"),
        Settings(target=TARGET, asked=Asked(protected=PROTECTED)),
        source="worth",
        now_ns=START_NS,
    )
    points = made.model.facts.scale.points(made.served.log_odds)  # of each by a model that had not seen it
    curve = learnt(made.model.facts.approval, points.tolist(), approved.tolist())
    model = CreditModel(made.model)
    scores = model.scores(model.columns_of(read(folder / "people.csv")))
    return scores.pd, curve(scores.score)


def profiles(world: WorthWorld, scores: Scores) -> People:
    """What the profile store has of the world's people, and of the farms' devices."""
    records: dict[int, bytes] = {}
    fraud: dict[str, int] = {}
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
    told = {**known, "fraud": risk}
    scores = {score_id(PROFILE_SCORES[name]): Scored(value, SCORED_S) for name, value in told.items()}
    fraud[ifa], records[parse_person(f"ifa:{ifa}")] = risk, pack(Record(scores=scores))


def _auc(label: NDArray[np.bool_], score: Floats) -> float:
    return float(auc(label.astype(np.float64), score))
