"""What payers paid in, and what that leaves them to spend."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from domain.campaign import Funding
from domain.errors import Problem, Refused
from domain.money import format_nanos
from pacing import counters
from pacing.accounts import Accounts, Owner, Tree
from pacing.by_hand import COUNTER, Booked, Note, book_by_hand, booked_before
from pacing.tables import postings, transactions


def version(conn: Connection) -> int:
    """Rises with every entry by hand: as long as it is the same, so is `paid_in`."""
    return counters.last(conn, COUNTER)


def paid_in(conn: Connection) -> dict[tuple[str, int], int]:
    """By ("agency" or "advertiser", id): what all entries by hand in its part of the tree leave for it to spend.

    Top-ups less refunds, and credits less debits, in account nanos. Who is missing has 0.
    """
    left: dict[tuple[str, int], int] = defaultdict(int)
    for (kind, owner, _), amount in _by_hand(conn, Tree(conn)).items():
        left[kind, owner] -= amount
    return dict(left)


def top_up(conn: Connection, book: Accounts, payer: Owner, amount: int, note: Note, now_ns: int) -> Booked:
    """Money came in: the bank has it, the payer may spend it. Raises Refused."""
    moves = {book.bank(conn, payer.currency): amount, book.owned(conn, payer): -amount}
    return booked_before(conn, "top_up", moves, note) or book_by_hand(conn, "top_up", moves, note, now_ns)


def refund(conn: Connection, book: Accounts, payer: Owner, amount: int, note: Note, now_ns: int) -> Booked:
    """Money goes back to the payer: never more than it has there. Raises Refused."""
    moves = {book.bank(conn, payer.currency): -amount, book.owned(conn, payer): amount}
    if before := booked_before(conn, "refund", moves, note):
        return before
    there = -sum(account.balance for account in Tree(conn).subtree(payer.kind, payer.id))
    if amount > there:
        allowed = f"{payer} has {format_nanos(max(0, there))} {payer.currency} to be given back"
        raise Refused([Problem("amount", format_nanos(amount), allowed)])
    return book_by_hand(conn, "refund", moves, note, now_ns)


@dataclass(frozen=True)
class Payer:
    """Who pays, and on what terms."""

    owner: Owner
    funding: Funding
    credit_limit: int


@dataclass(frozen=True)
class Balance:
    """Of a payer and all below it, in nanos. ``available`` is what it may still spend, by its own terms and by its
    agency's; None is no limit. What bids in flight hold is not taken off.
    """

    payer: Payer
    paid_in: int
    spent: int
    adjustments: int
    """Credits less debits."""
    available: int | None

    @property
    def owed(self) -> int:
        """Negative: still there."""
        return self.spent - self.paid_in - self.adjustments


def balances(conn: Connection, payers: Iterable[Payer]) -> list[Balance]:
    """In the order of the payers."""
    tree = Tree(conn)
    by_hand = _by_hand(conn, tree)
    listed = list(payers)
    raw = {(p.owner.kind, p.owner.id): _balance(p, tree, by_hand) for p in listed}
    found = []
    for payer in listed:
        own = raw[payer.owner.kind, payer.owner.id]
        above = raw.get(("agency", payer.owner.agency)) if payer.owner.agency else None
        limits = [one.available for one in (own, above) if one is not None and one.available is not None]
        found.append(Balance(payer, own.paid_in, own.spent, own.adjustments, min(limits, default=None)))
    return found


def _balance(payer: Payer, tree: Tree, by_hand: dict[tuple[str, int, str], int]) -> Balance:
    kind, id_ = payer.owner.kind, payer.owner.id
    paid = -sum(by_hand.get((kind, id_, of), 0) for of in ("top_up", "refund"))
    adjusted = -sum(n for (k, i, of), n in by_hand.items() if (k, i) == (kind, id_)) - paid
    owed = sum(account.balance for account in tree.subtree(kind, id_))
    credit = payer.credit_limit if payer.funding == "credit" else 0
    available = None if payer.funding == "open" else credit - owed
    return Balance(payer, paid, owed + paid + adjusted, adjusted, available)


def _by_hand(conn: Connection, tree: Tree) -> dict[tuple[str, int, str], int]:
    """By (kind and id of a payer, kind of entry): what entries by hand posted to it and below it. A reversal counts as
    of the kind that it reverses.
    """
    t, p = transactions.c, postings.c
    reversed_ = transactions.alias()
    kind = func.coalesce(reversed_.c.kind, t.kind)
    joined = transactions.join(postings, p.transaction_id == t.id).outerjoin(reversed_, reversed_.c.id == t.reverses)
    asked = select(p.account_id, kind, func.sum(p.amount)).select_from(joined).where(t.day.is_(None))
    sums: dict[tuple[str, int, str], int] = defaultdict(int)
    for account_id, of, amount in conn.execute(asked.group_by(p.account_id, kind)):
        for account in tree.above(account_id):
            if account.kind in ("agency", "advertiser"):
                sums[account.kind, account.owner, of] += int(amount)
    return sums
