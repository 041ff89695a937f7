"""Everything the service knows of a subject, behind one call: lists, graph, counters, scores.

The service's handlers and the bidder's in-process mode both call it. It does no waiting: what it reads is in memory or
memory-mapped, and is looked at for changes by `Engine.refresh`, which whoever opened it calls several times a second.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import to_builtins

from risk import card_files
from risk.cards import Scored
from risk.counters import Counters
from risk.events import FRAUD, LEGITIMATE, SEEN, Happening, edges_of
from risk.gathering import gather
from risk.graph import Graph
from risk.graph_features import GraphFeatures
from risk.inputs import inputs_of
from risk.lists import Hit, Lists, standing
from risk.subject import Subject
from targeting.forgotten import Forgotten

_COUNTED = tuple(name for name in GraphFeatures.__struct_fields__ if name not in ("distance_to_fraud", "fraud"))

log = logging.getLogger(__name__)


class Assessment(NamedTuple):
    """What is known of a subject."""

    scores: Mapping[str, Scored]
    hits: Sequence[Hit]
    """Entries of lists that name it."""
    counting: Sequence[Hit]
    """Of these, those that are not overruled (`risk.lists.standing`)."""
    features: GraphFeatures | None
    """The worst over the subject's ids; None: none of them is in the graph."""
    facts: Mapping[str, float]
    """What the scores were made of, by the names of `risk.inputs.FACTS`; what is not known is not there."""


class Engine:
    """One directory's knowledge. The ``owner``, one process at a time, is who takes events."""

    def __init__(
        self,
        lists: Lists,
        graph: Graph,
        counters: Counters | None,
        cards: card_files.Shelf,
        owner: bool = False,
        forgotten: Forgotten | None = None,
    ) -> None:
        self.lists, self.graph, self.counters, self.cards, self.owner = lists, graph, counters, cards, owner
        self.forgotten = forgotten

    @classmethod
    def open(cls, directory: Path, *, owner: bool = False, forgotten: Forgotten | None = None) -> "Engine":
        """Opens what is there; of a part that is missing nothing is known. ``forgotten``: persons of whom nothing is
        taken in. Raises `domain.errors.Unavailable`; of an owner if there is one already, too.
        """
        counting = directory / "counters"
        if owner:
            counting.mkdir(parents=True, exist_ok=True)
        lists = Lists.open(directory / "lists")
        cards = card_files.Shelf(directory, _say_refused)
        graph = Graph.open(directory / "graph", owner=owner, forgotten=forgotten)
        try:
            counters = Counters.open(counting, readonly=not owner) if counting.is_dir() else None
        except BaseException:
            graph.close()
            raise
        return cls(lists, graph, counters, cards, owner, forgotten)

    def assess(
        self, subject: Subject, wanted: Collection[str], now_s: int, told: Mapping[str, Any] | None = None
    ) -> Assessment:
        """All that is known of a subject, and the ``wanted`` scores (`risk.scores.NAMES`). ``told``: facts that the
        caller knows; they take the place of what is known here. Raises Refused for one that is no fact.
        """
        hits = self.lists.look(subject.keys, subject.ip or None, subject.institution, now_s)
        counting = not_overruled(hits)
        features = self._features(subject)
        counted = self.counters.facts(subject.ids, subject.ip_key, now_s) if self.counters is not None else None
        own = to_builtins(inputs_of(told)) if told else None
        inputs = gather(subject, features, counting, counted, own)
        scores = self.cards.of(subject.institution).assess(inputs, wanted)
        return Assessment(scores, hits, counting, features, to_builtins(inputs))

    def _features(self, subject: Subject) -> GraphFeatures | None:
        """An address is many people's: what is around it counts only for who has no id."""
        keys = subject.keys or ((subject.ip_key,) if subject.ip_key else ())
        found = [features for key in keys if (features := self.graph.features(key)).component_size]
        return worst(found) if found else None

    def take(self, event: Happening, now_s: int) -> bool:
        """Something happened: it is counted, whoever met is joined in the graph, and a label is kept. Raises Refused,
        and takes nothing of it; LogFull if the disk takes nothing. Ids of forgotten people are left out. Only the
        owner may. False: it was told before, and is not counted again; the graph, to which it is the same, has it.
        """
        assert self.owner and self.counters is not None
        if self.forgotten is not None and len(self.forgotten):
            event = event.without(self.forgotten)
            if not event.subject.ids and not event.subject.ip:
                return True
        counted = event.counted() if event.name not in (SEEN, FRAUD, LEGITIMATE) else None
        if counted is not None:
            self.counters.check(counted, now_s)
        if edges := edges_of(event.subject):
            self.graph.add(edges)
        if event.name in (FRAUD, LEGITIMATE):
            for node in event.labelled():
                self.graph.label(node.key, event.name == FRAUD, node.kind)
        # last: a disk that took nothing above has raised
        return True if counted is None else self.counters.observe_once(counted, event.told, now_s)

    async def durable(self) -> None:
        """Returns when the graph has everything on disk that it was told. Raises LogFull."""
        await self.graph.durable()

    def refresh(self) -> None:
        """Takes up what has changed on disk."""
        self.lists.reload()
        self.cards.refresh()
        self.graph.refresh()

    def close(self) -> None:
        """What was taken is on disk when this returns."""
        self.graph.close()
        if self.counters is not None:
            self.counters.close()


def not_overruled(hits: Sequence[Hit]) -> Sequence[Hit]:
    """The hits that count: without everybody's where an institution's own white list stands above them, and without
    white ones where the law speaks against it.
    """
    if not hits:
        return hits
    if standing(hits) == "white":
        return [hit for hit in hits if hit.list == "white"]
    if any(hit.sanction for hit in hits):
        return [hit for hit in hits if hit.list != "white"]
    return hits


def worst(found: Sequence[GraphFeatures]) -> GraphFeatures:
    """Of several nodes of one subject: the most of everything, the shortest way to fraud, and fraud if one is."""
    if len(found) == 1:
        return found[0]
    most: dict[str, Any] = {name: max(getattr(one, name) for one in found) for name in _COUNTED}
    near = [one.distance_to_fraud for one in found if one.distance_to_fraud >= 0]
    labels = {one.fraud for one in found}
    fraud = True if True in labels else (False if False in labels else None)
    return GraphFeatures(**most, distance_to_fraud=min(near, default=-1), fraud=fraud)


def _say_refused(path: Path, why: str) -> None:
    log.error("the cards of %s are left as they were: %s", path, why)
