"""Refusals that a person can act on: where, what was found, and what would have been right."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_SHOWN = 300
"""Characters of a value that people are shown: a whole file that is something else says nothing."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input: its path (``campaigns[2].line_items[0].bid_cpm``), the value, what is allowed."""

    path: str
    value: object
    allowed: str

    def __str__(self) -> str:
        found = repr(self.value)
        shown = found if len(found) <= MOST_SHOWN else f"{found[:MOST_SHOWN]}…"
        return f"{self.path}{': ' if self.path else ''}{shown} is not allowed; {self.allowed}"


class Refused(Exception):
    """The whole input is refused, with every problem found; nothing of it was taken."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class Unavailable(Exception):
    """Something that is needed does not answer, or cannot be used; the text is for an operator."""
