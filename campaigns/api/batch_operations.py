"""``:batch``: many edits of one kind in one call, each with a result of its own, all or none of them if wished."""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from api.operations import Call, Operation
from api.problem import Failure, ProblemDocument, failure_of
from campaigns.api.answers import Answer, answer, once
from campaigns.api.clerk import Clerk, Finish
from campaigns.api.draft import Draft
from campaigns.api.kinds import Kind
from campaigns.api.reading_operations import WRITE, may_see
from campaigns.api.resources import of_state
from campaigns.api.schema import Batch, Edit
from campaigns.api.shelf import State
from campaigns.api.writing_operations import REPEATABLE, Writing, create, delete, restore, update
from domain.errors import Problem, Refused

MOST_BYTES = 16 << 20
SECONDS = 120.0


class Editing:
    """The operation of one kind."""

    def __init__(self, kind: Kind, clerk: Clerk, shown: type[Struct]) -> None:
        self._kind, self._clerk = kind, clerk
        item = msgspec.defstruct(
            f"{kind.type_name}Edited",
            [
                ("status", int),
                ("resource", shown | UnsetType, UNSET),
                ("problem", ProblemDocument | UnsetType, UNSET),
            ],
            frozen=True,
        )
        self._answer = msgspec.defstruct(f"{kind.type_name}Edits", [("items", tuple[item, ...])], frozen=True)  # type: ignore[valid-type]

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "POST", f"/v1/{self._kind.name}:batch", f"many edits of {self._kind.name}", Batch, self._answer, WRITE,
                self._edit, query=Writing, most_bytes=MOST_BYTES, seconds=SECONDS, exact=True, headers=(REPEATABLE,),
                description=(
                    "Edits are done in their order. With `atomic` (the default) the first that is refused ends the "
                    "call, and nothing is done; without it each edit has a result or a problem of its own."
                ),
            ),
        )  # fmt: skip

    async def _edit(self, call: Call) -> web.Response:
        batch: Batch = call.body
        may_see(self._kind, call.key.institution)
        call.charge(len(batch.items) - 1)

        def work(draft: Draft) -> Finish:
            results: list[tuple[int, str, ProblemDocument | None]] = []
            for place, edit in enumerate(batch.items):
                try:
                    results.append(self._one(draft, edit))
                except (Failure, Refused) as error:
                    failure = failure_of(error)
                    if batch.atomic:
                        raise _at(failure, f"items[{place}]", edit) from None
                    results.append((failure.status, "", failure.document))
            return lambda state: self._told(state, results, call.key.institution)

        again = once(f"key {call.key.record.id}", call.request, batch)
        made = await self._clerk.change(call.key, work, again, only_check=call.query.validate_only)
        return made.response()

    def _one(self, draft: Draft, edit: Edit) -> tuple[int, str, None]:
        if edit.method == "create":
            if edit.key or edit.etag:
                name, value = ("key", edit.key) if edit.key else ("etag", edit.etag)
                raise Refused([Problem(name, value, "it is not for a new one, whose key is in its body")])
            return 201, create(draft, self._kind, edit.body), None
        if not edit.key:
            raise Refused([Problem("key", edit.key, "it must be given")])
        if edit.method == "update":
            if not edit.etag:
                raise Failure(428, "say which version is meant: etag, or * for any")
            update(draft, self._kind, edit.key, edit.body, edit.etag)
            return 200, edit.key, None
        if edit.body:
            raise Refused([Problem("body", edit.body, f"{edit.method} takes none")])
        (delete if edit.method == "delete" else restore)(draft, self._kind, edit.key, edit.etag)
        return 200, edit.key, None

    def _told(self, state: State, results: list[tuple[int, str, ProblemDocument | None]], tenant: str) -> Answer:
        items: list[dict[str, Any]] = []
        for status, key, problem in results:
            if problem is not None:
                items.append({"status": status, "problem": problem})
            else:
                items.append({"status": status, "resource": of_state(self._kind, state, key, tenant)})
        return answer({"items": items})


def _at(failure: Failure, path: str, edit: Edit) -> Failure:
    """The failure of an item as that of the whole."""
    inside = f"{path}.body" if edit.method in ("create", "update") else path
    problems = [
        Problem(
            f"{path}.{one.path}" if one.path in ("key", "etag", "body") and one.path not in edit.body
            else f"{inside}.{one.path}" if one.path else inside, one.value, one.allowed,
        )
        for one in failure.problems
    ]  # fmt: skip
    if not problems:
        problems = [Problem(path, edit.key or edit.body.get("key"), failure.detail)]
    return Failure(failure.status, f"{path}: {failure.detail}; nothing was done", problems, failure.headers)
