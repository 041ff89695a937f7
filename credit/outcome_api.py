"""``/v1/outcomes``: what became of applications, posted or a postback; on disk before it is answered, idempotent."""

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from api.batch import batch_of
from api.keys import Keys
from api.operations import PUBLIC, Call, Operation
from api.problem import Failure
from credit.outcomes import LONGEST, Outcome, OutcomeBook, OutcomeKind
from credit.sums import nanos_of
from domain.errors import Problem, Refused, Unavailable
from domain.money import MAX_NANOS, NANOS
from eventlog.frames import LogFull

SCOPE = "credit:outcomes"
Text = Annotated[str, Meta(max_length=LONGEST)]


class OutcomeRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What became of an application."""

    kind: OutcomeKind
    match_id: Text = ""
    """Of `/v1/match` …"""
    reference: Text = ""
    """… or the reference that `/v1/score` was given."""
    at: Annotated[int, Meta(gt=0)] | None = None
    """Seconds since 1970; missing: now."""
    amount: Annotated[float, Meta(ge=0, le=MAX_NANOS / NANOS)] | None = None
    """In the product's currency: paid out, paid back, or lost."""
    product: Text = ""
    """Of a match with several offers: which."""
    id: Text = ""
    """Makes it idempotent; missing: what it is about, its product and its kind do."""


class OutcomeAnswer(Struct, frozen=True):
    """``duplicate``: it was known."""

    status: Literal["recorded", "duplicate"]


class Postback(Struct, frozen=True, forbid_unknown_fields=True):
    """The same as a URL's parameters, with the key."""

    key: str
    kind: OutcomeKind
    match_id: Text = ""
    reference: Text = ""
    at: Annotated[int, Meta(gt=0)] | None = None
    amount: Annotated[float, Meta(ge=0, le=MAX_NANOS / NANOS)] | None = None
    product: Text = ""
    id: Text = ""


class Outcomes:
    """``seen`` is told of each: its kind, and what became of it."""

    def __init__(
        self, book: OutcomeBook, keys: Keys, now_s: Callable[[], int], seen: Callable[[str, str], None]
    ) -> None:
        self._book, self._keys, self._now_s, self._seen = book, keys, now_s, seen

    def operations(self) -> tuple[Operation, ...]:
        one = Operation(
            "POST", "/v1/outcomes", "What became of an application", OutcomeRequest, OutcomeAnswer, SCOPE, self._post,
            description="On disk when it is answered. The same outcome again is answered as a duplicate; another one "
            "under the same id is refused (409).",
        )  # fmt: skip
        postback = Operation(
            "GET", "/v1/outcomes/postback", "The same, as a URL that a lender's system calls", None, OutcomeAnswer,
            PUBLIC, self._postback, query=Postback,
            description="The key is the parameter `key`; use one that may do nothing else, as URLs are logged.",
        )  # fmt: skip
        return one, batch_of(one), postback

    async def _post(self, call: Call) -> OutcomeAnswer:
        return await self._take(call.body, call.key.institution)

    async def _postback(self, call: Call) -> OutcomeAnswer:
        key = self._keys.key(f"Bearer {call.query.key}")
        if not key.may(SCOPE):
            raise Failure(403, f"this key has not the scope {SCOPE!r}")
        key.bucket.charge(1)
        return await self._take(call.query, key.institution)

    async def _take(self, asked: OutcomeRequest | Postback, institution: str) -> OutcomeAnswer:
        now = self._now_s()
        outcome = Outcome(
            asked.match_id,
            asked.kind,
            now if asked.at is None else asked.at,
            0 if asked.amount is None else nanos_of(asked.amount),
            asked.reference,
            asked.product,
            institution,
            asked.id,
        )
        if problems := outcome.problems(now):
            raise Refused(problems)
        taken = self._book.take(outcome)
        self._seen(outcome.kind, taken.status)
        if taken.status == "contradiction":
            raise Failure(409, "another outcome has this id already", [Problem("id", asked.id, "an id that is free")])
        try:
            await self._book.durable(taken.position or self._book.end)
        except LogFull as error:
            self._book.forget((outcome,))
            raise Unavailable(f"the outcome cannot be recorded: {error.strerror}") from None
        return OutcomeAnswer("recorded" if taken.status == "recorded" else "duplicate")
