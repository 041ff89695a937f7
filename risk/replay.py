"""A dry run of a flow over decisions that were recorded: which it would change, and why.

A record has everything that flows can ask, so a flow says of it what it would have said then. Facts that the flow
declares and whoever asked did not tell are not known, as they would have been.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from risk.decisions import Decision, Found
from risk.flow import Flow, Verdict
from risk.vocabulary import values_of

OUTCOMES = ("approve", "review", "reject")


class Change(Struct, frozen=True):
    """A decision that would have been another one."""

    decision_id: str
    time_ns: int
    before: str
    after: str
    reasons_before: tuple[str, ...]
    reasons_after: tuple[str, ...]


class Replay(Struct):
    """What came of it."""

    flow: str
    version: str
    decisions: int = 0
    before: dict[str, int] = {}
    after: dict[str, int] = {}
    moved: dict[str, int] = {}
    """``approve to review`` -> how many."""
    reasons: dict[str, int] = {}
    """Codes of the flow's steps -> how many decisions they brought about."""
    without: dict[str, int] = {}
    """Facts that the flow declares and calls must tell -> in how many decisions they were not told."""
    changes: tuple[Change, ...] = ()
    """The first ones."""


def again(flow: Flow, decision: Decision) -> Verdict:
    """What a flow says of a recorded case."""
    hits = [hit for hit in decision.hits if not hit.overruled]
    return flow.decide(values_of(_of_flow(flow, decision.facts), decision.graph, hits, decision.scores), hits)


def replay(flow: Flow, found: Iterable[Found], most_changes: int = 20) -> Replay:
    """Runs a flow over decisions. ``most_changes``: how many are listed."""
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    without: Counter[str] = Counter()
    changes: list[Change] = []
    needed = [name for name, fact in flow.form.facts.items() if fact.needed]
    for id_, decision in found:
        verdict = again(flow, decision)
        before[decision.decision] += 1
        after[verdict.decision] += 1
        reasons.update(verdict.reasons)
        without.update(name for name in needed if name not in decision.facts)
        if verdict.decision != decision.decision:
            moved[f"{decision.decision} to {verdict.decision}"] += 1
            if len(changes) < most_changes:
                changes.append(
                    Change(
                        id_, decision.time_ns, decision.decision, verdict.decision, decision.reasons, verdict.reasons
                    )
                )
    return Replay(
        flow.name, flow.version, before.total(), _ordered(before), _ordered(after), dict(moved.most_common()),
        dict(reasons.most_common()), dict(without.most_common()), tuple(changes),
    )  # fmt: skip


def _of_flow(flow: Flow, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Without those of another flow's that mean something else in this one."""
    return {name: value for name, value in facts.items() if name not in flow.facts or flow.facts[name].has(value)}


def _ordered(counted: Mapping[str, int], names: Sequence[str] = OUTCOMES) -> dict[str, int]:
    return {name: counted.get(name, 0) for name in names}
