"""An applicant and a catalogue in, an offer out: the product with the best expected value, as far as that is known.

The order: who may have what (`credit.eligibility`), what has room left (`credit.quotas`), how likely each is to be
approved (`credit.offer_rates`), what an approval is worth, and which product it is (`credit.policy`). An approval is
worth its payout less what a default would cost, ``payout - pd * loss``; an offer is worth that times P(approved). What
is not worth anything is not offered.
"""

import math
import secrets
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from credit.eligibility import Eligibility, unmet
from credit.match_features import Ranges, features_of
from credit.offer_rates import Rates, expected_rate
from credit.policy import Policy, draw
from credit.products import PPM, Catalogue, Product
from credit.quotas import Quotas
from credit.tags import Facts
from domain.errors import Problem, Refused
from domain.money import NANOS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_OFFERS = 20
"""Of one match."""


class Standing(NamedTuple):
    """What the credit model says of an applicant; NaN: nothing is known."""

    score: float = math.nan
    pd: float = math.nan
    p_approved: float = math.nan


def joined(facts: Facts, standing: Standing) -> tuple[Facts, Standing]:
    """Tags and what the credit model says, each filled up from the other; the model is believed more than the tags.

    Raises Refused for a told probability that is none.
    """
    problems = []
    for name in ("pd", "p_approved"):
        value = facts.get(f"credit.{name}")
        if isinstance(value, float) and not 0 <= value <= 1:
            problems.append(Problem(f"tags.credit.{name}", value, "it must be a probability, from 0 to 1"))
    if problems:
        raise Refused(problems)
    known = {f"credit.{name}": value for name, value in standing._asdict().items() if not math.isnan(value)}
    told = facts | known
    found = {name: told.get(f"credit.{name}", math.nan) for name in Standing._fields}
    return told, Standing(**{name: value for name, value in found.items() if isinstance(value, float)})


class Question(NamedTuple):
    """Who asks for which loan."""

    facts: Facts
    standing: Standing
    amount: int
    """Nanos."""
    term_months: int = 0
    """0: any."""
    offers: int = 1


class Offer(NamedTuple):
    """A product that was chosen."""

    product: int
    """Its place in the catalogue."""
    p_approved: float
    expected_value: float
    """Units of currency: P(approved) × (payout - pd × loss)."""
    payout: float
    expected_loss: float
    """P(approved) × pd × loss."""
    propensity: float
    """The probability of this choice among what was left when it was made, exactly."""
    features: Floats


class Match(NamedTuple):
    """What an applicant was offered, and what it was chosen from."""

    id: str
    offers: tuple[Offer, ...]
    candidates: Ints
    """Places of the products that could have been offered."""
    shares: Floats
    """(candidates,): the probability with which each was the first offer."""
    eligible: int
    """Products that the applicant may have, with room or without."""


class Weighed(NamedTuple):
    """Products that could be offered, and what is thought of them."""

    products: Ints
    features: Floats
    mean: Floats
    """Of log odds, as `deviation`."""
    deviation: Floats
    worth: Floats
    """Of an approval, units of currency, above 0."""
    payout: Floats
    loss: Floats
    """Of an approval, on the average."""


class Matcher:
    """Of one catalogue. `rates` may be replaced between two calls."""

    def __init__(
        self,
        catalogue: Catalogue,
        rates: Rates,
        quotas: Quotas,
        policy: Policy,
        uniform: Callable[[], float] | None = None,
    ) -> None:
        self.catalogue, self.rates, self.quotas, self.policy = catalogue, rates, quotas, policy
        products = catalogue.products
        self._eligibility = Eligibility(products, catalogue.schema())
        self._ranges = Ranges(products)
        self._fixed = np.array([product.payout.fixed / NANOS for product in products])
        self._share = np.array([product.payout.share_ppm / PPM for product in products])
        self._carried = np.array([p.loss.lgd_ppm / PPM * p.loss.carried_ppm / PPM for p in products])
        self._clawback = np.array([product.loss.clawback_ppm / PPM for product in products])
        self._usual_pd = np.array([product.loss.pd_ppm / PPM for product in products])
        self._uniform = uniform or secrets.SystemRandom().random

    def match(self, asked: Question) -> Match:
        """Offers in the order in which they were drawn, fewer than asked for where there are not so many. Each is
        counted against its quotas."""
        may = self._eligibility.eligible(asked.facts, asked.amount, asked.term_months)
        weighed = self.weigh(asked, np.flatnonzero(may & self.quotas.room(asked.amount)))
        shares = self.policy.shares(weighed.mean, weighed.deviation, weighed.worth)
        offers: list[Offer] = []
        left = shares.copy()
        rate = expected_rate(weighed.mean, weighed.deviation)
        for _ in range(min(asked.offers, MOST_OFFERS, len(shares))):
            total = float(left.sum())
            if total <= 0:
                break
            place = draw(left, self._uniform())
            product = int(weighed.products[place])
            offers.append(
                Offer(
                    product,
                    float(rate[place]),
                    float(rate[place] * weighed.worth[place]),
                    float(weighed.payout[place]),
                    float(rate[place] * weighed.loss[place]),
                    float(left[place]) / total,
                    weighed.features[place],
                )
            )
            left[place] = 0.0
            self.quotas.take(product, asked.amount)
            if len(offers) < asked.offers:
                left[~self.quotas.room(asked.amount)[weighed.products]] = 0.0
        return Match(secrets.token_hex(12), tuple(offers), weighed.products, shares, int(may.sum()))

    def weigh(self, asked: Question, products: Ints) -> Weighed:
        """Those of some products of which an approval is worth something."""
        pd = asked.standing.pd
        applicant = features_of(asked.facts, pd, asked.standing.p_approved, asked.amount, asked.term_months)
        return self.weigh_features(applicant, pd, asked.amount, products)

    def weigh_features(self, applicant: Floats, pd: float, nanos: int, products: Ints) -> Weighed:
        """The same of an applicant of whom the features are known (`credit.match_features.features_of`)."""
        amount = nanos / NANOS
        payout = self._fixed[products] + amount * self._share[products]
        default = self._usual_pd[products] if math.isnan(pd) else np.full(len(products), pd)
        loss = default * (amount * self._carried[products] + payout * self._clawback[products])
        kept = payout > loss
        products, payout, loss = products[kept], payout[kept], loss[kept]
        features = self._ranges.rows(applicant, nanos, products)
        mean, deviation = self.rates.logits(features, products)
        return Weighed(products, features, mean, deviation, payout - loss, payout, loss)

    def explain(self, asked: Question) -> list["Explained"]:
        """What is thought of every product, the likeliest to be offered first; nothing is counted."""
        may = self._eligibility.eligible(asked.facts, asked.amount, asked.term_months)
        room = self.quotas.room(asked.amount)
        weighed = self.weigh(asked, np.flatnonzero(may & room))
        shares = self.policy.shares(weighed.mean, weighed.deviation, weighed.worth)
        rate = expected_rate(weighed.mean, weighed.deviation)
        found = [
            Explained(
                self.catalogue.products[product],
                float(shares[place]),
                float(rate[place]),
                float(weighed.deviation[place]),
                float(weighed.payout[place]),
                float(rate[place] * weighed.loss[place]),
                float(rate[place] * weighed.worth[place]),
                (),
            )
            for place, product in enumerate(weighed.products.tolist())
        ]
        found.sort(key=lambda one: (-one.share, -one.expected_value))
        weighed_places = set(weighed.products.tolist())
        for place, product in enumerate(self.catalogue.products):
            if place not in weighed_places:
                why = unmet(product, asked.facts, asked.amount, asked.term_months)
                if not why:
                    why = ["an approval would be worth nothing"] if room[place] else ["its quota is used up"]
                found.append(Explained(product, 0.0, math.nan, math.nan, math.nan, math.nan, math.nan, tuple(why)))
        return found


class Explained(NamedTuple):
    """What is thought of a product for an applicant."""

    product: Product
    share: float
    """The probability with which it is offered."""
    p_approved: float
    deviation: float
    """Of its log odds."""
    payout: float
    """Units of currency, for an approval."""
    expected_loss: float
    expected_value: float
    reasons: tuple[str, ...]
    """Why it cannot be offered."""


def priors_of(products: Sequence[Product]) -> dict[str, tuple[float, float]]:
    """What lenders state of their products' approvals, for `credit.offer_rates_file.Model.rates`."""
    return {product.path: (product.prior.approval_ppm / PPM, product.prior.worth) for product in products}
