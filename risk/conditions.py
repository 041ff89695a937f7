"""Conditions of decision flows: AND, OR and NOT over what is known of a case, compiled once.

A condition is a mapping, all of whose keys hold. ``all`` and ``any`` have lists of conditions, ``not`` has one; every
other key is the name of a value with what is asked of it: tests (``{at_least: 400, below: 700}``), a value that it must
be, or a list of which it must be one. What is not known fails every test but ``known: false``, and so passes a ``not``.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from domain.errors import Problem

Values = Mapping[str, Any]
"""What is known of a case: numbers, bools and texts by name. A name that is not there, or has None, is not known."""
Condition = Callable[[Values], bool]

OPERATORS = ("all", "any", "not")
COMPARISONS = ("at_least", "above", "at_most", "below")
DEEPEST = 16
MOST_TESTS = 1_000


class Kind(NamedTuple):
    """What a value can be: ``number``, ``flag`` or ``choice``; of a number the bounds, of a choice the words."""

    name: str
    least: float = float("-inf")
    most: float = float("inf")
    words: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """In words, for whoever wrote something else."""
        if self.name == "flag":
            return "it must be true or false"
        if self.name == "choice":
            return f"it must be of {', '.join(self.words)}"
        bounds = [
            f"{text} {bound:.16g}"
            for text, bound in (("at least", self.least), ("at most", self.most))
            if abs(bound) != float("inf")
        ]
        return f"it must be a number{', ' * bool(bounds)}{', '.join(bounds)}"

    def has(self, value: object) -> bool:
        """Can it be this value?"""
        if self.name == "flag":
            return isinstance(value, bool)
        if self.name == "choice":
            return isinstance(value, str) and value in self.words
        return isinstance(value, int | float) and not isinstance(value, bool) and self.least <= value <= self.most


class Vocabulary:
    """Names that conditions may use, and a count of the tests that they make. ``names`` are those that were used."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds
        self.names: set[str] = set()
        self.tests = 0


def compiled(form: Any, path: str, words: Vocabulary, problems: list[Problem], depth: int = 0) -> Condition:
    """A condition as it was written -> a function. What is wrong goes to ``problems``; then it is not to be used."""
    if not isinstance(form, dict) or not form:
        problems.append(Problem(path, form, "it must be a mapping that says something: names, all, any, not"))
        return _always
    if depth > DEEPEST:
        problems.append(Problem(path, "…", f"conditions are nested at most {DEEPEST} deep"))
        return _always
    parts: list[Condition] = []
    for name, value in form.items():
        below = f"{path}.{name}"
        if name in ("all", "any"):
            if not isinstance(value, list) or not value:
                problems.append(Problem(below, value, "it must be a list of at least 1 condition"))
                continue
            inner = [compiled(each, f"{below}[{i}]", words, problems, depth + 1) for i, each in enumerate(value)]
            parts.append(_all(inner) if name == "all" else _any(inner))
        elif name == "not":
            parts.append(_not(compiled(value, below, words, problems, depth + 1)))
        elif name in words.kinds:
            words.names.add(name)
            words.tests += 1
            if words.tests == MOST_TESTS + 1:
                problems.append(Problem(path, name, f"a flow has at most {MOST_TESTS} tests"))
            parts.append(_all(_tests(name, words.kinds[name], value, below, problems)))
        else:
            problems.append(
                Problem(
                    below,
                    value,
                    f"there is no such value; near it are {_near(name, words)}; `outbid risk flow values` lists all",
                )
            )
    return _all(parts)


def _near(name: str, words: Vocabulary) -> str:
    """The names that may be meant: of the same family, or like this one."""
    family = name.partition(".")[0] + "."
    near = [each for each in words.kinds if each.startswith(family)] if "." in name else []
    return ", ".join(near or get_close_matches(name, words.kinds, 8, 0.4)) or "no such names"


def _tests(name: str, kind: Kind, form: Any, path: str, problems: list[Problem]) -> list[Condition]:
    if isinstance(form, list):
        form = {"one_of": form}
    elif not isinstance(form, dict):
        form = {"is": form}
    known = ("is", "one_of", "known", *(COMPARISONS if kind.name == "number" else ()))
    if not form:
        problems.append(Problem(path, form, f"it must say what is asked: {', '.join(known)}"))
    tests: list[Condition] = []
    for test, bound in form.items():
        at = f"{path}.{test}"
        if test not in known:
            problems.append(Problem(at, bound, f"there is no such test of a {kind.name}; there are {', '.join(known)}"))
        elif test == "known":
            if isinstance(bound, bool):
                tests.append(_known(name, bound))
            else:
                problems.append(Problem(at, bound, "it must be true or false"))
        elif test == "one_of":
            if not isinstance(bound, list) or not bound:
                problems.append(Problem(at, bound, "it must be a list of at least 1 value"))
                continue
            problems += [
                Problem(f"{at}[{i}]", each, kind.allowed) for i, each in enumerate(bound) if not kind.has(each)
            ]
            tests.append(_one_of(name, bound))
        elif not kind.has(bound):
            problems.append(Problem(at, bound, kind.allowed))
        else:
            tests.append(_compared(name, test, bound))
    low, high = _bounds(form)
    if low > high:
        problems.append(Problem(path, form, "no number is both"))
    return tests


def _bounds(form: Mapping[str, Any]) -> tuple[float, float]:
    """Between which numbers a value has to be, as far as numbers were written."""
    numbers = {name: bound for name, bound in form.items() if isinstance(bound, int | float)}
    low = max((numbers[name] for name in ("at_least", "above") if name in numbers), default=float("-inf"))
    return low, min((numbers[name] for name in ("at_most", "below") if name in numbers), default=float("inf"))


def _always(values: Values) -> bool:
    return True


def _all(parts: list[Condition]) -> Condition:
    if len(parts) == 1:
        return parts[0]
    several = tuple(parts)

    def condition(values: Values) -> bool:
        for part in several:  # noqa: SIM110 (a generator for all() costs three times as much)
            if not part(values):
                return False
        return True

    return condition


def _any(parts: list[Condition]) -> Condition:
    several = tuple(parts)

    def condition(values: Values) -> bool:
        for part in several:  # noqa: SIM110
            if part(values):
                return True
        return False

    return condition


def _not(part: Condition) -> Condition:
    return lambda values: not part(values)


def _known(name: str, wanted: bool) -> Condition:
    return lambda values: (values.get(name) is not None) is wanted


def _one_of(name: str, words: list[Any]) -> Condition:
    wanted = tuple(words)
    return lambda values: values.get(name) in wanted


def _compared(name: str, test: str, bound: Any) -> Condition:
    match test:
        case "at_least":
            return lambda values: (value := values.get(name)) is not None and value >= bound
        case "above":
            return lambda values: (value := values.get(name)) is not None and value > bound
        case "at_most":
            return lambda values: (value := values.get(name)) is not None and value <= bound
        case "below":
            return lambda values: (value := values.get(name)) is not None and value < bound
    return lambda values: (value := values.get(name)) is not None and value == bound
