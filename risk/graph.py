"""Who shares what with whom: devices, addresses, phones, accounts as nodes, and what their neighbourhood says of fraud."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

from msgspec import Struct

from risk.graph_kinds import OTHER


class Edge(NamedTuple):
    """Two things were seen together: a device at an address, a phone of an account."""

    first: int
    second: int
    first_kind: int = OTHER
    second_kind: int = OTHER


class GraphFeatures(Struct, frozen=True):
    """What the graph says of one node; of a key that it does not know: no component, nothing near, score 0."""

    component_size: int = 0
    """Nodes that are joined with it over any number of edges, itself among them; 0: the key is not known."""
    degree: int = 0
    """Nodes next to it."""
    ip_degree: int = 0
    device_degree: int = 0
    phone_degree: int = 0
    email_degree: int = 0
    account_degree: int = 0
    card_degree: int = 0
    national_id_degree: int = 0
    address_degree: int = 0
    other_degree: int = 0
    shared_ip: int = 0
    """Other nodes of its kind at the addresses it was seen at; `MOST_SHARED` stands for as many or more."""
    shared_device: int = 0
    """Other nodes of its kind at the devices it was seen with, likewise."""
    distance_to_fraud: int = -1
    """Edges to the nearest known fraud, 0 if it is one; -1: none within `MAX_DISTANCE`."""
    label_score: float = 0.0
    """0–1: the chance that a walk from here, which goes on with probability `DAMPING` a step, comes to known fraud
    before it comes to something known to be good."""
    fraud: bool | None = None
    """Its own label."""


class Graph:
    """In memory, or that of a directory, which one process owns and any number read."""

    @classmethod
    def open(cls, directory: Path, *, owner: bool = False) -> Self:
        """The graph kept in ``directory``, which need not exist. Only the ``owner``, one process at a time, may `add`
        and `label`. Raises LogBusy if there is an owner already.
        """
        raise NotImplementedError

    def add(self, edges: Iterable[Edge]) -> int:
        """Joins nodes; returns how many edges are new. They show in `features` at once, and within a second in those of
        other processes. Raises ValueError for a key of 0 or an edge from a node to itself; then none is added.
        """
        raise NotImplementedError

    def label(self, key: int, fraud: bool | None, kind: int = OTHER) -> None:
        """Says that a node is known fraud, known to be good, or neither (None)."""
        raise NotImplementedError

    def features(self, key: int) -> GraphFeatures:
        raise NotImplementedError

    def refresh(self) -> bool:
        """Reads what came since from the directory; some microseconds if nothing did. To be called several times a
        second by whoever keeps a graph open. Says whether something came.
        """
        raise NotImplementedError

    async def durable(self) -> None:
        """Returns when everything added so far is on disk."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
