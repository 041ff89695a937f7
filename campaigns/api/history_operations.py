"""Operations on a resource's history: its versions, what made one another, and going back to one."""

import asyncio
from typing import Annotated, Any

from aiohttp import web
from msgspec import Meta, Struct
from sqlalchemy import Connection

from api.operations import Call, Operation
from api.problem import Failure
from campaigns import history
from campaigns.api.answers import once
from campaigns.api.bodies import difference
from campaigns.api.clerk import Clerk, Finish
from campaigns.api.draft import Draft, plain
from campaigns.api.kinds import Kind, moment
from campaigns.api.reading_operations import READ, WRITE, PageSize, may_see, told
from campaigns.api.resources import check_match, hidden, matched
from campaigns.api.schema import Diff, Revert, VersionList, VersionOut
from campaigns.api.shelf import Shelf
from campaigns.api.writing_operations import OPTIONAL_MATCH, REPEATABLE, SECONDS, Writing, shown
from campaigns.history import Version
from campaigns.store import Store
from domain.errors import Problem, Refused

LAST = 2**31 - 1


class Versions(Struct, frozen=True, forbid_unknown_fields=True):
    """How versions are asked for."""

    page_size: PageSize = 50
    page_token: Annotated[str, Meta(pattern="^[0-9]{0,9}$")] = ""


class Against(Struct, frozen=True, forbid_unknown_fields=True):
    """The version that another is compared with; 0: the one before it."""

    against: Annotated[int, Meta(ge=0, le=LAST)] = 0


class Remembering:
    """The operations of one kind."""

    def __init__(self, kind: Kind, store: Store, shelf: Shelf, clerk: Clerk, resource: type[Struct]) -> None:
        self._kind, self._store, self._shelf, self._clerk, self._resource = kind, store, shelf, clerk, resource

    def operations(self) -> tuple[Operation, ...]:
        one = f"/v1/{self._kind.name}/{{key}}"
        return (
            Operation(
                "GET", f"{one}/versions", f"versions of a {self._kind.one}, newest first", None, VersionList, READ,
                self._list, query=Versions,
            ),
            Operation(
                "GET", f"{one}/versions/{{version}}", f"one version of a {self._kind.one}", None, VersionOut, READ,
                self._get,
            ),
            Operation(
                "GET", f"{one}/versions/{{version}}/diff", "what a version changed", None, Diff, READ, self._diff,
                query=Against,
            ),
            Operation(
                "POST", f"{one}:revert", f"gives a {self._kind.one} the fields of an earlier version again", Revert,
                self._resource, WRITE, self._revert, query=Writing, seconds=SECONDS,
                headers=(OPTIONAL_MATCH, REPEATABLE),
            ),
        )  # fmt: skip

    async def _list(self, call: Call) -> web.Response:
        def work(conn: Connection, id_: int, now: Version) -> Any:
            size = call.query.page_size
            below = int(call.query.page_token) if call.query.page_token else LAST
            found = history.versions(conn, self._kind.name, id_, below, size + 1)
            if not found and below > 1 and not call.query.page_token:
                found = [now]
            token = str(found[size - 1].version) if len(found) > size else ""
            items = [self._told(one, call.key.institution) for one in found[:size]]
            return VersionList(tuple(items), token)

        return await self._with(call, work)

    async def _get(self, call: Call) -> web.Response:
        def work(conn: Connection, id_: int, now: Version) -> Any:
            return self._told(self._version(conn, id_, _number(call), now), call.key.institution)

        return await self._with(call, work)

    async def _diff(self, call: Call) -> web.Response:
        def work(conn: Connection, id_: int, now: Version) -> Any:
            number, tenant = _number(call), call.key.institution
            against = call.query.against or number - 1
            after = hidden(self._kind, self._version(conn, id_, number, now).entry, tenant)
            before = hidden(self._kind, self._version(conn, id_, against, now).entry, tenant) if against else {}
            changes = [{"field": at, "before": x, "after": y} for at, x, y in difference(before, after)]
            return {"version": number, "against": against, "changes": changes}

        return await self._with(call, work)

    async def _with(self, call: Call, work: Any) -> web.Response:
        def read() -> web.Response:
            tenant, key = call.key.institution, call.path["key"]
            may_see(self._kind, tenant)
            part = self._shelf.current().part(tenant)
            thing = part.things(self._kind.name).get(key)
            if thing is None:
                raise Failure(404, f"there is no {self._kind.one} {key!r}")
            now = _now(plain(part.writing.resource(self._kind.name, key)))
            with self._store.read() as conn:
                return told(work(conn, thing.id, now))

        return await asyncio.to_thread(read)

    def _told(self, one: Version, tenant: str) -> VersionOut:
        shown_ = hidden(self._kind, one.entry, tenant)
        return VersionOut(one.version, moment(one.at_ns), one.by, one.action, shown_)

    def _version(self, conn: Connection, id_: int, number: int, now: Version) -> Version:
        """``now``: what a thing is that was never changed."""
        found = history.version(conn, self._kind.name, id_, number)
        if found is None and number == 1 and not history.versions(conn, self._kind.name, id_, limit=1):
            found = now
        if found is None:
            raise Failure(404, f"there is no version {number} of this {self._kind.one}")
        return found

    async def _revert(self, call: Call) -> web.Response:
        kind, key, tenant = self._kind, call.path["key"], call.key.institution
        may_see(kind, tenant)
        match = matched(call.request, needed=False)

        def work(draft: Draft) -> Finish:
            thing = draft.thing(kind.name, key)
            check_match(match, kind, draft, thing, key)
            form = draft.form(kind.name, thing, key)
            with self._store.read() as conn:
                entry = self._version(conn, thing.id, call.body.version, _now(plain(form))).entry
            if tenant:
                entry = {name: value for name, value in entry.items() if name != "competitors"}
            try:
                draft.replace(kind, key, entry)
            except Refused as refused:
                allowed = "the version does not fit what is defined now"
                first = Problem("version", call.body.version, allowed)
                raise Refused([first, *refused.problems]) from None
            return lambda state: shown(kind, state, key, tenant)

        again = once(f"key {call.key.record.id}", call.request, call.body.version)
        made = await self._clerk.change(call.key, work, again, only_check=call.query.validate_only)
        return made.response()


def _now(entry: dict[str, Any]) -> Version:
    return Version(1, 0, history.BEFORE, history.BEFORE, entry)


def _number(call: Call) -> int:
    text = call.path["version"]
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) <= LAST:
        raise Failure(404, f"there is no version {text!r}; versions are numbers from 1 on")
    return int(text)
