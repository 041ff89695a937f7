"""Who may have which product: eligibility, amounts and terms of a whole catalogue, compiled to a few operations.

Each product's expression is an OR of ANDs of clauses. The ANDs of all products are numbered, and a set of them is the
bits of one integer. Of each tag it is worked out beforehand which ANDs an applicant may still meet with a value of it
(of a number: with a value between two bounds that some lender names), and which without the tag; what all tags leave
over is met. A product is eligible if one of its ANDs is.
"""

import math
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from credit.products import MOST_MONTHS, Product
from credit.tags import Facts, Schema, Tag, read_range
from domain.campaign import Clause

Bools = NDArray[np.bool_]


class Eligibility:
    """Of products, in their order. Nothing of it changes after it is made."""

    def __init__(self, products: Sequence[Product], schema: Schema) -> None:
        owners: list[int] = []
        clauses: dict[str, dict[Clause, int]] = {}
        for place, product in enumerate(products):
            for conjunction in product.eligibility.any_of:
                for clause in conjunction:
                    of_tag = clauses.setdefault(clause.dimension, {})
                    of_tag[clause] = of_tag.get(clause, 0) | 1 << len(owners)
                owners.append(place)
        self._everything = (1 << len(owners)) - 1
        self._bytes = max(1, (len(owners) + 7) // 8)
        self._owners = np.array(owners, dtype=np.int64)
        self._single = len(owners) == len(products) and owners == list(range(len(products)))
        self._count = len(products)
        self._tags = [_of_tag(schema[name], found, self._everything) for name, found in clauses.items()]
        self._least = np.array([product.amount_min for product in products], dtype=np.int64)
        self._most = np.array([product.amount_max for product in products], dtype=np.int64)
        self._active = np.array([product.active for product in products], dtype=bool)
        self._by_term = np.zeros((MOST_MONTHS + 1, len(products)), dtype=bool)
        for place, product in enumerate(products):
            self._by_term[list(product.terms), place] = product.active

    def met(self, facts: Facts) -> Bools:
        """(products,): whose expression the applicant meets."""
        left = self._everything
        for tag in self._tags:
            left &= tag.left(facts)
        data = np.frombuffer(left.to_bytes(self._bytes, "little"), dtype=np.uint8)
        bits = np.unpackbits(data, count=len(self._owners), bitorder="little")
        if self._single:
            return bits.view(bool)
        return np.bincount(self._owners, weights=bits, minlength=self._count) > 0

    def eligible(self, facts: Facts, amount: int, term_months: int) -> Bools:
        """(products,): who meets it, and which have such a loan. ``term_months`` 0: any term will do."""
        term = self._by_term[term_months] if term_months else self._active
        return np.asarray(self.met(facts) & term & (self._least <= amount) & (amount <= self._most))


class _Numbers:
    """Of a number: bounds rising, and what is left between each two of them."""

    def __init__(self, name: str, clauses: Mapping[Clause, int], everything: int) -> None:
        self._name = name
        ranges = {clause: [read_range(text) for text in clause.values] for clause in clauses}
        ends = {end for found in ranges.values() for pair in found for end in pair}
        self._bounds = sorted(ends - {-math.inf, math.inf})
        self._absent = _left(clauses, everything, ())
        self._between = [
            _left(clauses, everything, {c for c, found in ranges.items() if any(a <= inside < b for a, b in found)})
            for inside in [-math.inf, *self._bounds]
        ]

    def left(self, facts: Facts) -> int:
        value = facts.get(self._name)
        return self._between[bisect_right(self._bounds, value)] if isinstance(value, float) else self._absent


class _Words:
    """Of a flag or a word: what is left for each value that is named, and for any other."""

    def __init__(self, name: str, clauses: Mapping[Clause, int], everything: int) -> None:
        self._name = name
        named = {value for clause in clauses for value in clause.values}
        self._absent = _left(clauses, everything, ())
        self._with = {value: _left(clauses, everything, {c for c in clauses if value in c.values}) for value in named}

    def left(self, facts: Facts) -> int:
        value = facts.get(self._name)
        return self._with.get(value, self._absent) if isinstance(value, str) else self._absent


class _Sets:
    """Of a set of words: each clause is looked at."""

    def __init__(self, name: str, clauses: Mapping[Clause, int], everything: int) -> None:
        self._name, self._everything = name, everything
        self._clauses = [(frozenset(c.values), c.wanted, everything ^ those) for c, those in clauses.items()]

    def left(self, facts: Facts) -> int:
        told = facts.get(self._name)
        found: frozenset[str] = told if isinstance(told, frozenset) else frozenset()
        left = self._everything
        for values, wanted, others in self._clauses:
            if found.isdisjoint(values) is wanted:
                left &= others
        return left


def _of_tag(tag: Tag, clauses: Mapping[Clause, int], everything: int) -> _Numbers | _Words | _Sets:
    if tag.kind == "number":
        return _Numbers(tag.name, clauses, everything)
    if tag.kind == "words":
        return _Sets(tag.name, clauses, everything)
    return _Words(tag.name, clauses, everything)


def _left(clauses: Mapping[Clause, int], everything: int, told: Collection[Clause]) -> int:
    """The ANDs that no clause rules out for an applicant who has a value of those ``told`` and of no other."""
    left = everything
    for clause, those in clauses.items():
        if (clause in told) is not clause.wanted:
            left &= everything ^ those
    return left


def unmet(product: Product, facts: Facts, amount: int, term_months: int) -> list[str]:
    """Why a product is not for an applicant, in words: of its alternatives, the one of which least is missing. Nothing:
    it is for them.
    """
    found = [] if product.active else ["the product is paused"]
    if not product.amount_min <= amount <= product.amount_max:
        found.append("the amount is outside of the product's")
    if term_months and term_months not in product.terms:
        found.append("there is no such term")
    ways = [[_said(c) for c in way if not _holds(c, facts)] for way in product.eligibility.any_of]
    return found + min(ways, key=len, default=["nobody may have it"])


def _holds(clause: Clause, facts: Facts) -> bool:
    value = facts.get(clause.dimension)
    if isinstance(value, float):
        has = any(low <= value < high for low, high in map(read_range, clause.values))
    else:
        has = not frozenset([value] if isinstance(value, str) else value or ()).isdisjoint(clause.values)
    return has is clause.wanted


def _said(clause: Clause) -> str:
    return f"{clause.dimension} is {'not' if clause.wanted else ''} {' or '.join(clause.values)}".replace("  ", " ")
