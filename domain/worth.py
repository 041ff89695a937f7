"""What is known of a person's risk and credit when a bid is made, and what line items make of it.

Scores have the units that the risk and credit services give them: fraud and device risk 0 to 1000 (higher is worse),
the credit score 300 to 900 points (higher is better). Probabilities are whole millionths.
"""

from enum import IntFlag
from typing import Literal, get_args

from msgspec import Struct

PPM = 1_000_000
"""Probabilities, shares and factors are whole millionths."""
MOST_RISK = 1_000
LEAST_CREDIT, MOST_CREDIT = 300, 900
PROFILE_SCORES = {"fraud": "fraud", "device_risk": "device_risk", "credit_score": "credit", "pd": "pd_ppm",
                  "p_approved": "p_approved_ppm"}  # fmt: skip
"""Where the facts are from profiles: the names of scores (`domain.person.score_id`) that they are kept under."""


class Fact(IntFlag):
    """What is known of a person, a bit each; the event of a bid has them (``facts``)."""

    FRAUD = 1
    """The fraud score."""
    DEVICE_RISK = 2
    """The device risk index."""
    LISTED = 4
    """Whether an id or the address is on a black list."""
    BLACK = 8
    """It is on one."""
    CREDIT_SCORE = 16
    """The credit score."""
    PD = 32
    """The probability of default."""
    P_APPROVED = 64
    """The probability of approval."""


RISK_FACTS = Fact.FRAUD | Fact.DEVICE_RISK | Fact.LISTED
"""Those that the risk service is asked for; the credit service is asked for the others."""
CREDIT_FACTS = Fact.CREDIT_SCORE | Fact.PD | Fact.P_APPROVED

ScoreName = Literal["fraud", "device_risk", "credit_score", "pd", "p_approved"]
SCORE_NAMES: tuple[ScoreName, ...] = get_args(ScoreName)
"""The compiled rules tell them apart by their places here: new ones come last."""
PROBABILITIES = frozenset[ScoreName]({"pd", "p_approved"})
Unknown = Literal["allow", "refuse"]
UNKNOWN: tuple[Unknown, ...] = get_args(Unknown)


class ScoreMultiplier(Struct, frozen=True, forbid_unknown_fields=True):
    """What a bid is multiplied by where a score is known, and from ``least`` (inclusive) to ``below`` (exclusive):
    points, or millionths of a probability."""

    score: ScoreName
    least: int
    below: int
    factor: int
    """Millionths."""


class RiskRules(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a line item asks of the person who would see its ad. The defaults ask nothing."""

    max_fraud: int = MOST_RISK
    """No bid where the fraud score is above."""
    max_device_risk: int = MOST_RISK
    block_listed: bool = False
    """No bid where an id of the person, or the address, is on a black list."""
    min_credit_score: int = 0
    """No bid where the credit score is below."""
    max_pd_ppm: int = PPM
    """No bid where the probability of default is above."""
    unknown: Unknown = "allow"
    """What is done where a fact that one of the limits above is about is not known: bid, or not."""
    multipliers: tuple[ScoreMultiplier, ...] = ()
    """All that hold count, multiplied with the line item's others."""

    @property
    def facts(self) -> Fact:
        """The facts that it is about."""
        of_score = {"fraud": Fact.FRAUD, "device_risk": Fact.DEVICE_RISK, "credit_score": Fact.CREDIT_SCORE,
                    "pd": Fact.PD, "p_approved": Fact.P_APPROVED}  # fmt: skip
        wanted = self.limits
        for one in self.multipliers:
            wanted |= of_score[one.score]
        return wanted

    @property
    def limits(self) -> Fact:
        """The facts that its limits, which can keep it from bidding, are about."""
        return (
            (Fact.FRAUD if self.max_fraud < MOST_RISK else Fact(0))
            | (Fact.DEVICE_RISK if self.max_device_risk < MOST_RISK else Fact(0))
            | (Fact.LISTED if self.block_listed else Fact(0))
            | (Fact.CREDIT_SCORE if self.min_credit_score > 0 else Fact(0))
            | (Fact.PD if self.max_pd_ppm < PPM else Fact(0))
        )
