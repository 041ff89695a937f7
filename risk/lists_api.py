"""``/v1/lists``: entries added, removed and looked up in bulk; imports, and the trail of every change.

An institution's key changes the lists of its own, and is told of its own changes; the operator's keys (of no
institution) may everything. Files of millions are imported on the service's host: ``outbid risk lists import``.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from api.operations import Call, Operation
from api.problem import Failure
from domain.clock import SECOND, Clock
from domain.errors import Problem, Refused, Unavailable
from domain.naming import name_id
from risk.list_files import Change, Edit, Terms, changes_after
from risk.list_terms import MAX_REASON, MAX_SOURCE, checked_text, read_expiry
from risk.list_writer import ListWriter
from risk.lists import Hit, Lists, standing
from risk.lists_look import kept, look_up
from risk.lists_wire import (
    AddRequest,
    EditAnswer,
    EntryTold,
    ItemDone,
    ItemToAdd,
    ListsTold,
    ListTold,
    LookAnswer,
    LookRequest,
    LookTold,
    RemoveRequest,
    TrailQuery,
    TrailTold,
)

SCOPE = "risk:lists"
"""Of keys that may change lists."""
READ = "risk:lists:read"
_BYTES = 16 << 20
MOST_EDITS = 20_000
"""Of the changes of one answer; a single change may have more."""
_SECONDS = 60.0
"""A change may wait for an import that is being written."""

log = logging.getLogger(__name__)


class ListOperations:
    """``lists``: those that the service looks up; they have a change when its call is answered."""

    def __init__(self, lists: Lists, clock: Clock) -> None:
        self._lists, self._clock = lists, clock
        self._writer = ListWriter(lists.directory, clock)
        self._compacting: asyncio.Task[None] | None = None

    def operations(self) -> tuple[Operation, ...]:
        long: Any = {"most_bytes": _BYTES, "seconds": _SECONDS}
        return (
            Operation("POST", "/v1/lists/add", "Put ids on a list", AddRequest, EditAnswer, SCOPE, self._add, **long),
            Operation(
                "POST", "/v1/lists/remove", "Take ids off a list", RemoveRequest, EditAnswer, SCOPE, self._remove,
                **long,
            ),
            Operation("POST", "/v1/lists/look", "Who is on a list", LookRequest, LookAnswer, READ, self._look, **long),
            Operation("GET", "/v1/lists", "Lists and their lengths", None, ListsTold, READ, self._all),
            Operation(
                "GET", "/v1/lists/imports", "Files that were imported", None, TrailTold, READ, self._imports,
                query=TrailQuery,
            ),
            Operation(
                "GET", "/v1/lists/audit", "Every change, with who made it and when", None, TrailTold, READ, self._audit,
                query=TrailQuery,
            ),
        )  # fmt: skip

    async def _add(self, call: Call) -> EditAnswer:
        asked: AddRequest = call.body
        institution = _whose(call, asked.scope, asked.institution)
        now_s = self._clock.now_ns() // SECOND
        try:
            by_default = _terms(asked.reason, asked.source, asked.expires, now_s)
        except ValueError as error:
            raise Refused([Problem("reason, source, expires", asked.expires, str(error))]) from None
        return await self._edit(
            call, "add", asked.list, institution, asked.items, lambda item: _edit(item, by_default, now_s)
        )

    async def _remove(self, call: Call) -> EditAnswer:
        asked: RemoveRequest = call.body
        institution = _whose(call, asked.scope, asked.institution)
        return await self._edit(call, "remove", asked.list, institution, asked.ids, lambda id_: Edit(kept(id_)))

    async def _edit(
        self,
        call: Call,
        action: Literal["add", "remove"],
        list_: Any,
        institution: str,
        items: Sequence[Any],
        read: Callable[[Any], Edit],
    ) -> EditAnswer:
        call.charge(len(items) - 1)
        edits: list[Edit] = []
        done: list[ItemDone | None] = []
        for item in items:
            try:
                edits.append(read(item))
                done.append(None)
            except ValueError as error:
                done.append(ItemDone("refused", str(error)))
        statuses = iter(())
        if edits:
            statuses = iter(await asyncio.to_thread(self._write, action, list_, institution, edits, _who(call)))
        answer = EditAnswer(tuple(one or ItemDone(next(statuses)) for one in done), self._lists.version)
        if self._writer.due and (self._compacting is None or self._compacting.done()):
            self._compacting = asyncio.create_task(self._compact())
        return answer

    def _write(
        self, action: Literal["add", "remove"], list_: Any, institution: str, edits: Sequence[Edit], who: str
    ) -> Sequence[Any]:
        statuses = self._writer.edit(action, list_, institution, edits, who)
        self._lists.reload()
        return statuses

    async def _compact(self) -> None:
        try:
            await asyncio.to_thread(self._writer.compact, "risk service")
        except (OSError, Unavailable) as error:
            log.error("lists: no new base could be written: %s", error)

    async def _look(self, call: Call) -> LookAnswer:
        asked: LookRequest = call.body
        call.charge(len(asked.ids) - 1)
        institution = name_id(_whose_lists(call, asked.institution))
        now_s = self._clock.now_ns() // SECOND
        items = []
        for place, id_ in enumerate(asked.ids):
            if place % 500 == 499:
                await asyncio.sleep(0)  # others' calls come between
            try:
                items.append(_told(look_up(self._lists, id_, institution, now_s)))
            except ValueError as error:
                items.append(LookTold(None, allowed=str(error)))
        return LookAnswer(tuple(items))

    async def _all(self, call: Call) -> ListsTold:
        own = call.key.institution
        shelves = [one for one in self._lists.manifest.shelves if not own or one.institution == own]
        told = [ListTold(one.list, one.institution, one.keys, one.ranges) for one in shelves]
        return ListsTold(tuple(told), self._lists.version, self._lists.pending)

    async def _imports(self, call: Call) -> TrailTold:
        return await asyncio.to_thread(_trail, self._lists.directory, call, True)

    async def _audit(self, call: Call) -> TrailTold:
        return await asyncio.to_thread(_trail, self._lists.directory, call, False)


def _trail(directory: Path, call: Call, imports: bool) -> TrailTold:
    asked: TrailQuery = call.query
    own, found, edits = call.key.institution, list[Change](), 0
    for change in changes_after(directory, asked.after):
        if (own and (change.institution != own or change.action == "compact")) or (
            imports and change.action != "import"
        ):
            continue
        edits += len(change.edits)
        if len(found) == asked.limit or (found and edits > MOST_EDITS):
            return TrailTold(tuple(found), found[-1].change)
        found.append(change)
    return TrailTold(tuple(found), None)


def _who(call: Call) -> str:
    record = call.key.record
    return f"key {record.id}" + (f" of {record.institution}" if record.institution else "")


def _whose(call: Call, scope: str, institution: str) -> str:
    """The institution whose list is changed; empty: everybody's. Raises Failure (403) or Refused."""
    own = call.key.institution
    if own:
        if scope == "global":
            raise Failure(403, "only the operator's keys change the lists of everybody")
        return _whose_lists(call, institution)
    if (scope == "institution") != bool(institution):
        allowed = "the operator's keys name an institution, or the scope global"
        raise Refused([Problem("institution", institution, allowed)])
    return institution


def _whose_lists(call: Call, institution: str) -> str:
    own = call.key.institution
    if own and institution not in ("", own):
        raise Failure(403, f"this key is of {own!r}, and knows no lists of others")
    return own or institution


def _terms(reason: str, source: str, expires: int | str, now_s: int) -> Terms:
    until = expires if isinstance(expires, int) else read_expiry(expires, now_s)
    if 0 < until <= now_s:
        raise ValueError("it would have expired already")
    return Terms(checked_text(reason, MAX_REASON), checked_text(source, MAX_SOURCE), until, 0)


def _edit(item: ItemToAdd, by_default: Terms, now_s: int) -> Edit:
    told = _terms(
        by_default.reason if item.reason is None else item.reason,
        by_default.source if item.source is None else item.source,
        by_default.expires_s if item.expires is None else item.expires,
        now_s,
    )
    return Edit(kept(item.id), told.reason, told.source, told.expires_s)


def _told(hits: Sequence[Hit]) -> LookTold:
    told = [
        EntryTold(
            hit.list, "institution" if hit.institution else "global", hit.reason, hit.source, hit.expires_s, hit.change,
            hit.range,
        )
        for hit in hits
    ]  # fmt: skip
    return LookTold(standing(hits), tuple(told))
