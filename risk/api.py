"""The operations of the risk service."""

from collections.abc import Callable, Sequence

from msgspec import structs

from api.operations import Call, Operation
from domain.errors import Problem, Refused
from domain.naming import person_key
from risk.engine import Assessment, Engine
from risk.subject import Subject, read_subject
from risk.wire import HitTold, ScoreAnswer, ScoreRequest, ScoreTold, SubjectTold
from targeting.identity_keys import written_key

SCOPES = ("risk:score", "risk:decide", "risk:events", "risk:lists:read", "risk:lists:write", "risk:graph")
"""What keys may be made for."""


class Scoring:
    """``/v1/score``. ``known``: names of all scores; ``now_s``: Unix seconds."""

    def __init__(self, engine: Engine, known: Sequence[str], now_s: Callable[[], int]) -> None:
        self._engine, self._known, self._now_s = engine, tuple(known), now_s

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation("POST", "/v1/score", "Scores of a subject", ScoreRequest, ScoreAnswer, "risk:score", self._score),
        )

    async def _score(self, call: Call) -> ScoreAnswer:
        asked: ScoreRequest = call.body
        wanted = asked.scores or self._known
        wrong = [
            Problem(f"scores[{place}]", name, f"it must be of {', '.join(self._known)}")
            for place, name in enumerate(asked.scores)
            if name not in self._known
        ]
        if wrong:
            raise Refused(wrong)
        subject = read_subject(asked.subject, call.key.institution_id)
        found = self._engine.assess(subject, wanted, self._now_s())
        return ScoreAnswer(told_scores(found), told_hits(found), told_graph(found), told_subject(subject))


def told_scores(found: Assessment) -> dict[str, ScoreTold]:
    return {
        name: ScoreTold(one.score, one.probability, tuple(one.reasons), one.version)
        for name, one in found.scores.items()
    }


def told_hits(found: Assessment) -> tuple[HitTold, ...]:
    return tuple(
        HitTold(
            hit.list, "institution" if hit.institution else "global", hit.reason, hit.source, hit.expires_s,
            written_key(hit.key),
        )
        for hit in found.hits
    )  # fmt: skip


def told_graph(found: Assessment) -> dict[str, float]:
    return {} if found.features is None else dict(structs.asdict(found.features))


def told_subject(subject: Subject) -> SubjectTold:
    return SubjectTold(
        tuple(written_key(one.key) for one in subject.ids),
        written_key(person_key("ip", subject.ip)) if subject.ip else None,
    )
