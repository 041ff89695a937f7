"""What institutions and trackers tell of what happened: clicks, installs, applications, and what proved to be fraud.

Everything that is told of together (a device, an address, a phone) has met: it is joined in the graph, all with all.
"""

from itertools import combinations
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from risk.counters import Event
from risk.graph import Edge
from risk.graph_kinds import IP, KIND_OF_WORD, OTHER, Node
from risk.subject import Subject, SubjectForm
from targeting.forgotten import Forgotten

SEEN, FRAUD, LEGITIMATE = "seen", "fraud", "legitimate"
MOST_JOINED = 8
"""Ids and address of one event that are joined with each other: the address and the first ids are."""


class EventForm(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An event as it is sent."""

    event: Literal[
        "click", "install", "application", "rejection", "loan_search", "loan_view", "loan_calculation", "started",
        "seen", "fraud", "legitimate",
    ]  # fmt: skip
    """``seen``: ids were met together, and no more. ``fraud`` and ``legitimate``: it turned out that the subject is."""
    subject: SubjectForm
    at: Annotated[int, Meta(ge=1, le=2**32 - 1)] | None = None
    """Seconds since 1970; not given: now."""
    id: Annotated[str, Meta(max_length=128)] = ""
    """The caller's own name of the event; sent again, it is not counted again."""


class Happening(NamedTuple):
    """An event as the engine takes it."""

    name: str
    subject: Subject
    at_s: int
    told: int = 0
    """`domain.naming.name_id` of who tells it and the id that it has there; 0: it has none."""

    def without(self, forgotten: Forgotten) -> "Happening":
        """The same, of whoever of them is not forgotten."""
        subject = self.subject
        ids = tuple(one for one in subject.ids if one.key not in forgotten)
        ip, ip_key = ("", 0) if subject.ip_key in forgotten else (subject.ip, subject.ip_key)
        return self._replace(subject=subject._replace(ids=ids, ip=ip, ip_key=ip_key))

    def counted(self) -> Event:
        """For the counters."""
        subject = self.subject
        return Event(self.name, self.at_s, subject.ids, subject.ip_key, subject.institution)  # type: ignore[arg-type]

    def labelled(self) -> list[Node]:
        """What a label is of: the ids. An address is only if there is nothing else: many share it."""
        nodes = nodes_of(self.subject)
        return [node for node in nodes if node.kind != IP] or nodes


def nodes_of(subject: Subject) -> list[Node]:
    """The subject's ids and address, as the graph has them."""
    nodes = [Node(one.key, KIND_OF_WORD.get(one.kind, OTHER)) for one in subject.ids]
    if not subject.ip_key or subject.ip_key in subject.keys:  # somebody told its key as one of the ids
        return nodes
    return [Node(subject.ip_key, IP), *nodes]


def edges_of(subject: Subject) -> list[Edge]:
    """Who of a subject's ids and address met."""
    nodes = nodes_of(subject)[:MOST_JOINED]
    return [Edge(one.key, other.key, one.kind, other.kind) for one, other in combinations(nodes, 2)]
