"""How likely each product is to be approved for an applicant: a logistic regression of each product, held to its
lender's and to that of all.

A product's weights scatter around its lender's as a normal distribution does, a lender's around those of all; how far,
in each weight, is what the answers make likely (EM), held to what is usual while few lenders and products have been
seen. The answers to one product tell of its siblings what the scatter lets them tell.

Given quadratic approximations of the likelihoods the three levels are a Gaussian tree, so each Newton step of the joint
mode is exact, and so are the covariances that come with it: information goes up the tree and beliefs come down (the
Laplace approximation of a hierarchical model; Gelman et al., Bayesian Data Analysis, ch. 13 and 15). Between two fits
an answer moves the product's own belief only (a step of an extended Kalman filter).
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from domain.errors import Problem, Refused

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDS = 30
"""Newton steps, each followed by a look at the scatter."""
CLOSE = 1e-6
"""Steps end when no weight moves further."""
PARTS_OF_USUAL = 3.0
"""The usual scatter counts as if it had been seen of so many parts."""
LEAST_VARIANCE = 1e-4


class Beliefs(Struct, frozen=True, eq=False):
    """What is believed of weights before any answer: variances are of each weight, (d,)."""

    mean: Floats
    """(d,): of the weights of all together."""
    variance: Floats
    """Of that mean."""
    lenders: Floats
    """How much lenders scatter around it."""
    products: Floats
    """How much products scatter around their lenders."""


class Answers(Struct, frozen=True, eq=False):
    """Answers to offers; row ``i`` of every array is one."""

    product: Ints
    """(n,): the product's place."""
    features: Floats
    """(n, d)"""
    approved: Floats
    """(n,): 1 or 0; of answers that are only believed, the share of approvals."""
    weight: Floats
    """(n,): as many answers does it count for."""

    def __len__(self) -> int:
        return len(self.product)


class Level(Struct, frozen=True, eq=False):
    """Normal distributions of the weights of several parts."""

    mean: Floats
    """(parts, d)"""
    covariance: Floats
    """(parts, d, d)"""


class Approvals(Struct, frozen=True, eq=False):
    """A fitted model."""

    products: Level
    lenders: Level
    everything: Level
    """One part."""
    scatter_of_lenders: Floats
    scatter_of_products: Floats
    """(d,): variances."""
    rounds: int
    """Newton steps that it took."""


def fit(answers: Answers, lender_of: Ints, beliefs: Beliefs) -> Approvals:
    """The model of products 0 … ``len(lender_of) - 1``, each of a lender 0 …. Answers need not be there of all, or any.

    `Refused` for answers of products that there are not, or that are no numbers.
    """
    _check(answers, len(lender_of))
    lenders = int(lender_of.max()) + 1 if len(lender_of) else 0
    count = len(lender_of)
    order = np.argsort(answers.product, kind="stable")
    rows = Answers(*(getattr(answers, name)[order] for name in Answers.__struct_fields__))
    starts = np.searchsorted(rows.product, np.arange(count + 1))
    seen = np.flatnonzero(np.diff(starts))
    seen_lenders = np.unique(lender_of[seen])
    of_lenders, of_products = beliefs.lenders.copy(), beliefs.products.copy()
    weights = np.tile(beliefs.mean, (count, 1))
    tree = _Tree(lender_of, lenders, beliefs)
    rounds = 0
    while rounds < ROUNDS:
        rounds += 1
        information, pull = _likelihood(rows, starts, seen, weights)
        found = tree.solve(information, pull, of_lenders, of_products)
        step = found.products.mean - weights
        furthest = float(np.abs(step).max(initial=0.0))
        weights = weights + step * min(1.0, 2.0 / max(furthest, 1e-12))  # a logit of 2 at most: it must not overshoot
        before = np.concatenate([of_lenders, of_products])
        of_lenders = _scatter(found.apart_lenders[seen_lenders], beliefs.lenders)
        of_products = _scatter(found.apart_products[seen], beliefs.products)
        moved = np.abs(np.log(np.concatenate([of_lenders, of_products]) / before)).max(initial=0.0)
        if furthest < CLOSE and moved < 1e-3:
            break
    information, pull = _likelihood(rows, starts, seen, weights)
    found = tree.solve(information, pull, of_lenders, of_products)
    return Approvals(found.products, found.lenders, found.everything, of_lenders, of_products, rounds)


def _likelihood(rows: Answers, starts: Ints, seen: Ints, weights: Floats) -> tuple[Floats, Floats]:
    """Of each product's answers, in the quadratic approximation at its weights: precision (P, d, d) and precision times
    mean (P, d)."""
    count, width = weights.shape
    information, pull = np.zeros((count, width, width)), np.zeros((count, width))
    for place in seen.tolist():
        own = slice(starts[place], starts[place + 1])
        x, at = rows.features[own], weights[place]
        rate = _sigmoid(x @ at)
        strength = rows.weight[own] * rate * (1 - rate)
        information[place] = (x * strength[:, None]).T @ x
        pull[place] = information[place] @ at + x.T @ (rows.weight[own] * (rows.approved[own] - rate))
    return information, pull


class _Solved(Struct, frozen=True, eq=False):
    products: Level
    lenders: Level
    everything: Level
    apart_lenders: Floats
    """(lenders, d): the expected square of what each weight differs by from that of all."""
    apart_products: Floats


class _Tree:
    """Products of lenders of one whole, as a Gaussian model."""

    def __init__(self, lender_of: Ints, lenders: int, beliefs: Beliefs) -> None:
        self._lender_of, self._lenders, self._beliefs = lender_of, lenders, beliefs

    def solve(self, information: Floats, pull: Floats, of_lenders: Floats, of_products: Floats) -> _Solved:
        """What the whole tree says of each part, given what is said of the products (precision, and it times mean)."""
        product = _Up(information, pull, of_products)
        width = len(of_products)
        told, pulled = np.zeros((self._lenders, width, width)), np.zeros((self._lenders, width))
        np.add.at(told, self._lender_of, product.told)
        np.add.at(pulled, self._lender_of, product.pulled)
        lender = _Up(told, pulled, of_lenders)
        precision = np.diag(1 / self._beliefs.variance) + lender.told.sum(axis=0)
        covariance = np.linalg.inv(precision)
        mean = covariance @ (self._beliefs.mean / self._beliefs.variance + lender.pulled.sum(axis=0))
        everything = Level(mean[None], covariance[None])
        nought = np.zeros(self._lenders, dtype=np.int64)
        lenders, apart_lenders = lender.down(everything, nought)
        products, apart_products = product.down(lenders, self._lender_of)
        return _Solved(products, lenders, everything, apart_lenders, apart_products)


class _Up:
    """Parts that scatter around their wholes: what they say of these, and then what these say of them."""

    def __init__(self, information: Floats, pull: Floats, scatter: Floats) -> None:
        self._held = 1 / scatter
        self._own = np.linalg.inv(information + np.diag(self._held))
        self._pull = pull
        through = self._held[:, None] * self._own
        self.told = np.diag(self._held) - through * self._held
        self.pulled = (through @ pull[..., None])[..., 0]

    def down(self, whole: Level, of: Ints) -> tuple[Level, Floats]:
        mean, covariance = whole.mean[of], whole.covariance[of]
        found = (self._own @ (self._pull + self._held * mean)[..., None])[..., 0]
        share = self._own * self._held
        spread = self._own + share @ covariance @ share.transpose(0, 2, 1)
        rest = share - np.eye(len(self._held))
        apart = self._own + rest @ covariance @ rest.transpose(0, 2, 1)
        squares = np.square(found - mean) + np.diagonal(apart, axis1=1, axis2=2)
        return Level(found, spread), squares


def _scatter(squares: Floats, usual: Floats) -> Floats:
    told = squares.sum(axis=0) + PARTS_OF_USUAL * usual
    return np.asarray(np.maximum(told / (len(squares) + PARTS_OF_USUAL), LEAST_VARIANCE))


def _sigmoid(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -40, 40))))


def _check(answers: Answers, products: int) -> None:
    problems = []
    for name, wrong, allowed in (
        ("product", (answers.product < 0) | (answers.product >= products), f"it must be below {products}"),
        ("features", ~np.isfinite(answers.features).all(axis=1), "they must be finite numbers"),
        ("approved", ~((answers.approved >= 0) & (answers.approved <= 1)), "it must be from 0 to 1"),
        ("weight", ~((answers.weight > 0) & np.isfinite(answers.weight)), "it must be above 0"),
    ):
        if wrong.any():
            at = int(np.argmax(wrong))
            problems.append(Problem(f"answers.{name}[{at}]", getattr(answers, name)[at].tolist(), allowed))
    if problems:
        raise Refused(problems)


class Rates:
    """The approval rates of a catalogue's products, in their order: beliefs that answers move. Of one thread."""

    def __init__(self, mean: Floats, covariance: Floats) -> None:
        self.mean, self.covariance = mean.copy(), covariance.copy()
        """(P, d), (P, d, d)"""

    def logits(self, features: Floats, products: Ints) -> tuple[Floats, Floats]:
        """Means and standard deviations of the log odds of some products, (n,), for features (n, d)."""
        mean = np.einsum("pi,pi->p", self.mean[products], features)
        flat = len(products), features.shape[1] ** 2
        squares = (features[:, :, None] * features[:, None, :]).reshape(flat)
        variance = np.einsum("pk,pk->p", self.covariance[products].reshape(flat), squares)
        return mean, np.sqrt(np.maximum(variance, 0.0))

    def answer(self, product: int, features: Floats, approved: float, weight: float = 1.0) -> None:
        """One answer more: moves the belief of that product."""
        rate = float(_sigmoid(np.asarray(self.mean[product] @ features)))
        towards = self.covariance[product] @ features
        strength = weight * rate * (1 - rate)
        shrunk = 1 + strength * float(towards @ features)
        self.mean[product] += towards * (weight * (approved - rate) / shrunk)
        self.covariance[product] -= np.outer(towards, towards) * (strength / shrunk)


def expected_rate(mean: Floats, deviation: Floats) -> Floats:
    """The mean of a logistic-normal distribution (MacKay, Neural Computation 1992)."""
    return _sigmoid(mean / np.sqrt(1 + np.pi / 8 * np.square(deviation)))
