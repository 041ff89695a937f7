"""Refusals that a person can act on: where, what was found, and what would have been right."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input: its path (``campaigns[2].line_items[0].bid_cpm``), the value, what is allowed."""

    path: str
    value: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value!r} is not allowed; {self.allowed}"


class Refused(Exception):
    """The whole input is refused, with every problem found; nothing of it was taken."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class Unavailable(Exception):
    """Something that is needed does not answer, or cannot be used; the text is for an operator."""
