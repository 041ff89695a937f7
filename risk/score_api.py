"""``/v1/score``: what is known of a subject."""

from collections.abc import Callable

from api.batch import batch_of
from api.operations import Call, Operation
from domain.errors import Problem, Refused
from risk.cards import NAMES
from risk.engine import Assessment, Engine
from risk.inputs import inputs_of
from risk.subject import read_subject
from risk.told import graph_of, told_hits, told_scores, told_subject
from risk.wire import ScoreAnswer, ScoreRequest

SCOPE = "risk:score"
Seen = Callable[[Assessment], None]


class Scoring:
    """``now_s``: Unix seconds; ``seen`` is told of every assessment."""

    def __init__(self, engine: Engine, now_s: Callable[[], int], seen: Seen) -> None:
        self._engine, self._now_s, self._seen = engine, now_s, seen

    def operations(self) -> tuple[Operation, ...]:
        one = Operation(
            "POST", "/v1/score", "Scores of a subject", ScoreRequest, ScoreAnswer, SCOPE, self._score,
            description="Scores, the lists that name the subject, and its features in the graph. Nothing is recorded.",
        )  # fmt: skip
        return one, batch_of(one)

    async def _score(self, call: Call) -> ScoreAnswer:
        asked: ScoreRequest = call.body
        try:
            subject = read_subject(asked.subject, call.key.institution_id)
            check_names(asked.scores)
            found = self._engine.assess(subject, asked.scores or NAMES, self._now_s(), asked.facts)
        except Refused:
            raise Refused(_faults(asked)) from None
        self._seen(found)
        return ScoreAnswer(
            told_scores(found.scores), told_hits(found), graph_of(found), dict(found.facts), told_subject(subject)
        )


def _faults(asked: ScoreRequest) -> list[Problem]:
    """All that is wrong with a question."""
    found: list[Problem] = []
    for check in (
        lambda: read_subject(asked.subject),
        lambda: check_names(asked.scores),
        lambda: inputs_of(asked.facts),
    ):
        try:
            check()
        except Refused as refusal:
            found += refusal.problems
    return found


def check_names(scores: tuple[str, ...]) -> None:
    """Raises Refused for names of no score."""
    wrong = [(place, name) for place, name in enumerate(scores) if name not in NAMES]
    if wrong:
        raise Refused([Problem(f"scores[{place}]", name, f"it must be of {', '.join(NAMES)}") for place, name in wrong])
