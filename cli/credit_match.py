"""``outbid credit match``: what an applicant would be offered, and why; nothing is counted or recorded."""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credit.matching import Explained
    from credit.products import Catalogue
    from credit.tags import Facts


def add(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = parts.add_parser("match", help="what an applicant would be offered, and why")
    command.add_argument("--amount", required=True, metavar="MONEY", help="of the loan, in the products' currency")
    command.add_argument("--term", type=int, default=0, metavar="MONTHS", help="default: any")
    command.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="FAMILY.NAME=VALUE",
        help="a tag of the applicant, such as credit.score=702; several words are parted by commas",
    )
    command.add_argument("--products", type=Path, metavar="FILE", help="default: the credit service's")
    command.add_argument("--explain", action="store_true", help="all products, also those that cannot be offered")
    command.add_argument("--json", action="store_true", help="one line with all figures")
    command.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    from credit.match_config import offer_settings
    from credit.match_preview import preview
    from credit.matching import Question, Standing, joined
    from credit.product_file import read_products
    from credit.products import MOST_MONTHS
    from domain.errors import Problem, Refused
    from domain.money import MoneyError, parse_nanos
    from domain.settings import places

    root, settings = places().data / "credit", offer_settings()
    catalogue = read_products(asked.products or settings.file(root))
    facts = facts_from(asked.tag, catalogue)
    try:
        amount = parse_nanos(asked.amount)
    except MoneyError:
        amount = 0
    if amount <= 0:
        raise Refused([Problem("--amount", asked.amount, "it must be an amount of money above 0, such as 5000")])
    if not 0 <= asked.term <= MOST_MONTHS:
        raise Refused([Problem("--term", asked.term, f"it must be a number of months up to {MOST_MONTHS}")])
    facts, standing = joined(facts, Standing())
    found = preview(root, settings, catalogue).explain(Question(facts, standing, amount, asked.term))
    shown = found if asked.explain else [one for one in found if not one.reasons]
    if asked.json:
        print(json.dumps({"currency": catalogue.currency, "products": [as_json(one) for one in shown]}))
    else:
        print("\n".join(as_text(shown, catalogue.currency)))
    return 0


def facts_from(told: Sequence[str], catalogue: "Catalogue") -> "Facts":
    """Tags as they are written on the command line. Raises Refused."""
    from credit.tags import facts_of
    from domain.errors import Problem, Refused

    schema = catalogue.schema()
    tags: dict[str, dict[str, bool | float | str | list[str]]] = {}
    for text in told:
        name, equals, value = text.partition("=")
        family, dot, rest = name.partition(".")
        if not (equals and dot and value):
            raise Refused([Problem("--tag", text, "it must be FAMILY.NAME=VALUE, such as credit.score=702")])
        kind = schema[name].kind if name in schema else "word"
        found: bool | float | str | list[str] = value
        if kind == "flag" and value in ("yes", "no"):
            found = value == "yes"
        elif kind == "words":
            found = value.split(",")
        elif kind == "number":
            try:
                found = float(value)
            except ValueError:
                raise Refused([Problem(f"--tag {name}", value, "it must be a number")]) from None
        tags.setdefault(family, {})[rest] = found
    return facts_of(tags, schema, "--tag")


def as_json(one: "Explained") -> dict[str, object]:
    def number(value: float) -> float | None:
        return None if math.isnan(value) else value

    return {
        "product": one.product.path,
        "share": one.share,
        "p_approved": number(one.p_approved),
        "deviation": number(one.deviation),
        "payout": number(one.payout),
        "expected_loss": number(one.expected_loss),
        "expected_value": number(one.expected_value),
        "reasons": list(one.reasons),
    }


def as_text(found: "Sequence[Explained]", currency: str) -> Iterator[str]:
    if not any(not one.reasons for one in found):
        yield "No product can be offered."
    elif found:
        yield f"{'':44}{'offered':>9}{'P(approved)':>13}{'payout':>10}{'loss':>9}{'value':>10}  {currency}"
    for one in found:
        if one.reasons:
            yield f"{one.product.path:44}{'-':>9}  {'; '.join(one.reasons)}"
        else:
            yield (
                f"{one.product.path:44}{one.share:>9.1%}{one.p_approved:>13.1%}{one.payout:>10.2f}"
                f"{one.expected_loss:>9.2f}{one.expected_value:>10.2f}"
            )
