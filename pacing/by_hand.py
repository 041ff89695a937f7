"""Entries that people make in the ledger: who, why, and never the same thing twice."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from domain.clock import utc
from domain.errors import Problem, Refused
from pacing import bulk, counters
from pacing.ledger import Entry, enter
from pacing.tables import accounts, postings, transactions

COUNTER = "manual"
"""Rises with each entry by hand, so that a running control notices."""

MOST_NANOS = 9 * 10**18
"""What an account can hold, either way: a 64-bit integer has room for little more."""


@dataclass(frozen=True)
class Note:
    """What is to be known of an entry. ``reference`` is what the outside calls it (a bank's booking, a ticket)."""

    by: str
    reason: str
    reference: str | None = None

    def problems(self) -> list[Problem]:
        found = []
        if not self.reason.strip():
            found.append(Problem("reason", self.reason, "say why, for whoever reads the statement"))
        for name, value in (("by", self.by), ("reference", self.reference)):
            if value is not None and (not value.strip() or len(value) > 255):
                found.append(Problem(name, value, "it must have 1 to 255 characters"))
        return found


@dataclass(frozen=True)
class Booked:
    """A transaction that is in the ledger; ``again``: it had been booked before, and this time nothing was."""

    id: int
    booked_ns: int
    again: bool = False


def booked_before(conn: Connection, kind: str, moves: Mapping[int, int], note: Note) -> Booked | None:
    """The entry with the same reference, if it says the same. Raises Refused if it says something else."""
    if note.reference is None:
        return None
    t, p = transactions.c, postings.c
    found = conn.execute(select(t.id, t.kind, t.booked_ns).where(t.reference == note.reference)).one_or_none()
    if found is None:
        return None
    moved = select(p.account_id, p.amount).where(p.transaction_id == found.id)
    if found.kind == kind and {account: amount for account, amount in conn.execute(moved)} == moves:
        return Booked(found.id, found.booked_ns, again=True)
    when = f"{utc(found.booked_ns):%Y-%m-%d %H:%M:%S} UTC"
    allowed = f"it was given to something else, transaction {found.id} ({found.kind}), on {when}"
    raise Refused([Problem("reference", note.reference, allowed)])


def book_by_hand(
    conn: Connection, kind: str, moves: Mapping[int, int], note: Note, now_ns: int, reverses: int | None = None
) -> Booked:
    """Books one entry. Raises Refused where its note is not complete, or an account would not hold the sum."""
    problems = note.problems()
    a = accounts.c
    for asked in bulk.among(conn, a.id, moves):
        for id_, account, owner, balance in conn.execute(select(a.id, a.kind, a.owner, a.balance).where(asked)):
            if abs(balance + moves[id_]) > MOST_NANOS:
                problems.append(Problem("amount", abs(moves[id_]), f"account {account} {owner} cannot hold that much"))
    if problems:
        raise Refused(problems)
    entry = Entry(kind, moves, None, note.by.strip(), note.reason.strip(), note.reference, reverses)
    (id_,) = enter(conn, [entry], now_ns)
    counters.take(conn, COUNTER)
    return Booked(id_, now_ns)
