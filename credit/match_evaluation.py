"""Recorded matches as a log for off-policy evaluation: what was offered first, with its propensity, and what it earned;
and with which probabilities another policy, learnt from what came before, would have offered each product.

A match counts once its first offer is answered, or has not been for its product's ``answer_days``. It earned its payout
if it was approved, less what a default costs if there was one.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from credit.learning import DAY_NS, Lessons, model_of
from credit.match_features import AMOUNT, NAMES
from credit.match_log import MatchReader, MatchRecord, kept_catalogue
from credit.matching import Matcher, priors_of
from credit.offer_rates_file import Model
from credit.outcomes import Outcome, OutcomeReader
from credit.policy import Policy
from credit.products import Catalogue
from credit.quotas import Quotas


class Decided(NamedTuple):
    """A match of which it is known what it earned."""

    record: MatchRecord
    product: str
    reward: float
    """Units of currency."""
    propensity: float
    shares: Mapping[str, float]
    """By product: the other policy's probabilities; empty without one."""


class Recorded:
    """All matches, and what became of them; ``folder``: the credit service's directory of matches."""

    def __init__(self, folder: Path, outcomes: Path) -> None:
        self._folder = folder
        self._catalogues: dict[str, Catalogue] = {}
        reader = MatchReader(folder)
        self.matches = [record for part in iter(lambda: list(reader.read()), []) for record in part]
        self._outcomes: dict[str, list[Outcome]] = {}
        for outcome in OutcomeReader(outcomes).read():
            self._outcomes.setdefault(outcome.match_id, []).append(outcome)

    def find(self, id_: str) -> tuple[MatchRecord, list[Outcome]] | None:
        """A match and what became of it; None: there is none of this id, any more or at all."""
        found = next((record for record in self.matches if record.id == id_), None)
        return None if found is None else (found, self._outcomes.get(id_, []))

    def catalogue(self, version: str) -> Catalogue:
        """As it was when offers were made from it. Raises Refused if it is gone."""
        if version not in self._catalogues:
            self._catalogues[version] = kept_catalogue(self._folder, version)
        return self._catalogues[version]

    def model(self, until_ns: int) -> Model:
        """What the answers to matches before a moment teach, whenever they came. Raises Refused without any match."""
        lessons, latest = Lessons(), None
        for record in self.matches:
            if record.at_ns < until_ns:
                latest = record.catalogue
                lessons.matched(record)
        if latest is None:
            latest = self.matches[0].catalogue
        lessons.owners = self.catalogue(latest).owners()
        for told in self._outcomes.values():
            for outcome in told:
                lessons.happened(outcome)
        return model_of(*lessons.answers(), self.catalogue(latest), until_ns)

    def decided(self, now_ns: int, since_ns: int = 0, other: "Other | None" = None) -> Iterator[Decided]:
        """Matches from a moment on."""
        for record in self.matches:
            if record.at_ns < since_ns or not record.offers or len(record.offers[0].features) != len(NAMES):
                continue
            offer, catalogue = record.offers[0], self.catalogue(record.catalogue)
            product = next(one for one in catalogue.products if one.path == offer.product)
            tellers = ("", record.institution, catalogue.owners()[product.lender])
            kinds = {
                outcome.kind
                for outcome in self._outcomes.get(record.id, ())
                if outcome.institution in tellers
                and (
                    outcome.product in (offer.product, product.key) or (not outcome.product and len(record.offers) == 1)
                )
            }
            if not kinds and now_ns - record.at_ns <= product.answer_days * DAY_NS:
                continue
            approved = bool(kinds - {"rejected"})
            reward = product.pays(record.amount) * approved - product.loses(record.amount) * ("defaulted" in kinds)
            shares = other.shares(record, catalogue) if other else {}
            yield Decided(record, offer.product, reward, offer.propensity, shares)


class Other:
    """A policy that might have chosen."""

    def __init__(self, model: Model, policy: Policy) -> None:
        self._model, self._policy = model, policy
        self._matchers: dict[str, Matcher] = {}

    def shares(self, record: MatchRecord, catalogue: Catalogue) -> dict[str, float]:
        """With which probabilities it would have offered each of the candidates first."""
        matcher = self._matchers.get(record.catalogue)
        if matcher is None:
            rates = self._model.rates(priors_of(catalogue.products))
            matcher = Matcher(catalogue, rates, Quotas(catalogue, None, lambda: 0), self._policy)
            self._matchers[record.catalogue] = matcher
        candidates, _ = record.chosen_from()
        applicant = np.array(record.offers[0].features)
        applicant[AMOUNT] = 0.0
        weighed = matcher.weigh_features(applicant, record.pd, record.amount, candidates)
        shares = self._policy.shares(weighed.mean, weighed.deviation, weighed.worth)
        paths = [catalogue.products[place].path for place in weighed.products.tolist()]
        return dict(zip(paths, shares.tolist(), strict=True))
