"""A model from what became of applications, beside the rows that the one before had learnt from.

Of an application with outcomes: defaulted is bad, repaid is good; approved or paid out and not ended yet says nothing.
Of a rejected one nobody knows what it would have become, and a model of approved people alone is too kind to those like
them (reject inference). ``none`` leaves rejected ones out. ``fuzzy`` takes each in twice, as bad and as good, weighted
by the probability that the model in service gave, with its odds raised by a stated factor: rejected people are assumed
to be that much worse than approved ones of the same score. It is an assumption; the card states it, and nothing is
judged by such rows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from credit import applications
from credit.applications import Application, about
from credit.approval import Approval, learnt
from credit.columns import Asked, Floats
from credit.model import CreditModel
from credit.outcomes import Outcome, OutcomeKind, OutcomeReader, directory
from credit.table import Column, Table, of_records
from credit.training import Settings
from domain.errors import Problem, Refused

Inference = Literal["none", "fuzzy"]
FACTOR = 1.5
"""Odds of default of rejected applicants over those of approved ones of the same score."""


class Ended(NamedTuple):
    """What became of an application."""

    application: Application
    approved: bool | None
    bad: bool | None


class Lessons(Struct, frozen=True, eq=False):
    """Rows to learn from."""

    table: Table
    weight: Floats
    inferred: NDArray[np.bool_]
    """Rows whose outcome is assumed."""
    repaid: int
    defaulted: int
    rejected: int
    undecided: int
    """Applications without an outcome that says anything."""
    approval: Approval


def endings(root: Path) -> list[Ended]:
    """Every application that was recorded, with what its outcomes say; ``root`` as `credit.config.directory`."""
    latest = {each.about: each for each in applications.read(root)}
    kinds: dict[str, set[OutcomeKind]] = {}
    for outcome in OutcomeReader(directory(root.parent)).read():
        kinds.setdefault(_about(outcome), set()).add(outcome.kind)
    return [Ended(each, *_meaning(kinds.get(key, set()))) for key, each in latest.items()]


def _about(outcome: Outcome) -> str:
    return about(outcome.institution, outcome.match_id, outcome.reference)


def _meaning(kinds: set[OutcomeKind]) -> tuple[bool | None, bool | None]:
    """Approved? Bad? A default is one whatever was paid back later; who was paid was approved whatever else is said."""
    granted = kinds & {"approved", "disbursed", "repaid", "defaulted"}
    approved = True if granted else False if "rejected" in kinds else None
    bad = True if "defaulted" in kinds else False if "repaid" in kinds else None
    return approved, bad


def lessons(
    model: CreditModel,
    ended: Sequence[Ended],
    files: Sequence[Table],
    *,
    inference: Inference = "fuzzy",
    factor: float = FACTOR,
) -> Lessons:
    """Rows of files with outcomes, and of applications. Raises Refused if there are none, or for a wrong factor."""
    if not 0.2 <= factor <= 20:
        raise Refused([Problem("--reject-factor", factor, "0.2 to 20")])
    facts = model.facts
    target, bad_text, good_text = facts.schema.target, facts.outcome.bad[0], facts.outcome.good[0]
    known = [each for each in ended if each.bad is not None]
    rejected = [each for each in ended if each.approved is False and each.bad is None]
    records = [{**each.application.applicant, target: bad_text if each.bad else good_text} for each in known]
    weights = [1.0] * len(known)
    if inference == "fuzzy":
        for each in rejected:
            odds = factor * each.application.pd / max(1 - each.application.pd, 1e-9)
            p = odds / (1 + odds)
            records += [{**each.application.applicant, target: text} for text in (bad_text, good_text)]
            weights += [p, 1 - p]
    names = [name for name in _order(files, facts.schema.known) if name in facts.schema.known]
    told = of_records(records, names)
    whole = joined([*files, told] if records else files, names)
    if not whole.rows:
        raise Refused([Problem("outcomes", 0, "some application must have ended, or --data must name a file")])
    rows = whole.rows - len(records)
    decided = [each for each in ended if each.approved is not None]
    approval = learnt(
        facts.approval, [each.application.score for each in decided], [bool(each.approved) for each in decided]
    )
    return Lessons(
        whole,
        np.concatenate([np.ones(rows), np.maximum(weights, 1e-6)]) if records else np.ones(rows),
        np.arange(whole.rows) >= rows + len(known),
        sum(not each.bad for each in known),
        sum(bool(each.bad) for each in known),
        len(rejected),
        sum(each.bad is None and each.approved is not False for each in ended),
        approval,
    )


def stated(told: Lessons, inference: Inference, factor: float) -> tuple[str, ...]:
    """What a card says of them."""
    how = (
        f"Reject inference: {told.rejected} rejected applicants are taken in as bad and as good, weighted by the "
        f"probability of default that they had, with its odds raised {factor:g} times. This is an assumption."
        if inference == "fuzzy" and told.rejected
        else f"Reject inference: none; {told.rejected} rejected applicants are left out."
    )
    return (
        f"Learnt from outcomes: {told.repaid} repaid, {told.defaulted} defaulted; {told.undecided} applications have "
        "no outcome yet.",
        how,
    )


def joined(tables: Sequence[Table], names: Sequence[str]) -> Table:
    """Rows of all, one table after the other; a column that one has not is missing there."""
    rows = sum(table.rows for table in tables)
    columns: dict[str, Column] = {}
    for name in names:
        levels: dict[str, int] = {}
        parts = []
        for table in tables:
            column = table.columns.get(name)
            if column is None:
                parts.append(np.full(table.rows, -1, np.int32))
                continue
            place = [levels.setdefault(level, len(levels)) for level in column.levels]
            parts.append(np.array([*place, -1], np.int32)[column.codes])
        columns[name] = Column(tuple(levels), np.concatenate(parts) if parts else np.empty(0, np.int32))
    return Table(columns, rows, any(table.decimal_comma for table in tables))


def _order(files: Sequence[Table], known: frozenset[str]) -> list[str]:
    """Names in the order of the files, then those that no file has."""
    found: Mapping[str, None] = dict.fromkeys(name for table in files for name in table.columns)
    return [*found, *sorted(known - found.keys())]


def settings_of(model: CreditModel, seed: int) -> Settings:
    """How the model before was learnt: its target, protected columns, those that were left out, its scale."""
    facts = model.facts
    dropped = tuple(each.name for each in facts.schema.left)
    categories = tuple(plan.name for plan in facts.schema.plans if plan.kind == "category")
    return Settings(
        facts.schema.target,
        facts.outcome.bad,
        Asked(dropped, tuple(facts.schema.protected), (), categories),
        facts.scale,
        seed=seed,
    )
