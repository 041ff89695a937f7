"""Everything the service knows of a subject, behind one call: lists, graph, counters, scores.

The service's handlers and the bidder's in-process mode both call it. It does no waiting: what it reads is in memory or
memory-mapped, and is looked at for changes by `Engine.refresh`, which whoever opened it calls several times a second.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from risk.cards import Cards, Scored
from risk.counters import Counters
from risk.events import FRAUD, LEGITIMATE, SEEN, Happening, edges_of
from risk.graph import Graph, GraphFeatures
from risk.inputs import FACTS, UNREACHED, inputs_of
from risk.lists import Hit, Lists
from risk.published import published_cards
from risk.subject import Subject

_FROM_GRAPH = tuple(name for name in GraphFeatures.__struct_fields__ if name in FACTS)
_COUNTED = tuple(name for name in GraphFeatures.__struct_fields__ if name not in ("distance_to_fraud", "fraud"))


class Assessment(NamedTuple):
    """What is known of a subject."""

    scores: Mapping[str, Scored]
    hits: Sequence[Hit]
    """Entries of lists that name it, as `risk.lists` orders them."""
    features: GraphFeatures | None
    """The worst over the subject's ids; None: none of them is in the graph."""
    facts: Mapping[str, float]
    """What the scores were made of, by the names of `risk.inputs.FACTS`."""


class Engine:
    """One directory's knowledge. The ``owner``, one process at a time, is who takes events."""

    def __init__(self, lists: Lists, graph: Graph, counters: Counters | None, cards: Cards, owner: bool = False) -> None:
        self.lists, self.graph, self.counters, self._cards, self._owner = lists, graph, counters, cards, owner

    @classmethod
    def open(cls, directory: Path, *, owner: bool = False) -> "Engine":
        """Opens what is there; of a part that is missing nothing is known. Raises `domain.errors.Unavailable`, of an
        owner if there is one already, too.
        """
        counting = directory / "counters"
        counters = Counters.open(counting, readonly=not owner) if owner or counting.is_dir() else None
        return cls(
            Lists.open(directory / "lists"),
            Graph.open(directory / "graph", owner=owner),
            counters,
            published_cards(),
            owner,
        )

    def assess(
        self, subject: Subject, wanted: Collection[str], now_s: int, told: Mapping[str, Any] | None = None
    ) -> Assessment:
        """All that is known of a subject, and the ``wanted`` scores (`risk.scores.NAMES`). ``told``: facts that the
        caller knows; they take the place of what is known here. Raises Refused for a fact that is none.
        """
        hits = self.lists.look(subject.keys, subject.ip or None, subject.institution, now_s)
        facts: dict[str, Any] = {}
        if self.counters is not None:
            facts.update(self.counters.facts(subject.ids, subject.ip_key, now_s))
        features = self._features(subject)
        if features is not None:
            for name in _FROM_GRAPH:
                facts[name] = getattr(features, name)
            if features.distance_to_fraud < 0:
                facts["distance_to_fraud"] = UNREACHED
        facts["black_listed"] = sum(hit.list == "black" for hit in hits)
        facts["grey_listed"] = sum(hit.list == "grey" for hit in hits)
        if told:
            facts.update(told)
        return Assessment(self._cards.assess(inputs_of(facts), wanted), hits, features, facts)

    def _features(self, subject: Subject) -> GraphFeatures | None:
        """An address is many people's: what is around it counts only for who has no id."""
        keys = subject.keys or ((subject.ip_key,) if subject.ip_key else ())
        found = [features for key in keys if (features := self.graph.features(key)).component_size]
        return _worst(found) if found else None

    def take(self, event: Happening, now_s: int) -> None:
        """Something happened: it is counted, whoever met is joined in the graph, and a label is kept. Raises Refused,
        and takes nothing of it. Only the owner may.
        """
        assert self._owner and self.counters is not None
        if event.name not in (SEEN, FRAUD, LEGITIMATE):
            self.counters.observe(event.counted(), now_s)
        if edges := edges_of(event.subject):
            self.graph.add(edges)
        if event.name in (FRAUD, LEGITIMATE):
            for node in event.labelled():
                self.graph.label(node.key, event.name == FRAUD, node.kind)

    async def durable(self) -> None:
        """Returns when the graph has everything on disk that it was told."""
        await self.graph.durable()

    def refresh(self) -> None:
        """Takes up what has changed on disk."""
        self.lists.refresh()
        if not self._owner:
            self.graph.refresh()

    def close(self) -> None:
        """Writes what is not written yet."""
        self.graph.close()
        if self.counters is not None:
            self.counters.close()


def _worst(found: Sequence[GraphFeatures]) -> GraphFeatures:
    """Of several nodes of one subject: the most of everything, the shortest way to fraud, and fraud if one is."""
    if len(found) == 1:
        return found[0]
    most = {name: max(getattr(one, name) for one in found) for name in _COUNTED}
    near = [one.distance_to_fraud for one in found if one.distance_to_fraud >= 0]
    labels = {one.fraud for one in found}
    fraud = True if True in labels else False if False in labels else None
    return GraphFeatures(**most, distance_to_fraud=min(near, default=-1), fraud=fraud)
