"""A decision flow as it is written (docs/risk.md): lists, rules, points and cut-offs, step by step."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Outcome = Literal["approve", "review", "reject"]
Word = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
FlowName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)]
Reason = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]
ListName = Literal["black", "grey", "white"]


class FactForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A fact of the caller's own that the flow reads."""

    kind: Literal["number", "flag", "choice"]
    needed: bool = False
    """Whether a call without it is refused."""
    at_least: float | None = None
    at_most: float | None = None
    of: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=1000)] = ()


class StepForm(Struct, frozen=True, forbid_unknown_fields=True):
    """One step: it asks of a list (``list``), of values (``when``) or of a score (``score``)."""

    name: Word
    reason: Reason = ""
    """The code that is answered; empty: the name in capital letters."""

    list: ListName | None = None
    scope: Literal["any", "global", "institution"] = "any"
    reasons: tuple[str, ...] = ()
    """Of the list: only entries with one of these reasons, or one of them and more behind a colon; empty: all."""

    when: Any = None
    """A condition (`risk.conditions`)."""

    then: Outcome | None = None
    points: Annotated[float, Meta(ge=-1_000_000, le=1_000_000)] | None = None

    score: str | None = None
    """Name of a score, or ``points``."""
    approve_below: float | None = None
    review_from: float | None = None
    reject_from: float | None = None


class FlowForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole flow."""

    flow: FlowName
    steps: Annotated[tuple[StepForm, ...], Meta(min_length=1, max_length=500)]
    otherwise: Outcome
    """When no step has decided."""
    institutions: tuple[str, ...] = ()
    """Who may call it; empty: everybody who has a key for decisions."""
    facts: dict[Word, FactForm] = {}
