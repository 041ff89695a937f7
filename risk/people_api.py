"""``/v1/forget``: people are taken out of what the service has counted and decided."""

import asyncio
from pathlib import Path

from msgspec import Struct

from api.operations import Call, Operation
from api.problem import Failure
from risk import decisions
from risk.engine import Engine
from risk.graph_batches import forget
from risk.subject import SubjectForm, read_subject

SCOPE = "risk:people"


class ForgetRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom."""

    subject: SubjectForm


class ForgetAnswer(Struct, frozen=True):
    """It is done."""

    decisions: int
    """Whose keys were blanked."""


class Forgetting:
    """``root``: the service's directory."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine, self._root = engine, root

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "POST", "/v1/forget", "People are forgotten", ForgetRequest, ForgetAnswer, SCOPE, self._forget,
                description="Graph, counters and decisions; lists stay. Only the operator may. What comes later is "
                "taken again, unless they are forgotten everywhere: outbid people forget.",
                seconds=300.0,
            ),
        )  # fmt: skip

    async def _forget(self, call: Call) -> ForgetAnswer:
        if call.key.institution:
            raise Failure(403, "only the operator's keys make people forgotten: others know them, too")
        asked: ForgetRequest = call.body
        keys = read_subject(asked.subject).keys
        if not keys:
            raise Failure(422, "an address is many people's: name their ids")
        if (counters := self._engine.counters) is not None:
            counters.forget(keys, await asyncio.to_thread(counters.seen_with, keys))
        await self._engine.durable()  # then it is in the log, and is found there
        await asyncio.to_thread(forget, self._root / "graph", keys)
        self._engine.graph.refresh()
        return ForgetAnswer(await asyncio.to_thread(decisions.forget, self._root, keys))
