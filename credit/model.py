"""A credit model in service: applicants in, scores, probabilities and reasons out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from credit import reasons
from credit.artefact import SCORECARD, Facts, Whole, load
from credit.columns import Floats, Plan, plain
from credit.features import numbers_of
from credit.numbers import decimal_of, number_of
from credit.reasons import Reason
from credit.table import MISSING, Table, text_of
from domain.errors import Problem, Refused

Values = dict[str, Any]
"""Of rows, by column: float64 numbers, or int32 codes of a category's levels."""


class Assessed(NamedTuple):
    """What the model says of one applicant."""

    score: int
    """300 to 900, higher is better."""
    pd: float
    """Probability of default, calibrated."""
    p_approved: float
    reasons: tuple[Reason, ...]


class Scores(NamedTuple):
    """What the model says of many."""

    score: Floats
    pd: Floats
    p_approved: Floats


class CreditModel:
    """A model that was trained. `load` reads it from its directory."""

    def __init__(self, whole: Whole, name: str = "") -> None:
        self.whole, self.facts, self.name = whole, whole.facts, name
        self.plans: dict[str, Plan] = {plan.name: plan for plan in self.facts.schema.plans}
        self._known = self.facts.schema.known
        self._levels = {
            plan.name: {level: number for number, level in enumerate(plan.levels)}
            for plan in self.facts.schema.plans
            if plan.kind == "category"
        }
        self._lower = {
            name: {plain(level): number for level, number in reversed(levels.items())}
            for name, levels in self._levels.items()
        }
        self._groups = reasons.column_groups(self.facts.schema, self.facts.families)
        self._usual = self._columns([dict(self.facts.usual)], [], "")

    @classmethod
    def load(cls, path: Path) -> "CreditModel":
        """Raises Refused with what does not fit."""
        return cls(load(path), path.name)

    @property
    def version(self) -> int:
        return self.facts.version

    def columns_of(self, table: Table) -> Values:
        """What the model reads of a table; columns that are not there are missing."""
        made: Values = dict(numbers_of(self.facts.schema, table))
        for plan in self.facts.schema.plans:
            if plan.kind == "category":
                column = table.columns.get(plan.name)
                made[plan.name] = plan.codes(column) if column else np.full(table.rows, -1, np.int32)
        return made

    def columns_of_records(self, records: Sequence[Mapping[str, Any]], path: str = "applicant") -> Values:
        """What the model reads of applicants as JSON objects; ``path`` is where they are, for errors.

        Raises:
            Refused: A name that no column has, or a value that a column cannot have.
        """
        problems: list[Problem] = []
        made = self._columns(records, problems, path)
        if problems:
            raise Refused(problems)
        return made

    def features(self, columns: Values) -> Values:
        """The columns, and what is made of them."""
        codes = {name: columns[name] for name in self._levels}
        return {**self.facts.recipe.apply(columns), **codes}

    def log_odds(self, columns: Values) -> Floats:
        """Of default, calibrated, of the model in service."""
        values = self.features(columns)
        return self.scorecard_log_odds(values) if self.facts.served == SCORECARD else self.boosted_log_odds(values)

    def scorecard_log_odds(self, values: Values) -> Floats:
        """Of `features`."""
        return self.facts.scorecard.log_odds(values)

    def boosted_log_odds(self, values: Values) -> Floats:
        """Of `features`."""
        return self.whole.curve(self.whole.challenger.log_odds(values))

    def scores(self, columns: Values) -> Scores:
        """Without reasons, for many rows."""
        return self._scored(self.log_odds(columns))

    def assess(self, records: Sequence[Mapping[str, Any]], path: str = "applicant") -> list[Assessed]:
        """Applicants as JSON objects, with reasons. Raises Refused as `columns_of_records`."""
        columns = self.columns_of_records(records, path)
        if not records:
            return []
        if self.facts.served == SCORECARD:
            values = self.features(columns)
            found, why = self._scored(self.scorecard_log_odds(values)), self._scorecard_reasons(values, len(records))
        else:
            found, why = self._with_reasons(columns, len(records))
        return [
            Assessed(int(score), float(pd), float(p), reason) for score, pd, p, reason in zip(*found, why, strict=True)
        ]

    def _scored(self, z: Floats) -> Scores:
        points = self.facts.scale.points(z)
        return Scores(points, expit(z), self.facts.approval(points))

    def _with_reasons(self, columns: Values, rows: int) -> tuple[Scores, list[tuple[Reason, ...]]]:
        """Of the trees: every row is followed by itself with each group of columns as usual."""
        wide = 1 + len(self._groups)
        repeated = {name: np.repeat(values, wide) for name, values in columns.items()}
        for number, members in enumerate(self._groups.values(), 1):
            for name in members:
                repeated[name][number::wide] = self._usual[name][0]
        z = self.log_odds(repeated).reshape(rows, wide)
        cost = (z[:, :1] - z[:, 1:]) * self.facts.scale.per_log_odds
        names = list(self._groups)
        texts = {name: self._group_text(name) for name in names}
        why = [reasons.picked(dict(zip(names, row, strict=True)), texts) for row in cost.tolist()]
        return self._scored(z[:, 0]), why

    def _group_text(self, name: str) -> str:
        members = self._groups[name]
        return f"{members[0]} to {members[-1]}" if len(members) > 1 else name

    def _scorecard_reasons(self, values: Values, rows: int) -> list[tuple[Reason, ...]]:
        card, per = self.facts.scorecard, self.facts.scale.per_log_odds
        places = {each.name: each.bins.of(values[each.name]) for each in card.characteristics}
        lost = {
            each.name: each.coefficient * (np.array(each.bins.woe)[places[each.name]] - min(each.bins.woe)) * per
            for each in card.characteristics
        }
        made = []
        for row in range(rows):
            texts = {
                each.name: reasons.bin_text(
                    each.name,
                    each.bins,
                    int(places[each.name][row]),
                    self.plans[each.name].levels if each.name in self._levels else (),
                )
                for each in card.characteristics
            }
            made.append(reasons.picked({name: float(points[row]) for name, points in lost.items()}, texts))
        return made

    def _columns(self, records: Sequence[Mapping[str, Any]], problems: list[Problem], path: str) -> Values:
        for number, record in enumerate(records):
            if unknown := record.keys() - self._known:
                at = _at(path, number, len(records))
                problems += [Problem(f"{at}{name}", record[name], self._allowed()) for name in sorted(unknown)]
        made: Values = {}
        for plan in self.facts.schema.plans:
            kind: Any = np.float64 if plan.kind == "number" else np.int32
            column: NDArray[Any] = np.empty(len(records), kind)
            for number, record in enumerate(records):
                value = record.get(plan.name)
                read = self._number(value, plan) if plan.kind == "number" else self._code(value, plan)
                if read is None:
                    at = _at(path, number, len(records))
                    allowed = "a number, or null" if plan.kind == "number" else "a text, a number, true, false or null"
                    problems.append(Problem(f"{at}{plan.name}", value, allowed))
                    read = -1
                column[number] = read
            made[plan.name] = column
        return made

    def _number(self, value: Any, plan: Plan) -> float | None:
        if value is None:
            return float("nan")
        if isinstance(value, int | float):
            number = float(value) if abs(value) < 1e300 else float("inf")
            return number if abs(number) < 1e300 else None
        if not isinstance(value, str):
            return None
        text = value.strip()
        return float("nan") if text.lower() in MISSING else number_of(text, decimal_of((text,), plan.decimal == ","))

    def _code(self, value: Any, plan: Plan) -> int | None:
        if value is not None and not isinstance(value, str | int | float):
            return None
        text = text_of(value)
        if text.lower() in MISSING:
            return -1
        found = self._levels[plan.name].get(text)
        return found if found is not None else self._lower[plan.name].get(plain(text), len(plan.levels))

    def _allowed(self) -> str:
        names = list(self.plans)
        more = f" and {len(names) - 30} more" if len(names) > 30 else ""
        return f"a column of the model: {', '.join(names[:30])}{more}"


def _at(path: str, number: int, count: int) -> str:
    return f"{path}." if count == 1 and not path.endswith("[]") else f"{path.removesuffix('[]')}[{number}]."


def facts_of(path: Path) -> Facts:
    """What a saved model is. Raises Refused."""
    return load(path).facts
