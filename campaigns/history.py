"""What things were: a row for each change of whatever is defined, by whomever, and which of them are deleted.

Files, the API and whatever else changes the catalogue write through here. What is deleted is paused where it can be,
hidden from lists and exports, and can be restored; things of before there was a history get their first version, what
they were, with their first change.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, delete, insert, select

from campaigns import catalogue
from campaigns.catalogue import KINDS, Catalogue, Counts
from campaigns.referring import deals_by_code, refers
from campaigns.tables import history, resources
from campaigns.writing import Writing
from campaigns.written import Form
from domain.clock import from_env
from pacing import bulk

Action = Literal["created", "changed", "deleted", "restored"]
BEFORE = "before"
"""Who made what was there before there was a history, and what was done."""
BY_FILE = "file"

SHOWN_DAYS = 90
DAY_NS = 86_400 * 10**9
"""Deleted campaigns and line items are published that long, paused: what they bought may still be billed, clicked on
and credited."""


class Mark(NamedTuple):
    """Of one thing."""

    version: int = 1
    created_ns: int = 0
    updated_ns: int = 0
    deleted_ns: int = 0


NO_MARK = Mark()
Marks = dict[tuple[str, int], Mark]
"""By kind and id; a thing that is not there has `NO_MARK`."""


class Change(NamedTuple):
    """What became of one thing. ``before``: as it was, None of what is new."""

    kind: str
    id: int
    action: Action
    before: Form | None
    after: Form


class Version(NamedTuple):
    """One row of a thing's history."""

    version: int
    at_ns: int
    by: str
    action: str
    entry: Form


def marks(conn: Connection) -> Marks:
    """Of all things that have been changed."""
    r = resources.c
    rows = conn.execute(select(r.kind, r.id, r.version, r.created_ns, r.updated_ns, r.deleted_ns))
    return {(kind, id_): Mark(*rest) for kind, id_, *rest in rows}


def deleted(conn: Connection, before_ns: int = 2**63 - 1) -> dict[str, set[int]]:
    """Ids by kind of what is deleted, and was so before ``before_ns``."""
    r = resources.c
    found: dict[str, set[int]] = {}
    for kind, id_ in conn.execute(select(r.kind, r.id).where(r.deleted_ns != 0, r.deleted_ns < before_ns)):
        found.setdefault(kind, set()).add(id_)
    return found


def without(known: Catalogue, gone: dict[str, set[int]]) -> Catalogue:
    """The catalogue without some of its things; the same if it has none of them."""
    if not any(gone.values()):
        return known
    left = known.copy()
    for kind, ids in gone.items():
        setattr(left, kind, {key: thing for key, thing in getattr(left, kind).items() if thing.id not in ids})
    return left


def published(conn: Connection, known: Catalogue, now_ns: int) -> Catalogue:
    """What a snapshot has: without campaigns and line items that were deleted long ago. Others that are deleted cost
    nothing, for nothing refers to them."""
    gone = deleted(conn, now_ns - SHOWN_DAYS * DAY_NS)
    return without(known, {kind: gone.get(kind, set()) for kind in ("campaigns", "line_items")})


def save(conn: Connection, known: Catalogue, new: Catalogue, by: str, now_ns: int | None = None) -> dict[str, Counts]:
    """As `campaigns.catalogue.save`, with a row of history for each change. What is changed is restored with it."""
    now_ns = from_env().now_ns() if now_ns is None else now_ns
    counts = catalogue.save(conn, known, new)
    changed = {kind: _differing(getattr(known, kind), getattr(new, kind)) for kind in KINDS}
    if any(changed.values()):
        was, now = Writing(known), Writing(new)
        changes = []
        for kind, keys in changed.items():
            for key in keys:
                before = was.resource(kind, key) if key in getattr(known, kind) else None
                after = now.resource(kind, key)
                action: Action = "changed" if before else "created"
                changes.append(Change(kind, getattr(new, kind)[key].id, action, before, after))
        record(conn, changes + _needed(conn, new, changed, now), by, now_ns)
    return counts


def _needed(conn: Connection, new: Catalogue, changed: dict[str, list[str]], forms: Writing) -> list[Change]:
    """What is deleted, and what was changed refers to: it is restored, for what is there needs it."""
    gone = {(kind, id_) for kind, ids in deleted(conn).items() for id_ in ids}
    if not gone:
        return []
    by_id = {(kind, thing.id): (key, thing) for kind in KINDS for key, thing in getattr(new, kind).items()}
    deals = deals_by_code(new)
    waiting = [getattr(new, kind)[key] for kind, keys in changed.items() for key in keys]
    gone -= {(kind, getattr(new, kind)[key].id) for kind, keys in changed.items() for key in keys}
    found = []
    while waiting:
        for at in refers(waiting.pop(), deals):
            if at in gone and at in by_id:
                gone.discard(at)
                key, thing = by_id[at]
                waiting.append(thing)
                form = forms.resource(at[0], key)
                found.append(Change(*at, "restored", form, form))
    return found


def _differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [key for key, thing in after.items() if thing is not before.get(key) and thing != before.get(key)]


def record(conn: Connection, changes: Sequence[Change], by: str, now_ns: int) -> Marks:
    """Enters changes, each of another thing; returns the marks that these have now."""
    known = _marks_of(conn, changes)
    rows: list[dict[str, Any]] = []
    now: Marks = {}
    for one in changes:
        at = one.kind, one.id
        mark = known.get(at)
        if mark is None and one.before is not None:
            rows.append(_row(one, 1, 0, BEFORE, BEFORE, one.before))
            mark = NO_MARK
        version = mark.version + 1 if mark else 1
        action = "restored" if one.action == "changed" and mark and mark.deleted_ns else one.action
        rows.append(_row(one, version, now_ns, by, action, one.after))
        gone = now_ns if one.action == "deleted" else 0
        now[at] = Mark(version, mark.created_ns if mark else now_ns, now_ns, gone)
    r = resources.c
    for kind in {one.kind for one in changes}:
        for asked in bulk.among(conn, r.id, [one.id for one in changes if one.kind == kind]):
            conn.execute(delete(resources).where(r.kind == kind, asked))
    if rows:
        conn.execute(insert(history), rows)
        conn.execute(
            insert(resources), [{"kind": kind, "id": id_} | mark._asdict() for (kind, id_), mark in now.items()]
        )
    return now


def _marks_of(conn: Connection, changes: Iterable[Change]) -> Marks:
    r = resources.c
    ids: dict[str, list[int]] = {}
    for one in changes:
        ids.setdefault(one.kind, []).append(one.id)
    found: Marks = {}
    for kind, of in ids.items():
        for asked in bulk.among(conn, r.id, of):
            rows = select(r.id, r.version, r.created_ns, r.updated_ns, r.deleted_ns).where(r.kind == kind, asked)
            found |= {(kind, id_): Mark(*rest) for id_, *rest in conn.execute(rows)}
    return found


def _row(one: Change, version: int, at_ns: int, by: str, action: str, entry: Form) -> dict[str, Any]:
    said = msgspec.to_builtins(entry)
    return {
        "kind": one.kind, "id": one.id, "version": version, "at_ns": at_ns, "by": by[:80], "action": action,
        "entry": said,
    }  # fmt: skip


def versions(conn: Connection, kind: str, id_: int, below: int = 2**31 - 1, limit: int = 100) -> list[Version]:
    """The newest of a thing below one, newest first; none of what was never changed."""
    h = history.c
    asked = select(h.version, h.at_ns, h.by, h.action, h.entry).where(h.kind == kind, h.id == id_, h.version < below)
    return [Version(*row) for row in conn.execute(asked.order_by(h.version.desc()).limit(limit))]


def version(conn: Connection, kind: str, id_: int, number: int) -> Version | None:
    h = history.c
    asked = select(h.version, h.at_ns, h.by, h.action, h.entry)
    found = conn.execute(asked.where(h.kind == kind, h.id == id_, h.version == number)).one_or_none()
    return Version(*found) if found else None


WORKED_OUT = {"line_items": ("activated_ns",), "audiences": ("size",)}
"""Fields that outbid itself changes in the store without a new version of the catalogue."""


def refreshed(conn: Connection, kind: str, thing: Any) -> Any:
    """A thing that is to be written over a stored one, with what outbid has worked out of it meanwhile."""
    names = WORKED_OUT.get(kind)
    if not names:
        return thing
    table, _ = KINDS[kind]
    row = conn.execute(select(*(table.c[name] for name in names)).where(table.c.id == thing.id)).one_or_none()
    return replace(thing, **dict(zip(names, row, strict=True))) if row else thing
