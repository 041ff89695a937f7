"""``/v1/score``: the credit score of an applicant, by what is told of it, or of a person who was scored before."""

import math
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from msgspec import Meta, Struct

from api.batch import batch_of
from api.operations import Call, Operation
from credit.applications import MOST_FIELDS, Value
from credit.matching import Standing
from credit.model import Assessed, CreditModel
from credit.outcomes import LONGEST
from credit.people import People
from domain.errors import Problem, Refused, Unavailable
from risk.subject import SubjectForm, read_subject

SCOPE = "credit:score"

Reference = Annotated[str, Meta(max_length=LONGEST)]
Applicant = Annotated[dict[str, Value], Meta(max_length=MOST_FIELDS)]


class ScoreRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An applicant by columns of the model, or a person by ids; an applicant goes first."""

    applicant: Applicant | None = None
    """What is known of the applicant; what is missing, or null, is not known."""
    subject: SubjectForm | None = None
    reference: Reference = ""
    """The lender's own name of the application. With it the applicant is recorded, and `/v1/outcomes` can tell what
    became of it."""


class ReasonTold(Struct, frozen=True):
    """Why a score is not higher."""

    code: str
    points: float
    text: str


class ScoreAnswer(Struct, frozen=True):
    """Null where nothing is known: a person who was never scored."""

    score: int | None
    """300 to 900, higher is better."""
    pd: float | None
    """Probability of default."""
    p_approved: float | None
    reasons: tuple[ReasonTold, ...]
    version: int | None
    """Of the model."""
    model: str
    """``boosted`` or ``scorecard``; ``table`` for a person who was scored before, empty for one who was not."""
    scored_at: int | None = None
    """Of a person scored before: seconds since 1970."""


Keep = Callable[[Call, dict[str, Any], str, Assessed, int], Awaitable[None]]
Seen = Callable[[str], None]

NOBODY = ScoreAnswer(None, None, None, (), None, "")


class Scoring:
    """``model`` and ``people`` give what is in service now; None: there is none. ``keep`` records an applicant that has
    a reference; ``seen`` is told how a question was answered.
    """

    def __init__(
        self,
        model: Callable[[], CreditModel | None],
        people: Callable[[], People | None],
        keep: Keep,
        seen: Seen,
    ) -> None:
        self._model, self._people, self._keep, self._seen = model, people, keep, seen

    def operations(self) -> tuple[Operation, ...]:
        one = Operation(
            "POST", "/v1/score", "Credit score of an applicant or a person", ScoreRequest, ScoreAnswer, SCOPE,
            self._score,
            description="An applicant is scored by the model in service, with reasons; a person is looked up in the "
            "table of people scored before.",
        )  # fmt: skip
        return one, batch_of(one)

    async def _score(self, call: Call) -> ScoreAnswer:
        asked: ScoreRequest = call.body
        if asked.applicant is not None:
            model = self.model
            found = model.assess((asked.applicant,))[0]
            if asked.reference:
                await self._keep(call, asked.applicant, asked.reference, found, model.version)
            self._seen("applicant")
            reasons = tuple(ReasonTold(*reason) for reason in found.reasons)
            served = model.facts.served
            return ScoreAnswer(found.score, found.pd, found.p_approved, reasons, model.version, served)
        if asked.subject is None or not asked.subject.ids:
            raise Refused([Problem("applicant", None, "an applicant, or a subject with ids, must be given")])
        if asked.reference:
            raise Refused([Problem("reference", asked.reference, "only an applicant can have one")])
        people = self._people()
        person = people.newest(read_subject(asked.subject).keys) if people is not None else None
        if person is None:
            self._seen("unknown")
            return NOBODY
        self._seen("person")
        return ScoreAnswer(person.score, person.pd, person.p_approved, (), None, "table", person.scored_at)

    @property
    def model(self) -> CreditModel:
        """Raises Unavailable while there is none."""
        model = self._model()
        if model is None:
            raise Unavailable("there is no model in service: see `outbid credit use`")
        return model

    def standing(self, applicant: Any, keys: tuple[int, ...]) -> Standing:
        """What matching knows of an applicant. Raises Refused for features that are none."""
        if applicant is not None:
            model = self._model()
            return Standing() if model is None else standing_by(model, applicant)
        people = self._people()
        person = people.newest(keys) if people is not None else None
        return Standing(math.nan, math.nan, math.nan) if person is None else Standing(*map(float, person[:3]))


def standing_by(model: CreditModel, applicant: Any) -> Standing:
    """What a model says of an applicant, without reasons. Raises Refused for features that are none."""
    found = model.scores(model.columns_of_records((applicant,)))
    return Standing(float(found.score[0]), float(found.pd[0]), float(found.p_approved[0]))
