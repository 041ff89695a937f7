"""Everything the service knows of a subject, behind one call: lists, graph, counters, scores.

The service's handlers and the bidder's in-process mode both call it. It does no waiting: what it reads is in memory or
memory-mapped, and is looked at for changes by `Engine.refresh`, which its owner calls now and then.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from risk.subject import Subject


class Assessment(NamedTuple):
    """What is known of a subject."""

    scores: Mapping[str, Any]
    """Name -> `risk.scores.Scored`."""
    hits: Sequence[Any]
    """`risk.lists.Hit`, the most specific first."""
    features: Any
    """`risk.graph.GraphFeatures`, the worst over the subject's ids; None: none of them is in the graph."""


class Engine:
    """One directory's knowledge."""

    @classmethod
    def open(cls, directory: Path) -> "Engine":
        """Opens what is there; a part that is missing knows nothing."""
        return cls()

    def assess(self, subject: Subject, wanted: Collection[str], now_s: int) -> Assessment:
        """All that is known of a subject, and the ``wanted`` scores (names of `risk.scores.SCORES`)."""
        return Assessment({}, (), None)

    def refresh(self) -> None:
        """Takes up what has changed on disk."""

    def close(self) -> None:
        """Writes what is not written yet."""
