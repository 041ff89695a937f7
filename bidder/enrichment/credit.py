"""What the credit service, or its table of scored people, knows of the person of a request: credit score, probability
of default and of approval.

Modes as in `bidder.enrichment.risk`; settings ``[credit_module]``.
"""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bidder.enrichment.remote import RemoteService
from bidder.enrichment.risk import MOST_IDS, PATH, whole
from domain.worth import CREDIT_FACTS, LEAST_CREDIT, MOST_CREDIT, Fact
from targeting.identity_keys import written_key

if TYPE_CHECKING:
    from bidder.auction import Wanted
    from bidder.config import CreditModuleSettings


class CreditTold(NamedTuple):
    """What is known; numbers that are not mean nothing."""

    facts: int
    """`domain.worth.Fact`"""
    credit_score: int = 0
    pd: float = 0.0
    p_approved: float = 0.0


class CreditService:
    """The credit service as the waiting room asks it."""

    facts = int(CREDIT_FACTS)
    name = "credit"

    def __init__(self, settings: "CreditModuleSettings") -> None:
        self.timeout_s = settings.timeout_ms / 1000
        self.service = RemoteService.of(self.name, settings, PATH, read_answer)

    def who(self, wanted: "Wanted") -> Hashable | None:
        """What answers are remembered by; None: there is nobody to ask about."""
        return tuple(wanted.ids[:MOST_IDS]) or None

    def ask(self, key: Hashable, wanted: "Wanted", wait_s: float, then: Callable[[CreditTold | None], None]) -> bool:
        """As `RemoteService.ask`."""
        return self.service.ask(key, lambda: question(wanted), wait_s, then)


def question(wanted: "Wanted") -> bytes:
    """The body of a request."""
    return msgspec.json.encode({"subject": {"ids": [written_key(key) for key in wanted.ids[:MOST_IDS]]}})


def read_answer(body: bytes) -> CreditTold:
    """What is missing is not known. Raises ValueError for what cannot be true: then nothing of it is believed."""
    told = msgspec.json.decode(body)
    if not isinstance(told, dict):
        raise ValueError("the answer is no object")
    facts = Fact(0)
    if (score := whole(told, "answer", "score", LEAST_CREDIT, MOST_CREDIT)) is not None:
        facts |= Fact.CREDIT_SCORE
    if (pd := _probability(told, "pd")) is not None:
        facts |= Fact.PD
    if (p_approved := _probability(told, "p_approved")) is not None:
        facts |= Fact.P_APPROVED
    return CreditTold(int(facts), score or 0, pd or 0.0, p_approved or 0.0)


def _probability(told: dict[str, object], field: str) -> float | None:
    value = told.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{field}: no number from 0 to 1")
    return float(value)
