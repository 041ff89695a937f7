"""The hierarchical model against the joint posterior worked out whole, and against worlds that it should recover."""

from pathlib import Path

import numpy as np
import pytest

from credit.offer_rates import Answers, Beliefs, Rates, expected_rate, fit
from credit.offer_rates_file import Model, load
from domain.errors import Refused

WIDTH = 3
BELIEFS = Beliefs(np.array([-0.5, 0.2, 0.0]), np.full(WIDTH, 0.8), np.full(WIDTH, 0.2), np.full(WIDTH, 0.3))
LENDER_OF = np.array([0, 0, 1, 1, 1, 2])


def world(rows: int, seed: int) -> Answers:
    rng = np.random.default_rng(seed)
    product = rng.integers(0, 5, rows)  # nothing is known of the last one, nor of its lender
    features = np.c_[np.ones(rows), rng.normal(size=(rows, WIDTH - 1))]
    weights = rng.normal(size=(6, WIDTH)) * 0.7
    rate = 1 / (1 + np.exp(-(features * weights[product]).sum(axis=1)))
    return Answers(product, features, (rng.random(rows) < rate).astype(float), rng.uniform(0.5, 2, rows))


def test_modes_and_covariances_are_those_of_the_joint_posterior() -> None:
    """All weights in one vector: of all, of three lenders, of six products. The mode is where the gradient is nothing,
    the covariance the inverse of the whole Hessian there."""
    answers = world(400, 1)
    found = fit(answers, LENDER_OF, BELIEFS)
    weights = np.concatenate([found.everything.mean, found.lenders.mean, found.products.mean])
    above = [None, 0, 0, 0, *(1 + LENDER_OF)]
    held = [1 / BELIEFS.variance, *[1 / found.scatter_of_lenders] * 3, *[1 / found.scatter_of_products] * 6]
    size = len(weights) * WIDTH
    gradient, hessian = np.zeros((len(weights), WIDTH)), np.zeros((size, size))
    for node, (whole, precision) in enumerate(zip(above, held, strict=True)):
        own = slice(node * WIDTH, (node + 1) * WIDTH)
        apart = weights[node] - (BELIEFS.mean if whole is None else weights[whole])
        gradient[node] -= precision * apart
        hessian[own, own] += np.diag(precision)
        if whole is not None:
            other = slice(whole * WIDTH, (whole + 1) * WIDTH)
            gradient[whole] += precision * apart
            hessian[other, other] += np.diag(precision)
            hessian[own, other] -= np.diag(precision)
            hessian[other, own] -= np.diag(precision)
    for product, x, y, weight in zip(answers.product, answers.features, answers.approved, answers.weight, strict=True):
        node = 4 + int(product)
        own = slice(node * WIDTH, (node + 1) * WIDTH)
        rate = 1 / (1 + np.exp(-x @ weights[node]))
        gradient[node] += weight * (y - rate) * x
        hessian[own, own] += weight * rate * (1 - rate) * np.outer(x, x)
    assert np.abs(gradient).max() < 1e-3
    covariance = np.linalg.inv(hessian)
    told = [*found.everything.covariance, *found.lenders.covariance, *found.products.covariance]
    for node, one in enumerate(told):
        own = slice(node * WIDTH, (node + 1) * WIDTH)
        assert one == pytest.approx(covariance[own, own], abs=1e-6)


def test_errors_are_as_large_as_they_are_said_to_be() -> None:
    """Weights of 100 products of 10 lenders, few answers each: within two deviations 95 times of 100."""
    rng = np.random.default_rng(5)
    lender_of = np.arange(100) % 10
    true = (
        np.array([-0.8, 0.5, 0.0])
        + (rng.normal(size=(10, WIDTH)) * 0.4)[lender_of]
        + rng.normal(size=(100, WIDTH)) * 0.5
    )
    product = rng.integers(0, 100, 6_000)
    features = np.c_[np.ones(6_000), rng.normal(size=(6_000, WIDTH - 1))]
    rate = 1 / (1 + np.exp(-(features * true[product]).sum(axis=1)))
    answers = Answers(product, features, (rng.random(6_000) < rate).astype(float), np.ones(6_000))
    found = fit(answers, lender_of, BELIEFS)
    deviations = (found.products.mean - true) / np.sqrt(np.diagonal(found.products.covariance, axis1=1, axis2=2))
    assert 0.85 < deviations.std() < 1.15
    assert 0.92 < (np.abs(deviations) < 1.96).mean() < 0.98
    assert np.sqrt(found.scatter_of_products) == pytest.approx(0.5, abs=0.15)


def test_an_answer_moves_a_belief_as_a_fit_would() -> None:
    """Of one product, with the scatter left alone: answer by answer, or all at once."""
    rng = np.random.default_rng(2)
    mean, covariance = np.zeros((1, WIDTH)), np.diag([0.3, 0.2, 0.2])[None]
    rates = Rates(mean, covariance)
    features = np.c_[np.ones(60), rng.normal(size=(60, WIDTH - 1))]
    approved = (rng.random(60) < 0.4).astype(float)
    for x, y in zip(features, approved, strict=True):
        rates.answer(0, x, y)
    weights = np.zeros(WIDTH)
    for _ in range(50):
        rate = 1 / (1 + np.exp(-features @ weights))
        hessian = np.linalg.inv(covariance[0]) + (features * (rate * (1 - rate))[:, None]).T @ features
        weights += np.linalg.solve(hessian, features.T @ (approved - rate) - np.linalg.inv(covariance[0]) @ weights)
    assert rates.mean[0] == pytest.approx(weights, abs=0.02)
    assert rates.covariance[0] == pytest.approx(np.linalg.inv(hessian), abs=0.01)
    assert mean.tolist() == [[0.0] * WIDTH], "what it was made of is not changed"


def test_the_mean_rate_is_near_that_of_draws() -> None:
    drawn = np.random.default_rng(1).normal(size=200_000)
    for mean, deviation in ((-2.0, 0.3), (0.5, 1.0), (-1.0, 2.0)):
        truth = (1 / (1 + np.exp(-(mean + deviation * drawn)))).mean()
        assert expected_rate(np.array([mean]), np.array([deviation]))[0] == pytest.approx(truth, abs=0.015)


def test_a_model_is_kept_and_serves_another_catalogue(tmp_path: Path) -> None:
    found = fit(world(300, 3), LENDER_OF, BELIEFS)
    paths = ["a/1", "a/2", "b/1", "b/2", "b/3", "c/1"]
    Model(found, ["a", "b", "c"], paths, 300, 7).save(tmp_path / "model", ["one", "x", "y"])
    assert load(tmp_path / "none", ["one", "x", "y"]) is None
    assert load(tmp_path / "model", ["one", "x", "z"]) is None, "features of other meanings"
    model = load(tmp_path / "model", ["one", "x", "y"])
    assert model is not None and (model.answers, model.made_ns) == (300, 7)
    rates = model.rates({"b/2": (0.9, 50.0), "b/new": (0, 0), "d/new": (0, 0), "d/stated": (0.7, 200.0)})
    assert rates.mean[0].tolist() == found.products.mean[3].tolist(), "seen: what is stated is in it already"
    assert rates.mean[1].tolist() == found.lenders.mean[1].tolist()
    assert rates.mean[2].tolist() == found.everything.mean[0].tolist()
    assert np.diag(rates.covariance[2]) == pytest.approx(
        np.diag(found.everything.covariance[0]) + found.scatter_of_products + found.scatter_of_lenders
    )
    assert 1 / (1 + np.exp(-rates.mean[3][0])) == pytest.approx(0.7, abs=0.08)
    (tmp_path / "model").write_bytes(b"\x93abc")
    with pytest.raises(Refused, match="a model of approvals that this program wrote"):
        load(tmp_path / "model", ["one", "x", "y"])


def test_what_is_no_answer_is_refused() -> None:
    answers = world(20, 4)
    answers.features[3, 1] = np.nan
    with pytest.raises(Refused, match=r"answers.features\[3\]"):
        fit(answers, LENDER_OF, BELIEFS)
    with pytest.raises(Refused, match="it must be below 2"):
        fit(world(20, 4), np.array([0, 1]), BELIEFS)
