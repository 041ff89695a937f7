"""``/v1/events``: what happened, told by institutions and trackers."""

from collections.abc import Callable

from api.batch import batch_of
from api.operations import Call, Operation
from api.problem import Failure
from domain.errors import Unavailable
from domain.naming import name_id
from eventlog.frames import LogFull
from risk.engine import Engine
from risk.events import FRAUD, LEGITIMATE, EventForm, Happening
from risk.subject import read_subject
from risk.wire import EventTaken

SCOPE = "risk:events"
LABELS = "risk:labels"
"""What a key needs beside it to say who is fraud and who is not: it counts for everybody who asks."""


class Events:
    """``now_s``: Unix seconds; ``seen`` is told the name of every event."""

    def __init__(self, engine: Engine, now_s: Callable[[], int], seen: Callable[[str], None]) -> None:
        self._engine, self._now_s, self._seen = engine, now_s, seen

    def operations(self) -> tuple[Operation, ...]:
        one = Operation(
            "POST", "/v1/events", "Something happened", EventForm, EventTaken, SCOPE, self._take,
            description="It counts at once; the answer says that the graph has it on disk. Sent again with the same "
            "id it does not count again; without an id it does.",
        )  # fmt: skip
        return one, batch_of(one)

    async def _take(self, call: Call) -> EventTaken:
        asked: EventForm = call.body
        if asked.event in (FRAUD, LEGITIMATE) and not call.key.may(LABELS):
            raise Failure(403, f"this key has not the scope {LABELS!r}, which {asked.event!r} needs")
        now_s = self._now_s()
        subject = read_subject(asked.subject, call.key.institution_id)
        told = name_id(f"event:{call.key.institution}:{asked.id}") if asked.id else 0
        happened = Happening(asked.event, subject, asked.at or now_s, told)
        try:
            new = self._engine.take(happened, now_s)
            await self._engine.durable()
        except LogFull as error:
            raise Unavailable(f"the event cannot be recorded: {error.strerror}") from None
        if new:
            self._seen(asked.event)
        return EventTaken(happened.at_s, not new)
