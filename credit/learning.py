"""Learning from answers: which offers were approved, and which were not.

Matches wait here for what became of them. The first answer to an offer counts: approved (or paid out, repaid,
defaulted, which only approved ones are) or rejected. An offer without an answer for its product's ``answer_days`` was
not taken up: it counts as not approved. Between two fits each answer moves the belief about its product
(`credit.offer_rates.Rates`); a fit takes all of them anew, for all products at once.
"""

from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from credit.match_features import BELIEFS, NAMES
from credit.match_log import MatchRecord, Offered
from credit.matching import MOST_OFFERS, priors_of
from credit.offer_rates import Answers, Rates, fit
from credit.offer_rates_file import Model
from credit.outcomes import Outcome
from credit.products import Catalogue
from domain.clock import SECOND

MOST_WAITING = 2_000_000
"""Offers; beyond that the oldest are given up."""
MOST_EARLY, MOST_EARLY_EACH = 10_000, 2 * MOST_OFFERS
"""Matches of which outcomes came before the match itself, until the next fit; and outcomes of each."""
USUAL_ANSWER_DAYS = 30
"""Of products that are in the catalogue no more."""
DAY_NS = 86_400 * SECOND


class _Waiting(NamedTuple):
    at_ns: int
    institution: str
    offers: tuple[Offered, ...]
    answered: set[str]


class Answer(NamedTuple):
    """An answer that something can be learnt from."""

    product: str
    features: tuple[float, ...]
    approved: bool


class Lessons:
    """All answers so far, and the offers that wait for theirs. Of one thread at a time."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}
        """By lender: the institution whose keys tell of its offers (`credit.products.Catalogue.owners`); of one that is
        not there, the lender's own key.
        """
        self._waiting: dict[str, _Waiting] = {}
        self._offers = 0
        self._early: dict[str, list[Outcome]] = {}
        self._paths: dict[str, int] = {}
        self._product, self._features, self._approved = array("q"), array("d"), array("b")
        self.unknown = 0
        """Outcomes of matches that are not known, or were given up, or name no offer of theirs."""
        self.foreign = 0
        """Outcomes that an institution told of another one's offer."""

    def __len__(self) -> int:
        return len(self._product)

    @property
    def waiting(self) -> int:
        """Matches of which an answer is awaited."""
        return len(self._waiting)

    def matched(self, record: MatchRecord) -> list[Answer]:
        """A match was made. Returns the answers to it that had come before it was read."""
        if not record.offers or any(len(offer.features) != len(NAMES) for offer in record.offers):
            return []
        self._waiting[record.id] = _Waiting(record.at_ns, record.institution, record.offers, set())
        self._offers += len(record.offers)
        while self._offers > MOST_WAITING:
            self._offers -= len(self._waiting.pop(next(iter(self._waiting))).offers)
        return [answer for early in self._early.pop(record.id, ()) if (answer := self._answer(early))]

    def happened(self, outcome: Outcome) -> Answer | None:
        """An outcome came. Returns the answer in it, if it is the first one to its offer."""
        if not outcome.match_id:
            return None
        if outcome.match_id not in self._waiting:
            early = self._early.get(outcome.match_id, [])
            if len(early) < MOST_EARLY_EACH and (early or len(self._early) < MOST_EARLY):
                self._early[outcome.match_id] = [*early, outcome]  # the match may be in a log that is not read yet
            else:
                self.unknown += 1
            return None
        return self._answer(outcome)

    def _answer(self, outcome: Outcome) -> Answer | None:
        waiting, named = self._waiting[outcome.match_id], outcome.product
        found = [
            offer for offer in waiting.offers if not named or named in (offer.product, offer.product.partition("/")[2])
        ]
        if len(found) != 1:
            self.unknown += 1
            return None
        offer = found[0]
        lender = offer.product.partition("/")[0]
        if outcome.institution not in ("", waiting.institution, self.owners.get(lender, lender)):
            self.foreign += 1
            return None
        if offer.product in waiting.answered:
            return None
        waiting.answered.add(offer.product)
        if len(waiting.answered) == len(waiting.offers):
            del self._waiting[outcome.match_id]
            self._offers -= len(waiting.offers)
        return self.learn(Answer(offer.product, offer.features, outcome.kind != "rejected"))

    def expire(self, now_ns: int, catalogue: Catalogue) -> list[Answer]:
        """Offers that were not answered in time, as not approved."""
        days = {product.path: product.answer_days for product in catalogue.products}
        found = []
        for id_, waiting in list(self._waiting.items()):
            for offer in waiting.offers:
                if offer.product in waiting.answered:
                    continue
                if now_ns - waiting.at_ns > days.get(offer.product, USUAL_ANSWER_DAYS) * DAY_NS:
                    waiting.answered.add(offer.product)
                    found.append(self.learn(Answer(offer.product, offer.features, False)))
            if len(waiting.answered) == len(waiting.offers):
                del self._waiting[id_]
                self._offers -= len(waiting.offers)
        self.unknown += sum(map(len, self._early.values()))
        self._early.clear()
        return found

    def learn(self, answer: Answer) -> Answer:
        """Keeps an answer for the next fit; returns it."""
        self._product.append(self._paths.setdefault(answer.product, len(self._paths)))
        self._features.extend(answer.features)
        self._approved.append(answer.approved)
        return answer

    def answers(self) -> tuple[list[str], Answers]:
        """All answers, with the products that they are of."""
        features = np.array(self._features).reshape(-1, len(NAMES))
        product, approved = np.array(self._product, dtype=np.int64), np.array(self._approved, dtype=np.float64)
        return list(self._paths), Answers(product, features, approved, np.ones(len(product)))


def model_of(paths: list[str], answers: Answers, catalogue: Catalogue, now_ns: int) -> Model:
    """The model of approvals that answers, and what lenders state, make likely."""
    products = list(dict.fromkeys([*(product.path for product in catalogue.products), *paths]))
    places = {path: place for place, path in enumerate(products)}
    lenders: dict[str, int] = {}
    lender_of = np.array(
        [lenders.setdefault(path.partition("/")[0], len(lenders)) for path in products], dtype=np.int64
    )
    stated = [(places[path], *prior) for path, prior in priors_of(catalogue.products).items() if prior[0]]
    usual = np.zeros((len(stated), len(NAMES)))
    usual[:, 0] = 1.0
    moved = np.array([places[path] for path in paths], dtype=np.int64)
    everything = Answers(
        np.concatenate([moved[answers.product], np.array([place for place, _, _ in stated], dtype=np.int64)]),
        np.concatenate([answers.features, usual]),
        np.concatenate([answers.approved, [approval for _, approval, _ in stated]]),
        np.concatenate([answers.weight, [worth for _, _, worth in stated]]),
    )
    return Model(fit(everything, lender_of, BELIEFS), list(lenders), products, len(answers), now_ns)


def move(rates: Rates, catalogue: Catalogue, answers: Iterable[Answer]) -> None:
    """Lets beliefs follow a few answers."""
    places = {product.path: place for place, product in enumerate(catalogue.products)}
    for answer in answers:
        place = places.get(answer.product)
        if place is not None:
            rates.answer(place, np.array(answer.features), float(answer.approved))
