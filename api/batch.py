"""Many calls in one: of an operation with a body, the operation that takes a list of such bodies.

Each item has a result of its own, with the status that the operation would have answered; a wrong item is no reason to
refuse the others.
"""

import asyncio
import logging
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from api.checking import decoder
from api.operations import Call, Operation
from api.problem import Failure, ProblemDocument, failure_of

log = logging.getLogger(__name__)

MOST_ITEMS = 1_000
AT_ONCE = 8
"""Items that are worked on together: what they wait for (a disk) they share; others' calls come between."""


def batch_of(operation: Operation, *, most: int = MOST_ITEMS, summary: str = "") -> Operation:
    """The batch form of ``operation``, at its path with ``/batch`` behind: ``{"items": [BODY, …]}`` ->
    ``{"items": [{"status": 200, "result": …} | {"status": 422, "problem": …}, …]}`` in the same order.

    A batch counts as so many calls against the key's rate.
    """
    name = operation.request.__name__.removesuffix("Request")
    taken = msgspec.defstruct(
        f"{name}Batch",
        [("items", Annotated[list[Raw], Meta(min_length=1, max_length=most)])],
        frozen=True,
        forbid_unknown_fields=True,
    )
    shown = msgspec.defstruct(
        f"{name}Batch",
        [("items", Annotated[list[operation.request], Meta(min_length=1, max_length=most)])],  # type: ignore[name-defined]
        frozen=True,
        forbid_unknown_fields=True,
    )
    item = msgspec.defstruct(
        f"{name}Item",
        [
            ("status", int),
            ("result", operation.response | UnsetType, UNSET),
            ("problem", ProblemDocument | UnsetType, UNSET),
        ],
        frozen=True,
    )
    answer = msgspec.defstruct(f"{name}Results", [("items", list[item])], frozen=True)  # type: ignore[valid-type]
    body_of = decoder(operation.request)

    async def one(call: Call, raw: Raw) -> Struct:
        try:
            found = await operation.handler(call._replace(body=body_of(raw)))
            return item(status=operation.status, result=found)
        except Exception as error:
            failure: Failure = failure_of(error)
            if failure.status == 500:
                log.exception("an item of a call of %s/batch failed", operation.path)
            return item(status=failure.status, problem=failure.document)

    async def many(call: Call) -> Any:
        raws: list[Raw] = call.body.items
        call.charge(len(raws) - 1)
        found: list[Struct] = []
        for start in range(0, len(raws), AT_ONCE):
            found += await asyncio.gather(*(one(call, raw) for raw in raws[start : start + AT_ONCE]))
        return answer(items=found)

    return Operation(
        operation.method,
        f"{operation.path}/batch",
        summary or f"{operation.summary}, many at once",
        taken,
        answer,
        operation.scope,
        many,
        description=f"Takes at most {most} items; each has a result or a problem of its own.",
        most_bytes=max(operation.most_bytes, 4 << 20),
        seconds=60.0,
        shown_request=shown,
    )
