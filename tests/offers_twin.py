"""Offer matching once more, word by word: conditions as lenders wrote them against tags as they were told, and the best
product by hand. It knows no normal form, no bits, no arrays.
"""

import math
import re
from collections.abc import Iterable
from typing import Any

from credit.tags import STANDARD

Form = dict[str, Any]
Told = dict[str, dict[str, Any]]
KINDS = {tag.name: tag.kind for tag in STANDARD}


def holds(form: Form, told: Told) -> bool:
    return all(_holds(name, value, told) for name, value in form.items())


def _holds(name: str, value: Any, told: Told) -> bool:
    if name == "all":
        return all(holds(each, told) for each in value)
    if name == "any":
        return any(holds(each, told) for each in value)
    if name == "not":
        return not holds(value, told)
    family, tag = name.split(".")
    if tag not in told.get(family, {}):
        return False
    return any(_is(KINDS[name], one, told[family][tag]) for one in value)


def _is(kind: str, wanted: str, has: Any) -> bool:
    if kind == "number":
        bounds = dict(re.findall(r"(>=|<)([0-9.]+)", wanted))
        return float(bounds.get(">=", "-inf")) <= has < float(bounds.get("<", "inf"))
    if kind == "flag":
        return {"yes": True, "no": False}[wanted] is has
    return wanted in has if kind == "words" else wanted == has


def eligible(product: Form, told: Told, amount: float, term: int) -> bool:
    return (
        holds(product.get("eligibility", {}), told)
        and product["amount"]["min"] <= amount <= product["amount"]["max"]
        and product["term_months"]["min"] <= term <= product["term_months"]["max"]
    )


def worth(product: Form, amount: float, pd: float) -> float:
    """Of an approval: the payout less what a default costs on the average."""
    paid = product["payout"].get("fixed", 0) + amount * _share(product["payout"].get("share", "0%"))
    loss = {"lgd": "100%", "carried": "0%", "clawback": "0%", **product["loss"]}
    return paid - pd * (amount * _share(loss["lgd"]) * _share(loss["carried"]) + paid * _share(loss["clawback"]))


def _share(text: str) -> float:
    return float(text.rstrip("%")) / 100


def rate(mean: Iterable[float], covariance: Iterable[Iterable[float]], features: list[float]) -> float:
    """P(approved) of a normal belief about weights, by the rule that the documentation gives."""
    logit = math.fsum(m * x for m, x in zip(mean, features, strict=True))
    variance = math.fsum(
        x * c * y for row, x in zip(covariance, features, strict=True) for c, y in zip(row, features, strict=True)
    )
    return 1 / (1 + math.exp(-logit / math.sqrt(1 + math.pi / 8 * variance)))
