"""An assessment as it is answered, and as a decision's record keeps it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from risk.decisions import HitRecord, ScoreRecord
from risk.engine import Assessment
from risk.lists import Hit
from risk.subject import Subject
from risk.wire import HitTold, ScoreTold, SubjectTold
from targeting.identity_keys import written_key


def told_scores(scores: Mapping[str, Any]) -> dict[str, ScoreTold]:
    """``scores``: of an assessment or of a record."""
    return {
        name: ScoreTold(one.score, one.probability, tuple(one.reasons), one.version) for name, one in scores.items()
    }


def told_hits(found: Assessment) -> tuple[HitTold, ...]:
    return tuple(
        HitTold(
            hit.list, scope_of(hit), hit.reason, hit.source, hit.expires_s, written_key(hit.key),
            hit not in found.counting,
        )
        for hit in found.hits
    )  # fmt: skip


def scope_of(hit: Any) -> Any:
    """Whose list a hit is of."""
    return "institution" if hit.institution else "global"


def graph_of(found: Assessment) -> dict[str, float | bool | None]:
    """Empty: none of the subject's ids is in the graph."""
    return {} if found.features is None else structs.asdict(found.features)


def told_subject(subject: Subject) -> SubjectTold:
    ip = written_key(subject.ip_key) if subject.ip_key else None
    return SubjectTold(tuple(written_key(key) for key in subject.keys), ip)


def kept_hits(hits: Sequence[Hit], counting: Sequence[Hit], keys: tuple[int, ...]) -> tuple[HitRecord, ...]:
    """``keys``: as they are recorded. A hit says which of them, not the key itself, so that it can be forgotten."""
    return tuple(
        HitRecord(
            hit.list, hit.institution, hit.reason, hit.source, hit.expires_s,
            keys.index(hit.key) if hit.key in keys else -1, hit not in counting,
        )
        for hit in hits
    )  # fmt: skip


def kept_scores(found: Assessment) -> dict[str, ScoreRecord]:
    return {
        name: ScoreRecord(one.score, one.probability, one.reasons, one.version) for name, one in found.scores.items()
    }
