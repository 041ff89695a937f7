"""A made-up world of lenders, products and applicants, for measurements and tests: files of products, and tags."""

import random
from decimal import Decimal
from typing import Any

from credit.product_file import eligibility_in
from credit.tags import STANDARD, Tag
from domain.entry import Wrong

Form = dict[str, Any]
Told = dict[str, dict[str, Any]]

SCALES = {"credit.score": (300, 900), "credit.pd": (0, 1), "credit.p_approved": (0, 1), "identity.age": (18, 80)}
"""What numbers are between; others from 0 to 1000."""
WORDS = ("usa", "can", "mex", "gbr", "deu")
"""Of tags that any word will do for."""
BY_NAME = {tag.name: tag for tag in STANDARD}
CHECK = eligibility_in(BY_NAME)


def content(draw: random.Random, products: int, lenders: int, *, quotas: bool = True, depth: int = 2) -> Form:
    """What a file of products says."""
    made: list[Form] = [
        {
            "key": f"lender{n}",
            "name": f"Lender {n}",
            "time_zone": draw.choice(["UTC", "America/New_York", "Asia/Kolkata"]),
            **({"offers": {"day": draw.randint(1_000, 100_000)}} if quotas and draw.random() < 0.5 else {}),
            "products": [],
        }
        for n in range(lenders)
    ]
    for n in range(products):
        made[n % lenders]["products"].append(product(draw, f"product{n}", quotas=quotas, depth=depth))
    return {"currency": "USD", "lenders": made}


def product(draw: random.Random, key: str, *, quotas: bool, depth: int) -> Form:
    low = draw.choice([100, 500, 1_000, 5_000])
    shortest = draw.choice([1, 3, 6, 12])
    form: Form = {
        "key": key,
        "name": key.title(),
        "amount": {"min": low, "max": low * draw.choice([2, 10, 50])},
        "term_months": {"min": shortest, "max": shortest * draw.choice([2, 4, 8])},
        "apr": {"min": Decimal("5.5"), "max": Decimal(str(draw.randint(6, 60)))},
        "payout": draw.choice([{"fixed": draw.randint(5, 90)}, {"share": "1.5%"}, {"fixed": 20, "share": "0.5%"}]),
        "loss": {"lgd": "60%", "carried": draw.choice(["0%", "5%", "40%"]), "clawback": draw.choice(["0%", "100%"])},
    }
    if draw.random() < 0.5:
        form["prior"] = {"approval": f"{draw.randint(5, 80)}%", "worth": draw.randint(5, 100)}
    if quotas and draw.random() < 0.7:
        form["offers"] = {"day": draw.randint(10_000, 50_000), "month": draw.randint(100_000, 500_000)}
        form["volume"] = {"day": draw.randint(10**7, 10**9)}
    if draw.random() < 0.95:
        form["eligibility"] = sound_expression(draw, depth)
    return form


def sound_expression(draw: random.Random, depth: int) -> Form:
    """One that does not contradict itself."""
    while True:
        form = expression(draw, depth)
        try:
            CHECK(form)
        except Wrong:
            continue
        return form


def expression(draw: random.Random, depth: int) -> Form:
    """As lenders write it: some requirements, an alternative, an exclusion."""
    form: Form = {}
    for name in draw.sample(sorted(BY_NAME), draw.randint(1, 3)):
        form[name] = values(draw, BY_NAME[name], generous=True)
    if depth and draw.random() < 0.6:
        form[draw.choice(["any", "all"])] = [expression(draw, depth - 1) for _ in range(draw.randint(1, 2))]
    if depth and draw.random() < 0.4:
        name = draw.choice(sorted(BY_NAME))
        inner = {name: values(draw, BY_NAME[name], generous=False)}
        form["not"] = inner if draw.random() < 0.7 else {"all": [inner, expression(draw, 0)]}
    return form


def values(draw: random.Random, tag: Tag, *, generous: bool) -> list[Any]:
    """``generous``: most applicants have one of them."""
    if tag.kind == "number":
        low, high = SCALES.get(tag.name, (0, 1_000))
        at = round(low + (high - low) * draw.random() * (0.3 if generous else 1.0), 2)
        if draw.random() < 0.3:
            return [f">={at} <{round(at + (high - low) * 0.6, 2)}"]
        return [f">={at}"] if generous or draw.random() < 0.5 else [f"<{at}", f">={round(at + 1, 2)}"]
    if tag.kind == "flag":
        return [draw.choice(["yes", "no"])]
    known = list(tag.values or WORDS)
    return draw.sample(known, draw.randint(2, len(known)) if generous else 1)


def tags(draw: random.Random, told: float = 0.9) -> Told:
    """Of an applicant; each is told with so great a probability."""
    found: Told = {}
    for tag in STANDARD:
        if draw.random() >= told:
            continue
        family, name = tag.name.split(".")
        found.setdefault(family, {})[name] = fact(draw, tag)
    return found


def fact(draw: random.Random, tag: Tag) -> Any:
    if tag.kind == "number":
        low, high = SCALES.get(tag.name, (0, 1_000))
        return round(draw.uniform(low, high), 2)
    if tag.kind == "flag":
        return draw.random() < 0.5
    known = list(tag.values or WORDS)
    if tag.kind == "word":
        return draw.choice(known)
    return draw.sample(known, draw.randint(0, len(known)))
