"""Operations that read resources: one by its key, and lists of them, filtered, sorted and in pages."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from api.operations import Call, Operation
from api.problem import Failure
from campaigns.api import filtering, paging
from campaigns.api.kinds import Kind
from campaigns.api.resources import resource
from campaigns.api.schema import list_type
from campaigns.api.shelf import Part, Shelf
from campaigns.api.views import OWNED

READ, WRITE = "read", "write"
MOST = 1_000

PageSize = Annotated[int, Meta(ge=1, le=MOST)]


class One(Struct, frozen=True, forbid_unknown_fields=True):
    """How one resource is asked for."""

    show_deleted: bool = False


class Listing(Struct, frozen=True, forbid_unknown_fields=True):
    """How a list is asked for."""

    page_size: PageSize = 50
    page_token: str = ""
    filter: str = ""
    order_by: str = ""
    show_deleted: bool = False


def may_see(kind: Kind, tenant: str) -> None:
    """Raises Failure (403)."""
    if tenant and kind.name not in OWNED:
        raise Failure(403, f"this key is bound to an advertiser, and {kind.name} are the house's")


def told(value: Any, etag: str = "") -> web.Response:
    """An answer of what is read."""
    headers = {"ETag": etag} if etag else {}
    return web.Response(body=msgspec.json.encode(value), headers=headers, content_type="application/json")


class Reading:
    """The operations of one kind."""

    def __init__(self, kind: Kind, shelf: Shelf, shown: type[Struct]) -> None:
        self._kind, self._shelf, self._shown = kind, shelf, shown

    def operations(self) -> tuple[Operation, ...]:
        kind = self._kind
        return (
            Operation(
                "GET", f"/v1/{kind.name}", f"{kind.name}, a page of them", None, list_type(kind, self._shown), READ,
                self._list, query=Listing, description=f"Fields to filter and sort by: {', '.join(kind.places)}.",
            ),
            Operation(
                "GET", f"/v1/{kind.name}/{{key}}", f"one {kind.one}", None, self._shown, READ, self._get, query=One
            ),
        )  # fmt: skip

    async def _get(self, call: Call) -> web.Response:
        return await asyncio.to_thread(self._one, call.key.institution, call.path["key"], call.query.show_deleted)

    def _one(self, tenant: str, key: str, deleted: bool) -> web.Response:
        may_see(self._kind, tenant)
        part = self._shelf.current().part(tenant)
        thing = part.things(self._kind.name).get(key)
        if thing is None or (part.mark(self._kind.name, thing).deleted_ns and not deleted):
            raise Failure(404, f"there is no {self._kind.one} {key!r}")
        found = resource(self._kind, part, key, tenant)
        return told(found, found["etag"])

    async def _list(self, call: Call) -> web.Response:
        return await asyncio.to_thread(self._page, call.key.institution, call.query)

    def _page(self, tenant: str, asked: Listing) -> web.Response:
        may_see(self._kind, tenant)
        kind, part = self._kind, self._shelf.current().part(tenant)
        order = paging.order_of(asked.order_by, kind.places)
        test = filtering.parsed(asked.filter, kind.places) if asked.filter.strip() else None
        same = (tenant, kind.name, asked.filter, asked.order_by, str(asked.show_deleted))
        after = paging.position_of(asked.page_token, order, *same) if asked.page_token else None
        things = list(part.things(kind.name).values())
        if not asked.show_deleted and (gone := part.deleted(kind.name)):
            things = [thing for thing in things if thing.id not in gone]
        if test is not None:
            finder = _Finder(kind, part)
            things = [thing for thing in things if test(finder.of(thing))]
        places, seen = kind.places, part.seen
        cut, last = paging.page(things, lambda name, thing: places[name](seen, thing), order, after, asked.page_size)
        items = [resource(kind, part, places["key"](seen, thing), tenant) for thing in cut]
        token = paging.token(last, *same) if last is not None else ""
        return told({"items": items, "next_page_token": token, "total": len(things)})


class _Finder:
    """Fields of one thing after the other."""

    def __init__(self, kind: Kind, part: Part) -> None:
        self._places, self._seen = kind.places, part.seen
        self._thing: Any = None

    def of(self, thing: Any) -> Callable[[str], Any]:
        self._thing = thing
        return self._found

    def _found(self, name: str) -> Any:
        return self._places[name](self._seen, self._thing)
