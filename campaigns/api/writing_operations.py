"""Operations that change one resource: made, changed in part, deleted, restored."""

from typing import Any

from aiohttp import web
from msgspec import Struct

from api.operations import Call, Header, Operation
from campaigns.api import answers
from campaigns.api.answers import Answer, answer, once
from campaigns.api.bodies import check_names, merged
from campaigns.api.clerk import Clerk, Finish, Work
from campaigns.api.draft import Draft
from campaigns.api.kinds import OUTPUT, Kind
from campaigns.api.reading_operations import WRITE, may_see
from campaigns.api.resources import IF_MATCH, check_match, matched, of_state
from campaigns.api.schema import body_type
from campaigns.api.shelf import State
from campaigns.written import Form
from domain.errors import Problem, Refused

MOST_BYTES = 1 << 20
SECONDS = 30.0

REPEATABLE = Header(
    answers.HEADER, "a call with the same key and body within a day is answered the same, and not done again"
)
NEEDED_MATCH = Header(IF_MATCH, "the etag of what was read, or * for whatever it is", required=True)
OPTIONAL_MATCH = Header(IF_MATCH, "the etag of what was read: if it has changed since, nothing is done")


class Writing(Struct, frozen=True, forbid_unknown_fields=True):
    """How a change is asked for."""

    validate_only: bool = False
    """Whether only to say what would come of it."""


def written(body: Any, kind: Kind) -> Form:
    """A body without what is only answered. Raises Refused."""
    if not isinstance(body, dict):
        raise Refused([Problem("", body, "it must be a mapping")])
    check_names(body, kind.fields, OUTPUT)
    return {name: value for name, value in body.items() if name not in OUTPUT}


def create(draft: Draft, kind: Kind, body: Any) -> str:
    """Makes a resource; returns its key."""
    return draft.create(kind, {name: value for name, value in written(body, kind).items() if value is not None})


def update(draft: Draft, kind: Kind, key: str, body: Any, match: str) -> None:
    """Changes a resource by a merge patch."""
    thing = draft.thing(kind.name, key)
    check_match(match, kind, draft, thing, key)
    patch = written(body, kind)
    if isinstance(said := body.get("etag"), str):
        check_match(said, kind, draft, thing, key)
    draft.replace(kind, key, merged(draft.form(kind.name, thing, key), patch))


def delete(draft: Draft, kind: Kind, key: str, match: str) -> None:
    check_match(match, kind, draft, draft.thing(kind.name, key), key)
    draft.delete(kind, key)


def restore(draft: Draft, kind: Kind, key: str, match: str) -> None:
    check_match(match, kind, draft, draft.deleted(kind.name, key), key)
    draft.restore(kind, key)


class Changing:
    """The operations of one kind."""

    def __init__(self, kind: Kind, clerk: Clerk, shown: type[Struct]) -> None:
        self._kind, self._clerk, self._shown = kind, clerk, shown

    def operations(self) -> tuple[Operation, ...]:
        kind, path = self._kind, f"/v1/{self._kind.name}"

        def operation(
            method: str,
            path: str,
            summary: str,
            handler: Any,
            request: Any,
            headers: tuple[Header, ...],
            status: int = 200,
        ) -> Operation:
            return Operation(
                method, path, summary, dict[str, Any] if request is not None else None, self._shown, WRITE, handler,
                query=Writing, status=status, most_bytes=MOST_BYTES, seconds=SECONDS, shown_request=request,
                exact=True, headers=headers, others=(200,) if status != 200 else (),
            )  # fmt: skip

        one = f"{path}/{{key}}"
        return (
            operation(
                "POST", path, f"a new {kind.one}", self._create, body_type(kind, patch=False), (REPEATABLE,), 201
            ),
            operation(
                "PATCH", one, f"changes a {kind.one}: a JSON merge patch (RFC 7396)", self._update,
                body_type(kind, patch=True), (NEEDED_MATCH,),
            ),
            operation(
                "DELETE", one, f"deletes a {kind.one}; it can be restored", self._delete, None, (OPTIONAL_MATCH,)
            ),
            operation(
                "POST", f"{one}:restore", f"brings a deleted {kind.one} back, paused", self._restore, None,
                (OPTIONAL_MATCH, REPEATABLE),
            ),
        )  # fmt: skip

    async def _create(self, call: Call) -> web.Response:
        kind, tenant, only_check = self._kind, call.key.institution, call.query.validate_only

        def work(draft: Draft) -> Finish:
            key = create(draft, kind, call.body)

            def finish(state: State) -> Answer:
                found = of_state(kind, state, key, tenant)
                if only_check:
                    return answer(found)
                return answer(found, 201, ETag=found["etag"], Location=f"/v1/{kind.name}/{key}")

            return finish

        return await self._done(call, work)

    async def _update(self, call: Call) -> web.Response:
        match = matched(call.request, needed=True)
        return await self._change(call, lambda draft, key: update(draft, self._kind, key, call.body, match))

    async def _delete(self, call: Call) -> web.Response:
        match = matched(call.request, needed=False)
        return await self._change(call, lambda draft, key: delete(draft, self._kind, key, match))

    async def _restore(self, call: Call) -> web.Response:
        match = matched(call.request, needed=False)
        return await self._change(call, lambda draft, key: restore(draft, self._kind, key, match))

    async def _change(self, call: Call, change: Any) -> web.Response:
        key, tenant = call.path["key"], call.key.institution

        def work(draft: Draft) -> Finish:
            change(draft, key)
            return lambda state: shown(self._kind, state, key, tenant)

        return await self._done(call, work)

    async def _done(self, call: Call, work: Work) -> web.Response:
        may_see(self._kind, call.key.institution)
        again = once(f"key {call.key.record.id}", call.request, call.body)
        made = await self._clerk.change(call.key, work, again, only_check=call.query.validate_only)
        return made.response()


def shown(kind: Kind, state: State, key: str, tenant: str) -> Answer:
    """A resource as it is now."""
    found = of_state(kind, state, key, tenant)
    return answer(found, ETag=found["etag"])
