"""Scorecards: what each fact adds to a score, step by step, as parameters in a file.

A card has one of two kinds. *Points*: a step has points, a score is their sum, and the highest points of all facts come
to 1000 at most, so that nothing is ever cut off. *Probability*: a step has the share of those with nothing else against
them that are what the score is about; causes are independent (a noisy OR), so that a subject's probability is
``1 - (1 - base) x (1 - share) x (1 - share) …``, and 500 is even odds, 50 more twice the odds.

Every fact is *rising* (the more of it, the higher the score) or *falling*, and its steps are checked to be so: a score
is monotone by construction. The step that speaks least has 0, so that what a step has is what it moved.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping
from itertools import pairwise
from math import exp, expm1, log, log1p
from operator import itemgetter
from typing import Any, Literal

import msgspec
from msgspec import Struct

from domain.errors import Problem, Refused
from risk.inputs import FACTS, Inputs

NAMES = ("device_risk", "fraud", "multi_lender", "social_relation", "funding_need", "loan_intent")
MOST = 1_000
"""The highest score; the lowest is 0."""
EVEN, DOUBLING = 500, 50
"""The score of even odds, and how much more twice the odds are."""
MOST_REASONS = 4
OWN_VERSIONS = 1_000
"""Versions of published cards are below, those of cards that were learnt or written here are from it on."""
MOST_SHARE = 0.9999
MOST_STEPS = 64
FURTHEST = 30.0
"""No log odds are further from 0."""


class Curve(Struct, frozen=True, forbid_unknown_fields=True):
    """A calibration: log odds in, log odds out, straight between points, as `prediction.curve.Curve` has it."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    below: float
    above: float

    def __call__(self, at: float) -> float:
        x, y = self.x, self.y
        if at <= x[0]:
            told = y[0] + self.below * (at - x[0])
        elif at >= x[-1]:
            told = y[-1] + self.above * (at - x[-1])
        else:
            place = bisect_right(x, at)
            left, right = x[place - 1], x[place]
            told = y[place - 1] + (y[place] - y[place - 1]) * ((at - left) / (right - left))
        return min(max(told, -FURTHEST), FURTHEST)

    def faults(self) -> str:
        """What is wrong with it, or nothing."""
        numbers = (*self.x, *self.y, self.below, self.above)
        if not self.x or len(self.x) != len(self.y) or not all(abs(number) <= 1e6 for number in numbers):
            return "x and y must have as many finite numbers, one at least"
        if any(a >= b for a, b in pairwise(self.x)):
            return "x must rise"
        if any(a > b for a, b in pairwise(self.y)) or min(self.below, self.above) < 0:
            return "y must not fall, and neither slope may be below 0"
        return ""


class Steps(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one fact adds. A step is (from which value on, how much); the first is from 0."""

    rising: tuple[tuple[float, float], ...] = ()
    falling: tuple[tuple[float, float], ...] = ()
    """One of the two is given."""
    missing: float = 0.0
    """How much is added where the fact is not known."""

    @property
    def steps(self) -> tuple[tuple[float, float], ...]:
        return self.rising or self.falling


class Card(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The parameters of one score."""

    version: int
    kind: Literal["points", "probability"]
    facts: dict[str, Steps]
    base: float = 0.0
    """Of a probability: where nothing speaks for it."""
    calibration: Curve | None = None
    """From the log odds of the card's own probability (of points: of points / 1000) to those of what came."""
    learned: dict[str, str | int | float] = {}
    """Of a card that was learnt: from what, and how good it is on rows it had not seen."""


class Scored(Struct, frozen=True):
    """One score of one subject."""

    score: int
    """0 to 1000."""
    probability: float | None
    """Of what the score is about; None of an index that is not calibrated: it only ranks."""
    reasons: tuple[str, ...]
    """Codes of the facts that raised it most, the strongest first; 4 at most."""
    version: int
    """Of the card: below 1000 published, else an institution's own."""


class Scorecard:
    """A card, ready to score. Raises Refused for a card that is none, with ``path`` before what is wrong."""

    def __init__(self, card: Card, path: str = "card") -> None:
        if problems := _faults(card, path):
            raise Refused(problems)
        self.card = card
        self._points = card.kind == "points"
        self._base = 0.0 if self._points else -log1p(-card.base)
        amount = float if self._points else _strength
        places = {name: place for place, name in enumerate(FACTS)}
        self._facts = [
            (
                places[name],
                tuple(start for start, _ in steps.steps),
                tuple(amount(much) for _, much in steps.steps),
                amount(steps.missing),
                code_of(name, bool(steps.rising)),
                f"{name}_unknown",
            )
            for name, steps in card.facts.items()
        ]

    def score(self, values: tuple[Any, ...]) -> Scored:
        """Of the values of `Inputs`, in their order."""
        total, moved = self._base, []
        for place, starts, amounts, missing, known, unknown in self._facts:
            value = values[place]
            if value is None:
                if missing:
                    total += missing
                    moved.append((missing, unknown))
            elif amount := amounts[bisect_right(starts, value) - 1]:
                total += amount
                moved.append((amount, known))
        moved.sort(key=_AMOUNT, reverse=True)
        reasons = tuple([code for _, code in moved[:MOST_REASONS]])
        curve = self.card.calibration
        if self._points:
            score = min(round(total), MOST)
            if curve is None:
                return Scored(score, None, reasons, self.card.version)
            return Scored(score, _probability(curve(points_log_odds(total))), reasons, self.card.version)
        z = log(expm1(total))
        if curve is not None:
            z = curve(z)
        return Scored(score_of(z), _probability(z), reasons, self.card.version)

    def log_odds(self, values: tuple[Any, ...]) -> float:
        """What the calibration is fitted on: the log odds before it."""
        total = self._base
        for place, starts, amounts, missing, _, _ in self._facts:
            value = values[place]
            total += missing if value is None else amounts[bisect_right(starts, value) - 1]
        return points_log_odds(total) if self._points else log(expm1(total))

    def reasons(self) -> tuple[str, ...]:
        """All codes that it can give."""
        codes = [code_of(name, bool(steps.rising)) for name, steps in self.card.facts.items()]
        return (*codes, *(f"{name}_unknown" for name, steps in self.card.facts.items() if steps.missing))


class Cards:
    """The cards of all six scores."""

    def __init__(self, cards: Mapping[str, Scorecard]) -> None:
        self.cards = dict(cards)

    def assess(self, inputs: Inputs, wanted: Collection[str] = NAMES) -> dict[str, Scored]:
        """Those scores. Raises Refused for a name that is none of `NAMES`."""
        values, cards = msgspec.structs.astuple(inputs), self.cards
        try:
            return {name: cards[name].score(values) for name in wanted}
        except KeyError:
            unknown = [name for name in wanted if name not in cards]
            raise Refused([Problem("scores", name, f"one of {', '.join(NAMES)} is") for name in unknown]) from None

    def with_own(self, own: Mapping[str, Scorecard]) -> "Cards":
        """These, but for those that somebody has of their own."""
        return Cards({**self.cards, **own})


def code_of(fact: str, rising: bool) -> str:
    """The reason that a fact's value is."""
    if FACTS[fact].flag:
        return fact if rising else f"not_{fact}"
    return f"{fact}_high" if rising else f"{fact}_low"


def reason_text(code: str) -> str:
    """A reason in words. Raises KeyError for what is none."""
    for suffix, words in (("_high", "high: "), ("_low", "low: "), ("_unknown", "not known: ")):
        fact = code.removesuffix(suffix)
        if fact != code and fact in FACTS:
            return words + FACTS[fact].doc
    fact = code.removeprefix("not_")
    return ("not so: " if fact != code else "") + FACTS[fact].doc


def score_of(log_odds: float) -> int:
    """The score of a probability."""
    return min(max(round(EVEN + DOUBLING * log_odds / _LOG_2), 0), MOST)


def probability_of(score: int) -> float:
    """The probability in the middle of a score of the kind ``probability``."""
    return _probability((score - EVEN) / DOUBLING * _LOG_2)


def points_log_odds(points: float) -> float:
    """Points as log odds, finite for 0 and 1000 too: what a calibration of points is a curve of."""
    return log((points + 1) / (MOST + 1 - points))


_AMOUNT = itemgetter(0)
_LOG_2 = log(2)


def _strength(share: float) -> float:
    return -log1p(-share)


def _probability(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))


def _faults(card: Card, path: str) -> list[Problem]:
    found = []
    if not 0 < card.version < 2**32:
        found.append(Problem(f"{path}.version", card.version, "1 to 4294967295 are"))
    points = card.kind == "points"
    if not (card.base == 0 if points else 0 < card.base <= MOST_SHARE):
        allowed = "points have none" if points else f"it must be above 0, and at most {MOST_SHARE}"
        found.append(Problem(f"{path}.base", card.base, allowed))
    if not card.facts:
        found.append(Problem(f"{path}.facts", {}, "it must have a fact at least"))
    for name, steps in card.facts.items():
        where = f"{path}.facts.{name}"
        if name not in FACTS:
            found.append(Problem(where, name, f"there is no such fact; the facts are {', '.join(FACTS)}"))
        else:
            found += _step_faults(steps, where, MOST if points else MOST_SHARE)
    if card.calibration is not None and (fault := card.calibration.faults()):
        found.append(Problem(f"{path}.calibration", msgspec.to_builtins(card.calibration), fault))
    if points and not found:
        highest = sum(max(steps.missing, *(much for _, much in steps.steps)) for steps in card.facts.values())
        if highest > MOST:
            allowed = f"the highest points of all facts must come to {MOST} at most"
            found.append(Problem(f"{path}.facts", highest, allowed))
    return found


def _step_faults(steps: Steps, path: str, most: float) -> list[Problem]:
    if bool(steps.rising) == bool(steps.falling):
        return [Problem(path, msgspec.to_builtins(steps), "it must have either rising or falling steps")]
    name, told = ("rising", steps.rising) if steps.rising else ("falling", steps.falling)
    where, shown = f"{path}.{name}", [list(step) for step in told]
    starts, amounts = [start for start, _ in told], [much for _, much in told]
    if len(told) > MOST_STEPS:
        return [Problem(where, len(told), f"there may be {MOST_STEPS} steps")]
    if starts[0] != 0 or any(not a < b for a, b in pairwise(starts)):
        return [Problem(where, shown, "the first step must be from 0, and each from more than the one before")]
    if not all(0 <= much <= most for much in (*amounts, steps.missing)):
        return [Problem(path, msgspec.to_builtins(steps), f"a step, and what is missing, must have 0 to {most}")]
    ordered = amounts if steps.rising else amounts[::-1]
    if any(a > b for a, b in pairwise(ordered)):
        return [Problem(where, shown, f"the amounts must be {name}")]
    if ordered[0] != 0:
        return [Problem(where, shown, f"the {'first' if steps.rising else 'last'} step must have 0")]
    return []
