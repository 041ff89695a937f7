"""Decision flows: what is written in YAML, checked, compiled, and run over what is known of a case.

Steps are taken in order. One that rejects ends the flow, and so does one that approves, unless an earlier one wanted a
review: a review stays, whatever comes after it but a rejection. If no step decides, ``otherwise`` does.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from api.checking import converted
from domain.errors import Problem, Refused
from domain.yaml_file import read_yaml
from risk.cards import NAMES as SCORES
from risk.conditions import Condition, Kind, Values, Vocabulary, compiled
from risk.flow_form import FactForm, FlowForm, Outcome, StepForm
from risk.vocabulary import known_values

POINTS: Final = "points"
_FORMS = "a step has one of list, when and score"
_WAYS = ("then", "points")
_CUTS = ("approve_below", "review_from", "reject_from")


class ListHit(NamedTuple):
    """What a flow asks of an entry that the subject is on (a `risk.lists.Hit` will do)."""

    list: str
    institution: int
    reason: str


class Verdict(NamedTuple):
    """What a flow says."""

    decision: Outcome
    reasons: tuple[str, ...]
    """Codes of the steps that brought it about, the deciding one first; ``OTHERWISE`` if none did."""
    points: float
    scores: tuple[str, ...]
    """The scores by which it was reached, for their own reasons."""


class _Step(NamedTuple):
    holds: Callable[[Values, Sequence[Any]], bool]
    then: Literal["approve", "review", "reject", "points"]
    points: float
    reason: str
    score: str


class Flow:
    """A compiled flow. ``version`` is a hash of what it says: comments and layout do not matter."""

    def __init__(self, form: FlowForm, steps: Sequence[_Step], facts: Mapping[str, Kind], uses: frozenset[str]) -> None:
        self.form, self.name, self.facts = form, form.flow, facts
        self.institutions = frozenset(form.institutions)
        self.version = sha256(msgspec.json.encode(form, order="sorted")).hexdigest()[:16]
        self.uses = uses
        """Names of the values that it reads."""
        self._steps = tuple(steps)

    def may(self, institution: str) -> bool:
        """May this institution call it? The operator ("") may all."""
        return not institution or not self.institutions or institution in self.institutions

    def own_facts(self, told: Mapping[str, Any], path: str = "facts") -> dict[str, Any]:
        """The caller's own facts, checked. Raises Refused."""
        problems = [
            Problem(f"{path}.{name}", value, self.facts[name].allowed)
            for name, value in told.items()
            if not self.facts[name].has(value)
        ]
        problems += [
            Problem(f"{path}.{name}", None, f"the flow needs it; {self.facts[name].allowed}")
            for name, fact in self.form.facts.items()
            if fact.needed and name not in told
        ]
        if problems:
            raise Refused(problems)
        return {name: float(value) if self.facts[name].name == "number" else value for name, value in told.items()}

    def decide(self, values: dict[str, Any], hits: Sequence[Any]) -> Verdict:
        """Runs the flow. ``values`` as `risk.vocabulary` names them; ``points`` is added to them. ``hits``: see
        `ListHit`.
        """
        points, values[POINTS] = 0.0, 0.0
        review: list[_Step] = []
        pointed: list[_Step] = []
        for step in self._steps:
            if not step.holds(values, hits):
                continue
            if step.then == "reject" or (step.then == "approve" and not review):
                return _verdict(step.then, [step], pointed, points)
            if step.then == "review":
                review.append(step)
            elif step.then == POINTS:
                pointed.append(step)
                points += step.points
                values[POINTS] = points
        if review:
            return _verdict("review", review, pointed, points)
        return Verdict(self.form.otherwise, ("OTHERWISE",), points, ())


def _verdict(decision: Outcome, by: list[_Step], pointed: list[_Step], points: float) -> Verdict:
    reasons = [step.reason for step in by]
    if any(step.score == POINTS for step in by):  # then what gave the points is why, the most first
        reasons += [step.reason for step in sorted(pointed, key=lambda step: -abs(step.points))]
    return Verdict(
        decision,
        tuple(dict.fromkeys(reasons)),
        points,
        tuple(dict.fromkeys(step.score for step in by if step.score and step.score != POINTS)),
    )


def read_flow(path: Path) -> Flow:
    """A flow of a YAML file. Raises Refused, with everything that is wrong."""
    return flow_of(read_yaml(path))


def flow_of(written: Any) -> Flow:
    """A flow as YAML or JSON has it. Raises Refused."""
    try:
        plain = _plain(written)
    except RecursionError:  # a list that has itself in it
        raise Refused([Problem("", "…", "a flow is a mapping, and has no end to its depth")]) from None
    form: FlowForm = converted(plain, FlowForm)
    problems: list[Problem] = []
    facts = _facts(form.facts, problems)
    words = Vocabulary({**known_values(), **facts, POINTS: Kind("number")})
    steps = [step for i, each in enumerate(form.steps) for step in _compiled(each, f"steps[{i}]", words, problems)]
    names: dict[str, int] = {}
    for i, each in enumerate(form.steps):
        if names.setdefault(each.name, i) != i:
            problems.append(
                Problem(f"steps[{i}].name", each.name, f"it must be a name of its own; so is steps[{names[each.name]}]")
            )
    if problems:
        raise Refused(problems)
    return Flow(form, steps, facts, frozenset(words.names))


def _plain(value: Any) -> Any:
    """Exact decimals of YAML as numbers."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | str) else float(value)


def _facts(forms: Mapping[str, FactForm], problems: list[Problem]) -> dict[str, Kind]:
    known, found = known_values(), {}
    for name, form in forms.items():
        path = f"facts.{name}"
        if name in known or name == POINTS:
            problems.append(Problem(path, name, "it must be another name: the service itself has a value of this name"))
        if (form.kind == "choice") != bool(form.of):
            problems.append(
                Problem(f"{path}.of", list(form.of), "a choice, and nothing else, has words to choose from")
            )
        for bound in ("at_least", "at_most"):
            if form.kind != "number" and getattr(form, bound) is not None:
                problems.append(Problem(f"{path}.{bound}", getattr(form, bound), "only a number has bounds"))
        least = float("-inf") if form.at_least is None else form.at_least
        most = float("inf") if form.at_most is None else form.at_most
        if least > most:
            problems.append(Problem(path, f"{least} to {most}", "at_least must not be above at_most"))
        found[name] = Kind(form.kind, least, most, form.of)
    return found


def _compiled(form: StepForm, path: str, words: Vocabulary, problems: list[Problem]) -> list[_Step]:
    """The steps that one written step is: a score has up to three."""
    asks = [name for name in ("list", "when", "score") if getattr(form, name) is not None]
    if len(asks) != 1:
        problems.append(Problem(path, " and ".join(asks) or None, _FORMS))
        return []
    kind, reason, before = asks[0], form.reason or form.name.upper(), len(problems)
    wrong = {"scope": form.scope != "any", "reasons": bool(form.reasons)} if kind != "list" else {}
    wrong |= {name: getattr(form, name) is not None for name in (_WAYS if kind == "score" else _CUTS)}
    for name in (name for name, given in wrong.items() if given):
        problems.append(Problem(f"{path}.{name}", getattr(form, name), f"a step with {kind} has no such field"))
    if kind == "score":
        return _cut_offs(form, path, reason, words, problems)
    if (form.then is None) == (form.points is None):
        problems.append(Problem(path, form.then, "it must say what follows: either then or points"))
    holds = _on_list(form) if kind == "list" else _of_values(compiled(form.when, f"{path}.when", words, problems))
    if len(problems) > before:
        return []
    return [_Step(holds, form.then or POINTS, form.points or 0.0, reason, "")]


def _cut_offs(form: StepForm, path: str, reason: str, words: Vocabulary, problems: list[Problem]) -> list[_Step]:
    score = form.score or ""
    if score not in (*SCORES, POINTS):
        problems.append(Problem(f"{path}.score", score, f"it must be of {', '.join((*SCORES, POINTS))}"))
        return []
    given = [(name, bound) for name in _CUTS if (bound := getattr(form, name)) is not None]
    if not given:
        problems.append(Problem(path, None, f"a score has at least one of {', '.join(_CUTS)}"))
    if score != POINTS:
        problems += [
            Problem(f"{path}.{name}", bound, "it must be a number, at least 0, at most 1000")
            for name, bound in given
            if not 0 <= bound <= 1000
        ]
    for (low, below), (high, above) in pairwise(given):
        if below > above:
            problems.append(Problem(f"{path}.{low}", below, f"it must not be above {high}, {above:g}"))
    name = score if score == POINTS else f"score.{score}"
    words.names.add(name)
    steps = []
    if form.reject_from is not None:
        steps.append(_Step(_from(name, form.reject_from), "reject", 0.0, reason, score))
    if form.review_from is not None:
        steps.append(_Step(_from(name, form.review_from), "review", 0.0, reason, score))
    if form.approve_below is not None:
        steps.append(_Step(_below(name, form.approve_below), "approve", 0.0, reason, score))
    return steps


def _from(name: str, bound: float) -> Callable[[Values, Sequence[Any]], bool]:
    return lambda values, hits: (value := values.get(name)) is not None and value >= bound


def _below(name: str, bound: float) -> Callable[[Values, Sequence[Any]], bool]:
    return lambda values, hits: (value := values.get(name)) is not None and value < bound


def _of_values(condition: Condition) -> Callable[[Values, Sequence[Any]], bool]:
    return lambda values, hits: condition(values)


def _on_list(form: StepForm) -> Callable[[Values, Sequence[Any]], bool]:
    name, reasons = form.list, frozenset(form.reasons)
    everybodys = {"any": None, "global": True, "institution": False}[form.scope]

    def holds(values: Values, hits: Sequence[Any]) -> bool:
        return any(
            hit.list == name
            and (not reasons or hit.reason in reasons or hit.reason.partition(":")[0] in reasons)
            and (everybodys is None or (hit.institution == 0) is everybodys)
            for hit in hits
        )

    return holds
