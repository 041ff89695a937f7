"""Names of what a decision flow can ask about, and the values that an assessment has under them.

- ``score.NAME`` 0–1000 and ``probability.NAME`` of every score;
- ``list.black``, ``list.grey``, ``list.white``: whether the subject is on one that counts for who asks;
- ``graph.FIELD``: the features of the subject in the graph (`risk.graph.GraphFeatures`), if it is in it;
- every fact that scores read (`risk.inputs.FACTS`), by its own name: told by the caller, or counted here.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from msgspec import structs

from risk.cards import NAMES
from risk.conditions import Kind
from risk.graph import GraphFeatures
from risk.inputs import FACTS

LISTS = ("black", "grey", "white")
FLAGS = frozenset(name for name, fact in FACTS.items() if fact.flag)


@cache
def known_values() -> dict[str, Kind]:
    """Name -> what it can be."""
    found = {f"score.{name}": Kind("number", 0, 1000) for name in NAMES}
    found |= {f"probability.{name}": Kind("number", 0, 1) for name in NAMES}
    found |= {f"list.{name}": Kind("flag") for name in LISTS}
    for field in structs.fields(GraphFeatures):
        found[f"graph.{field.name}"] = Kind("number") if field.type in (int, float) else Kind("flag")
    return found | {name: Kind("flag") if fact.flag else Kind("number", 0, fact.most) for name, fact in FACTS.items()}


def values_of(
    facts: Mapping[str, Any], graph: Mapping[str, Any], hits: Sequence[Any], scores: Mapping[str, Any]
) -> dict[str, Any]:
    """What is known of a case, by name. ``scores`` have ``score`` and ``probability``."""
    values = {name: value != 0 if name in FLAGS else value for name, value in facts.items()}
    for name, value in graph.items():
        values[f"graph.{name}"] = value
    for name in LISTS:
        values[f"list.{name}"] = False
    for hit in hits:
        values[f"list.{hit.list}"] = True
    for name, one in scores.items():
        values[f"score.{name}"] = one.score
        values[f"probability.{name}"] = one.probability
    return values
