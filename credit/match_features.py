"""What the approval of an offer may depend on: few numbers, without units, about 0 on the average and about 1 in size.

Whatever is not known is 0, as if it were average. They are logged with each offer and learnt from as they were then, so
a change of what one of them means takes another name (`NAMES`), and models of other names are not used.
"""

import math

import numpy as np
from numpy.typing import NDArray

from credit.offer_rates import Beliefs
from credit.products import Product
from credit.tags import Facts
from domain.money import NANOS

Floats = NDArray[np.float64]

NAMES = (
    "one",
    "default_odds",
    "score_unknown",
    "approval_odds",
    "amount_in_range",
    "term",
    "income_to_amount",
    "loan_intent",
    "fraud",
)
AMOUNT = NAMES.index("amount_in_range")
"""The one that differs by product."""
USUAL_PD, USUAL_APPROVAL = 0.08, 0.3
FURTHEST = 3.0

BELIEFS = Beliefs(
    mean=np.array([-0.85, -0.5, -0.2, 0.7, -0.1, 0.0, 0.2, 0.1, -0.3]),
    variance=np.array([1.0, 0.25, 0.25, 0.25, 0.1, 0.1, 0.1, 0.1, 0.1]),
    lenders=np.array([0.3, 0.06, 0.06, 0.06, 0.04, 0.04, 0.04, 0.02, 0.04]),
    products=np.array([0.3, 0.06, 0.06, 0.06, 0.04, 0.04, 0.04, 0.02, 0.04]),
)
"""Before any answer: an approval rate of 30 %, fewer for those who will likely default and more for those whom the
credit model thinks approvable, each uncertain by a multiple."""


def features_of(facts: Facts, pd: float, p_approved: float, amount: int, term_months: int) -> Floats:
    """(d,): of an applicant. ``pd`` and ``p_approved`` NaN: unknown; ``term_months`` 0: any."""
    found = np.zeros(len(NAMES))
    found[0] = 1.0
    if math.isnan(pd):
        found[2] = 1.0
    else:
        found[1] = (_logit(pd) - _logit(USUAL_PD)) / 1.5
    if not math.isnan(p_approved):
        found[3] = (_logit(p_approved) - _logit(USUAL_APPROVAL)) / 1.5
    if term_months:
        found[5] = math.log2(term_months / 24)
    income = facts.get("assets.monthly_income")
    if isinstance(income, float) and income > 0 and amount > 0:
        found[6] = math.log(12 * income * NANOS / amount)
    intent = facts.get("behaviour.loan_intent")
    if isinstance(intent, float):
        found[7] = (intent - 500) / 250
    fraud = facts.get("device.fraud")
    if isinstance(fraud, float):
        found[8] = fraud / 250
    return np.clip(found, -FURTHEST, FURTHEST)


class Ranges:
    """Where amounts lie in the ranges of a catalogue's products."""

    def __init__(self, products: list[Product] | tuple[Product, ...]) -> None:
        low = np.log([float(product.amount_min) for product in products])
        high = np.log([float(product.amount_max) for product in products])
        self._middle, self._half = (low + high) / 2, np.maximum((high - low) / 2, 1e-9)

    def rows(self, applicant: Floats, amount: int, products: NDArray[np.int64]) -> Floats:
        """(n, d): an applicant's features for each of some products."""
        rows = np.tile(applicant, (len(products), 1))
        place = (math.log(amount) - self._middle[products]) / self._half[products]
        rows[:, AMOUNT] = np.clip(place, -1.0, 1.0)
        return rows


def _logit(rate: float) -> float:
    bounded = min(max(rate, 1e-6), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))
