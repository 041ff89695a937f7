"""What the matching policy learns in a made-up market: a hundred products of ten lenders, whose rates nobody knows.

Lenders and products differ in how they answer to the odds of default, the amount, income …; answers come two hundred
matches later, and the model is fitted anew every two thousand. What an offer is worth is its true chance times what an
approval is worth; the clairvoyant, who knows all chances, is 1.
"""

import math
import random
from collections import deque

import numpy as np
from rig import offer_world

from credit.learning import Answer, Lessons, model_of, move
from credit.match_features import NAMES
from credit.matching import Floats, Matcher, Question, Standing, joined, priors_of
from credit.policy import Policy
from credit.product_file import catalogue_of
from credit.quotas import Quotas
from credit.tags import facts_of
from domain.money import NANOS

PRODUCTS, LENDERS = 100, 10
DELAY, FIT_EVERY = 200, 2_000
POLICIES = {
    "thompson": Policy("thompson", 0.02),
    "greedy": Policy("greedy", 0.02),
    "even": Policy("greedy", 1.0),
}


def shares(matches: int, seeds: int) -> dict[str, tuple[float, float]]:
    """By policy: the share of the clairvoyant's value over all matches, and over the last quarter."""
    found: dict[str, tuple[float, float]] = {}
    for name, policy in POLICIES.items():
        worths = np.array([one_market(policy, matches, seed) for seed in range(seeds)])
        late = worths[:, :, 3 * matches // 4 :]
        whole, last = (float(part[:, 0].sum() / part[:, 1].sum()) for part in (worths, late))
        found[name] = whole, last
    return found


def one_market(policy: Policy, matches: int, seed: int) -> tuple[Floats, Floats]:
    """Of each match: what the offer was worth, and what the clairvoyant's would have been."""
    draw, rng = random.Random(seed), np.random.default_rng(seed)
    form = offer_world.content(draw, PRODUCTS, LENDERS, quotas=False, depth=0)
    for lender in form["lenders"]:
        for product in lender["products"]:
            product |= {"amount": {"min": 100, "max": 10_000}, "term_months": {"min": 1, "max": 60}}
            product.pop("eligibility", None)
            product.pop("prior", None)
    catalogue = catalogue_of(form)
    lender_of = np.array([int(product.lender.removeprefix("lender")) for product in catalogue.products])
    usual = np.array([-1.0, -0.6, 0.0, 0.5, -0.1, 0.0, 0.3, 0.1, -0.3])
    scatter = np.array([0.7, 0.3, 0.0, 0.3, 0.3, 0.1, 0.2, 0.1, 0.2])
    truth = usual + (rng.normal(size=(LENDERS, len(NAMES))) * scatter)[lender_of]
    truth = truth + rng.normal(size=truth.shape) * scatter
    lessons = Lessons()
    quotas = Quotas(catalogue, None, lambda: 0)
    rates = model_of(*lessons.answers(), catalogue, 0).rates(priors_of(catalogue.products))
    matcher = Matcher(catalogue, rates, quotas, policy, draw.random)
    worth, best = np.zeros(matches), np.zeros(matches)
    everything, schema = np.arange(PRODUCTS), catalogue.schema()
    waiting: deque[Answer] = deque()
    for number in range(matches):
        standing = Standing(pd=draw.betavariate(1, 9), p_approved=draw.betavariate(2, 3))
        told = joined(facts_of(offer_world.tags(draw), schema), standing)
        asked = Question(*told, int(math.exp(draw.uniform(math.log(200), math.log(9_000)))) * NANOS, 12)
        (offer,) = matcher.match(asked).offers
        weighed = matcher.weigh(asked, everything)
        chance = 1 / (1 + np.exp(-np.einsum("ij,ij->i", weighed.features, truth[weighed.products])))
        values = chance * weighed.worth
        at = int(np.flatnonzero(weighed.products == offer.product)[0])
        worth[number], best[number] = values[at], values.max()
        path = catalogue.products[offer.product].path
        waiting.append(Answer(path, tuple(offer.features.tolist()), bool(draw.random() < chance[at])))
        if len(waiting) > DELAY:
            answer = waiting.popleft()
            move(matcher.rates, catalogue, [lessons.learn(answer)])
        if number % FIT_EVERY == FIT_EVERY - 1:
            matcher.rates = model_of(*lessons.answers(), catalogue, 0).rates(priors_of(catalogue.products))
    return worth, best
