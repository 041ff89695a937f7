"""What exchanges think of creatives, in the store: by the exchange's answer, by its loss notices, or by hand.

A record holds for the creative as it was (``fingerprint``): once its content changes it is as if it had never been
submitted. Whatever changes what bidders see raises the catalogue's version, and is published like any other change.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, insert, select, update

from campaigns import tables
from campaigns.catalogue import Catalogue
from campaigns.store import touch
from domain.creative import Creative
from domain.events import NOT_COUNTED, Event, Kind, Notice
from domain.exchange import Approval, ApprovalStatus

PENDING, DISAPPROVED = 201, 202
"""Loss reasons (list 5.25): the creative is pending, or was disapproved."""
_NOT_COUNTED = int(NOT_COUNTED)


class Record(msgspec.Struct, frozen=True):
    """A row of ``approvals``; docs/exchanges.md tells the life of one."""

    creative: int
    exchange: int
    status: ApprovalStatus
    fingerprint: str
    reasons: tuple[str, ...] = ()
    submitted_ns: int = 0
    checked_ns: int = 0
    due_ns: int = 0
    attempts: int = 0
    trouble: str = ""


def fingerprint(creative: Creative) -> str:
    """Of everything in a creative that an exchange looks at: neither its name nor whether it is paused."""
    looked_at = replace(creative, key="", status="active")
    return blake2b(msgspec.json.encode(looked_at), digest_size=16).hexdigest()


def records(conn: Connection) -> dict[tuple[int, int], Record]:
    """All of them by (creative, exchange)."""
    found = {}
    for row in conn.execute(select(tables.approvals)).mappings():
        record = msgspec.convert({str(name): value for name, value in row.items()}, Record)
        found[record.creative, record.exchange] = record
    return found


def current(conn: Connection, known: Catalogue) -> tuple[Approval, ...]:
    """What holds for the creatives as they are now, as it is published."""
    prints = {creative.id: fingerprint(creative) for creative in known.creatives.values()}
    return tuple(
        Approval(r.creative, r.exchange, r.status, r.reasons)
        for r in sorted(records(conn).values(), key=lambda r: (r.creative, r.exchange))
        if r.status != "not_submitted" and prints.get(r.creative) == r.fingerprint
    )


def save(conn: Connection, new: Record) -> None:
    """Writes a record, and has it published if bidders would see a difference."""
    at = (tables.approvals.c.creative == new.creative) & (tables.approvals.c.exchange == new.exchange)
    seen = select(tables.approvals.c.status, tables.approvals.c.reasons, tables.approvals.c.fingerprint).where(at)
    before = conn.execute(seen).one_or_none()
    values = msgspec.to_builtins(new)
    if before is None:
        conn.execute(insert(tables.approvals).values(values))
    else:
        conn.execute(update(tables.approvals).where(at).values(values))
    if _seen(*(before or ("not_submitted", (), ""))) != _seen(new.status, new.reasons, new.fingerprint):
        touch(conn)


def _seen(status: str, reasons: Iterable[str], of: str) -> tuple[object, ...]:
    """What bidders see of a record."""
    return () if status == "not_submitted" else (status, tuple(reasons), of)


def hear_losses(conn: Connection, events: Iterable[Event]) -> None:
    """Takes what loss notices say of creatives: 202 disapproves, 201 means that the exchange is still looking.

    A notice of a bid from before the last submission says nothing of what was submitted then.
    """
    told: dict[tuple[int, int], Notice] = {}
    for event in events:
        if not isinstance(event, Notice) or event.kind != Kind.LOSS or event.marks & _NOT_COUNTED:
            continue
        if event.loss_reason in (PENDING, DISAPPROVED):
            told[event.creative, event.exchange] = event
    if not told:
        return
    prints = _fingerprints(conn, {creative for creative, _ in told})
    exchanges = set(conn.execute(select(tables.exchanges.c.id)).scalars())
    old = records(conn)
    for (creative, exchange), notice in told.items():
        if creative not in prints or exchange not in exchanges:
            continue
        status: ApprovalStatus = "disapproved" if notice.loss_reason == DISAPPROVED else "pending"
        before = old.get((creative, exchange))
        if before is not None:
            said_already = before.fingerprint == prints[creative] and before.status in (status, "disapproved")
            if said_already or notice.bid_ns < before.submitted_ns:
                continue
        base = before or Record(creative, exchange, status, "")
        reasons = (f"loss notice with reason {notice.loss_reason}",) if status == "disapproved" else ()
        save(conn, replace(base, status=status, reasons=reasons, fingerprint=prints[creative], due_ns=0))


def _fingerprints(conn: Connection, ids: set[int]) -> dict[int, str]:
    """Of creatives as they are now: this runs in the transaction that books money, so only these are read."""
    rows = conn.execute(select(tables.creatives).where(tables.creatives.c.id.in_(ids))).mappings()
    found = (msgspec.convert({str(name): value for name, value in row.items()}, Creative) for row in rows)
    return {creative.id: fingerprint(creative) for creative in found}
