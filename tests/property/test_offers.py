"""Who may have what, and which product is the best, against a twin that reads files and tags as they are written."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.rig import offer_world
from credit.eligibility import unmet
from credit.match_features import AMOUNT, NAMES, features_of
from credit.matching import Matcher, Question, Standing, joined
from credit.offer_rates import Rates
from credit.policy import Policy
from credit.product_file import catalogue_of
from credit.quotas import Quotas
from credit.tags import facts_of
from domain.money import NANOS
from tests import offers_twin as twin
from tests.examples import examples

PRODUCTS, APPLICANTS = 40, 12
NOW = 1_790_000_000 * 10**9


@settings(max_examples=examples(6), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_conditions_and_the_best_product(seed: int) -> None:
    draw = random.Random(seed)
    form = offer_world.content(draw, PRODUCTS, 4, depth=draw.choice([0, 1, 2]), quotas=False)
    catalogue = catalogue_of(form)
    written = [(lender["key"], product) for lender in form["lenders"] for product in lender["products"]]
    assert [product.path for product in catalogue.products] == [f"{key}/{product['key']}" for key, product in written]
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(PRODUCTS, len(NAMES), len(NAMES))) * 0.2
    rates = Rates(rng.normal(size=(PRODUCTS, len(NAMES))) * 0.5, root @ root.transpose(0, 2, 1))
    quotas = Quotas(catalogue, None, lambda: NOW)
    matcher = Matcher(catalogue, rates, quotas, Policy("greedy", 0.0), draw.random)
    for _ in range(APPLICANTS):
        told = offer_world.tags(draw, told=draw.choice([0.5, 0.9, 1.0]))
        amount, term = draw.choice([500, 1_000, 3_000]), draw.choice([3, 6, 12, 24])
        may = [place for place, (_, product) in enumerate(written) if twin.eligible(product, told, amount, term)]
        facts, standing = joined(facts_of(told, catalogue.schema()), Standing())
        asked = Question(facts, standing, amount * NANOS, term)
        for place, product in enumerate(catalogue.products):
            assert (unmet(product, facts, asked.amount, term) == []) is (place in may)
        values = {}
        applicant = features_of(facts, standing.pd, standing.p_approved, asked.amount, term)
        for place in may:
            _, product = written[place]
            pd = told.get("credit", {}).get("pd", 0.05)
            worth = twin.worth(product, amount, pd)
            low, high = np.log(product["amount"]["min"]), np.log(product["amount"]["max"])
            features = applicant.tolist()
            features[AMOUNT] = 2 * (np.log(amount) - low) / (high - low) - 1
            if worth > 0:
                values[place] = worth * twin.rate(rates.mean[place], rates.covariance[place], features)
        found = matcher.match(asked)
        assert found.eligible == len(may)
        assert found.candidates.tolist() == sorted(values)
        if not values:
            assert found.offers == ()
            continue
        best = max(values, key=values.__getitem__)
        (offer,) = found.offers
        assert (offer.product, offer.propensity) == (best, 1.0)
        assert offer.expected_value == pytest.approx(values[best])
        assert offer.p_approved * offer.payout - offer.expected_loss == pytest.approx(offer.expected_value)
