"""What is asked of the risk service and answered, as JSON has it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from risk.subject import SubjectForm

Name = Annotated[str, Meta(max_length=64)]
Fact = float | bool | Annotated[str, Meta(max_length=256)]


class ScoreRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom, and which scores; none named: all."""

    subject: SubjectForm
    scores: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()


class ScoreTold(Struct, frozen=True):
    """One score of a subject."""

    score: Annotated[int, Meta(ge=0, le=1000)]
    probability: float | None
    reasons: tuple[str, ...]
    """Codes of what moved it most."""
    version: int


class HitTold(Struct, frozen=True):
    """A list that the subject is on."""

    list: Literal["black", "grey", "white"]
    scope: Literal["global", "institution"]
    reason: str
    source: str
    expires: int
    """Seconds since 1970; 0: never."""
    key: str
    """By which key of the subject: ``key:16 hex``."""


class SubjectTold(Struct, frozen=True):
    """The subject as it is known here."""

    keys: tuple[str, ...]
    """``key:16 hex``, in the order of the ids; an id that was told twice is there once."""
    ip: str | None
    """The key of the address."""


class ScoreAnswer(Struct, frozen=True):
    """What is known of a subject."""

    scores: dict[str, ScoreTold]
    lists: tuple[HitTold, ...]
    graph: dict[str, float]
    """Features of the subject in the graph; empty: it is not in it."""
    subject: SubjectTold


class DecideRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom, by which flow, with which facts of the caller's (the flow declares them)."""

    subject: SubjectForm
    flow: Name
    facts: dict[Name, Fact] = {}
    reference: Annotated[str, Meta(max_length=128, pattern=r"^[A-Za-z0-9_.:/+=-]*$")] = ""
    """The caller's own id of the case: no name, address or number of a person."""


class DecideAnswer(Struct, frozen=True):
    """A decision, and why."""

    decision: Literal["approve", "review", "reject"]
    reasons: tuple[str, ...]
    """Of the steps that brought it about, the deciding one first."""
    flow: str
    version: str
    """Of the flow: a hash of what it says."""
    decision_id: str
    points: float
    scores: dict[str, ScoreTold]
    lists: tuple[HitTold, ...]
    graph: dict[str, float]
    subject: SubjectTold
