"""What is asked of the risk service and answered, as JSON has it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from risk.subject import SubjectForm

Name = Annotated[str, Meta(max_length=64)]
FactValue = float | bool | Annotated[str, Meta(max_length=64)]


class ScoreRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom, which scores (none named: all), and facts of the subject that the caller knows."""

    subject: SubjectForm
    scores: Annotated[tuple[Name, ...], Meta(max_length=32)] = ()
    facts: Annotated[dict[Name, float | bool], Meta(max_length=200)] = {}
    """By the names in docs/risk-scores.md; each takes the place of what is known here."""


class ScoreTold(Struct, frozen=True):
    """One score of a subject."""

    score: Annotated[int, Meta(ge=0, le=1000)]
    probability: Annotated[float, Meta(ge=0, le=1)] | None
    """Of what the score is about; null of one that only ranks."""
    reasons: tuple[str, ...]
    """Codes of what raised it most."""
    version: int


class HitTold(Struct, frozen=True):
    """An entry of a list that names the subject."""

    list: Literal["black", "grey", "white"]
    scope: Literal["global", "institution"]
    reason: str
    source: str
    expires: int
    """Seconds since 1970; 0: never."""
    key: str
    """By which key, ``key:16 hex``: one of the subject's, or that of a range which its address is in."""
    overruled: bool = False
    """Another list stands above it, and it does not count."""


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
    graph: dict[str, float | bool | None]
    """Features of the subject in the graph; empty: it is not in it."""
    facts: dict[str, float]
    """What the scores were made of."""
    subject: SubjectTold


class DecideRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whom, by which flow, and facts: those of scores, and those that the flow declares."""

    subject: SubjectForm
    flow: Name
    facts: Annotated[dict[Name, FactValue], Meta(max_length=200)] = {}
    reference: Annotated[str, Meta(max_length=128, pattern=r"^[A-Za-z0-9_.:/+=-]*$")] = ""
    """The caller's own id of the case: no name, address or number of a person."""


class DecideAnswer(Struct, frozen=True):
    """A decision, and why."""

    decision: Literal["approve", "review", "reject"]
    reasons: tuple[str, ...]
    """Codes of the steps that brought it about, the deciding one first; then ``score.reason`` of the scores by which it
    was reached.
    """
    flow: str
    version: str
    """Of the flow: a hash of what it says."""
    decision_id: str
    points: float
    scores: dict[str, ScoreTold]
    lists: tuple[HitTold, ...]
    graph: dict[str, float | bool | None]
    subject: SubjectTold


class DecisionTold(Struct, frozen=True):
    """A decision as it was recorded."""

    decision_id: str
    at: str
    """UTC, ISO 8601."""
    institution: str
    decision: Literal["approve", "review", "reject"]
    reasons: tuple[str, ...]
    flow: str
    version: str
    points: float
    reference: str
    subject: tuple[str, ...]
    """``key:16 hex`` of its ids and address; those of people who were forgotten are gone."""
    facts: dict[str, FactValue]
    graph: dict[str, float | bool | None]
    lists: tuple[HitTold, ...]
    scores: dict[str, ScoreTold]


class FlowTold(Struct, frozen=True):
    """A flow in use."""

    flow: str
    version: str
    facts: dict[str, str]
    """Of the caller's own: what each can be."""
    needed: tuple[str, ...]
    """Of these, those without which a call is refused."""
    uses: tuple[str, ...]
    """Everything that it reads."""


class FlowsTold(Struct, frozen=True):
    """Flows that the key may call."""

    flows: tuple[FlowTold, ...]


class FlowText(Struct, frozen=True):
    """One version of a flow, with all that it says."""

    flow: str
    version: str
    text: str
    """YAML or JSON, as it was first seen."""


class EventTaken(Struct, frozen=True):
    """An event was taken."""

    at: int
    """When it happened, seconds since 1970."""
    duplicate: bool = False
    """It was told before, with this id, and is not counted again."""
