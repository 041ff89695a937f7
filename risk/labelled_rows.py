"""Facts with what came of them: from a CSV file, or from recorded decisions and a file of their outcomes."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.errors import Problem, Refused
from prediction.datasets.columns import Wrong, floats, labels
from prediction.datasets.lines import Bad, Lines
from risk.decisions import recorded
from risk.inputs import FACTS

OUTCOMES = {
    "1": 1.0, "true": 1.0, "yes": 1.0, "fraud": 1.0, "bad": 1.0,
    "0": 0.0, "false": 0.0, "no": 0.0, "genuine": 0.0, "good": 0.0,
}  # fmt: skip


class LabelledRows(NamedTuple):
    """Subjects with an outcome; 1 is what the score is about."""

    facts: NDArray[np.float32]
    """(n, `FACTS`), NaN where one is not known."""
    label: NDArray[np.float64]
    bad: Bad
    unknown: int
    """Outcomes of decisions that are not there."""


def read_labelled(paths: Sequence[Path], target: str) -> LabelledRows:
    """Files with a column for each fact that is known, by its name, and ``target`` for the outcome; other columns are
    not read. Raises Refused for a file without the target, or without a fact.
    """
    bad, parts, told = Bad(), [], []
    for path in paths:
        lines = Lines(path, ",", header=True, needed=(target,))
        for block in lines.blocks():
            wrong: Wrong = {}
            label = labels(target, [text.strip().lower() for text in block[target]], wrong, OUTCOMES)
            values = np.full((len(block), len(FACTS)), np.nan, np.float32)
            known = [name for name in FACTS if name in block.columns]
            if not known:
                allowed = f"it must have a column of a fact at least; the facts are {', '.join(FACTS)}"
                raise Refused([Problem(f"{path}: line 1", ", ".join(block.columns), allowed)])
            for place, (name, fact) in enumerate(FACTS.items()):
                if name in block.columns:
                    values[:, place] = floats(name, block[name], wrong)
                    for at in np.flatnonzero((values[:, place] < 0) | (values[:, place] > fact.most)).tolist():
                        wrong.setdefault(at, f"{name}: {block[name][at]!r} is not from 0 to {fact.most:.16g}")
            good = np.array([at not in wrong for at in range(len(block))], np.bool_)
            for at in sorted(wrong):
                lines.bad.add(block.numbers[at], wrong[at])
            parts.append(values[good])
            told.append(label[good])
        bad.count += lines.bad.count
        bad.first += [f"{path}: {each}" for each in lines.bad.first]
    facts = np.concatenate(parts) if parts else np.empty((0, len(FACTS)), np.float32)
    return _checked(LabelledRows(facts, np.concatenate(told) if told else np.empty(0), bad, 0), paths)


def read_decisions(root: Path, outcomes: Sequence[Path]) -> LabelledRows:
    """Decisions recorded below ``root`` whose outcome is known. The files have the columns ``outcome`` (1 or 0, fraud
    or genuine …) and ``decision_id`` or the caller's own ``reference``; of several outcomes the last counts.
    """
    bad = Bad()
    by_id: dict[str, float] = {}
    by_reference: dict[str, float] = {}
    for path in outcomes:
        lines = Lines(path, ",", header=True, needed=("outcome",))
        for block in lines.blocks():
            wrong: Wrong = {}
            label = labels("outcome", [text.strip().lower() for text in block["outcome"]], wrong, OUTCOMES)
            ids = block.columns.get("decision_id", ("",) * len(block))
            references = block.columns.get("reference", ("",) * len(block))
            for at, (id_, reference) in enumerate(zip(ids, references, strict=True)):
                if at in wrong or not (id_ or reference):
                    lines.bad.add(block.numbers[at], wrong.get(at, "neither decision_id nor reference is told"))
                elif id_:
                    by_id[id_.strip().lower()] = float(label[at])
                else:
                    by_reference[reference.strip()] = float(label[at])
        bad.count += lines.bad.count
        bad.first += [f"{path}: {each}" for each in lines.bad.first]
    places = {name: place for place, name in enumerate(FACTS)}
    facts, labelled, found_outcomes = [], [], 0
    seen_ids: set[str] = set()
    seen_references: set[str] = set()
    for found in recorded(root):
        id_, reference = found.id.lower(), found.decision.reference
        outcome = by_id.get(id_)
        if outcome is not None:
            seen_ids.add(id_)
        elif (outcome := by_reference.get(reference) if reference else None) is not None:
            seen_references.add(reference)
        else:
            continue
        found_outcomes += 1
        row = np.full(len(FACTS), np.nan, np.float32)
        for name, value in found.decision.facts.items():
            if name in places and not isinstance(value, str):
                row[places[name]] = value
        facts.append(row)
        labelled.append(outcome)
    unknown = len(by_id) + len(by_reference) - len(seen_ids) - len(seen_references)
    table = np.stack(facts) if facts else np.empty((0, len(FACTS)), np.float32)
    return _checked(LabelledRows(table, np.array(labelled, np.float64), bad, unknown), outcomes)


def _checked(rows: LabelledRows, paths: Sequence[Path]) -> LabelledRows:
    if not len(rows.label):
        why = f" ({rows.bad.first[0]})" if rows.bad.first else ""
        raise Refused([Problem("FILE", ", ".join(map(str, paths)), f"it must have rows with an outcome{why}")])
    return rows
