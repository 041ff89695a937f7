"""Category taxonomies: in which of them advertisers say what they advertise, and in which exchanges block it.

Exchanges name a taxonomy by a code (``cattax``, AdCOM list "Category Taxonomies"), marketers by a name. Blocking a
category blocks what is below it in its tree. Where an advertiser's category is not given in the taxonomy of a request,
the mapping that IAB Tech Lab publishes is used; where it publishes none, nothing can be said (`Judged` is None).

``taxonomies.json`` has trees and mappings (IAB Tech Lab, CC BY 3.0), reduced to ids. Mapped rows of Ad Product 2.0 are
told apart by their names, because the published mappings still carry ids of a draft.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

CONTENT_1 = 1
AD_PRODUCT_2 = 8

CODES: Mapping[str, int] = {
    "content_2.0": 2,
    "ad_product_1.0": 3,
    "content_2.1": 5,
    "content_2.2": 6,
    "content_3.0": 7,
    "ad_product_2.0": AD_PRODUCT_2,
    "content_3.1": 9,
}
"""Taxonomies that a marketer can name beside Content 1.0. Audience 1.1 (code 4) describes people, not ads."""

LAST_CODE = 9
FAMILIES = ((2, 5, 6), (7, 9), (3,), (8,))
"""Versions that only add to each other: an id means the same in each that has it."""


class Judged(NamedTuple):
    """An advertiser's categories in the taxonomy of a request."""

    blocked_by: frozenset[str]
    """Any of these in ``bcat`` blocks it: what it is, may be, and all above."""
    allowed_by: tuple[frozenset[str], ...]
    """One of each of these sets must be in ``acat``: a category and all above it."""


@cache
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads(Path(__file__).with_name("taxonomies.json").read_text("utf-8"))
    return tables


def tree(taxonomy: int) -> Mapping[str, str]:
    """Id -> id of its parent, empty at the top. Content 2.1 has the ids of 2.0."""
    found: Mapping[str, str] = _tables()["trees"][str(2 if taxonomy == 5 else taxonomy)]
    return found


def with_ancestors(category: str, taxonomy: int) -> frozenset[str]:
    """A category and all above it."""
    if taxonomy == CONTENT_1:
        return frozenset((category, category.split("-", 1)[0]))
    parents, found = tree(taxonomy), set()
    while category and category not in found:
        found.add(category)
        category = parents.get(category, "")
    return frozenset(found)


def told_in(declared: Mapping[int, Iterable[str]], taxonomy: int) -> set[str]:
    """The categories in this taxonomy, as declared or by a published mapping; empty where there is neither."""
    return _in_family(declared, taxonomy) or _mapped(declared, taxonomy)


def judge(declared: Mapping[int, Iterable[str]], taxonomy: int) -> Judged | None:
    """``declared``: the categories of what is advertised, by the taxonomy's code. None: nothing can be said."""
    own = told_in(declared, taxonomy)
    if not own:
        return None
    named = [with_ancestors(category, taxonomy) for category in sorted(own)]
    might_be = _might_be(declared, taxonomy)
    above = frozenset().union(*named, *(with_ancestors(category, taxonomy) for category in might_be))
    # Ids of Content 1.0 look like no others: who sends them under another code means them all the same.
    plain = frozenset().union(*(with_ancestors(c, CONTENT_1) for c in declared.get(CONTENT_1, ())))
    return Judged(above | plain, tuple(named))


def _in_family(declared: Mapping[int, Iterable[str]], taxonomy: int) -> set[str]:
    if taxonomy == CONTENT_1:
        return set(declared.get(CONTENT_1, ()))
    if declared.get(taxonomy):
        return set(declared[taxonomy])
    for family in FAMILIES:
        if taxonomy in family:
            given = {category for code in family for category in declared.get(code, ())}
            return given if given <= tree(taxonomy).keys() else set()
    return set()


def _mapped(declared: Mapping[int, Iterable[str]], taxonomy: int) -> set[str]:
    """By a published mapping of every category; empty if one has none."""
    for source in (CONTENT_1, AD_PRODUCT_2):
        mapping = _tables()["maps"].get(f"{source}>{2 if taxonomy in (5, 6) else taxonomy}")
        given = list(declared.get(source, ()))
        if mapping and given and all(category in mapping for category in given):
            return {mapping[category] for category in given}
    return set()


def _might_be(declared: Mapping[int, Iterable[str]], taxonomy: int) -> list[str]:
    """Ad products that the published mapping has for a Content 1.0 category, if the advertiser names nothing finer."""
    if taxonomy != AD_PRODUCT_2 or declared.get(AD_PRODUCT_2):
        return []
    own = set(declared.get(CONTENT_1, ()))
    return [product for product, category in _tables()["maps"]["8>1"].items() if category in own]
