"""The ledger's transactions, with what they moved, for people to look through."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from pacing import bulk
from pacing.accounts import Tree
from pacing.tables import postings, transactions


@dataclass(frozen=True)
class Posting:
    """``amount`` is nanos; debits are positive."""

    kind: str
    owner: int
    currency: str
    amount: int


@dataclass(frozen=True)
class Transaction:
    id: int
    kind: str
    booked_ns: int
    by: str
    reason: str
    reference: str | None
    reverses: int | None
    day: str | None
    hash: str
    postings: list[Posting] = field(default_factory=list)


def read(
    conn: Connection,
    *,
    below: Iterable[tuple[str, int]] = (),
    since_ns: int | None = None,
    until_ns: int | None = None,
    by_hand: bool = False,
    limit: int = 100,
) -> list[Transaction]:
    """The newest first. ``below``: those that touch one of these accounts (kind, owner) or what hangs below it;
    ``since_ns`` and ``until_ns``: booked in that time.
    """
    tree, t, p = Tree(conn), transactions.c, postings.c
    columns = [t[column] for column in ("id", "kind", "booked_ns", "by", "reason", "reference", "reverses", "day")]
    asked = select(*columns, t.hash).order_by(t.id.desc()).limit(limit)
    wanted = [account.id for kind, owner in below for account in tree.subtree(kind, owner)]
    if wanted or below:
        asked = asked.where(t.id.in_(select(p.transaction_id).where(p.account_id.in_(wanted))))
    if since_ns is not None:
        asked = asked.where(t.booked_ns >= since_ns)
    if until_ns is not None:
        asked = asked.where(t.booked_ns < until_ns)
    if by_hand:
        asked = asked.where(t.day.is_(None))
    found = {row.id: Transaction(**row._asdict()) for row in conn.execute(asked)}
    for part in bulk.among(conn, p.transaction_id, found):
        moved = select(p.transaction_id, p.account_id, p.amount).where(part).order_by(p.transaction_id, p.account_id)
        for id_, account_id, amount in conn.execute(moved):
            account = tree.by_id[account_id]
            found[id_].postings.append(Posting(account.kind, account.owner, account.currency, amount))
    return list(found.values())
