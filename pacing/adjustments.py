"""What is put right by hand: credits and debits, invalid traffic given back, and entries taken back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from domain.campaign import FeeTerms
from domain.clock import utc
from domain.errors import Problem, Refused
from domain.exchange import Exchange
from domain.fees import split
from pacing import bulk
from pacing.accounts import Accounts, Owner
from pacing.by_hand import Booked, Note, book_by_hand, booked_before
from pacing.fee_terms import stored
from pacing.tables import credited_bids, postings, settlements, transactions


def adjust(
    conn: Connection,
    book: Accounts,
    owner: Owner,
    debit: int,
    note: Note,
    now_ns: int,
    *,
    invalid_traffic: bool = False,
    exchange: Exchange | None = None,
) -> Booked:
    """Debits an account (credits it, where ``debit`` is negative). The other side is what is owed to an exchange that
    pays for it, else what is written off. Raises Refused.
    """
    if exchange is not None and exchange.currency != owner.currency:
        allowed = (
            f"it is paid in {exchange.currency}, and {owner} in {owner.currency}: name the bids in a file "
            "(credit-invalid-traffic), each of which knows its exchange rate"
        )
        raise Refused([Problem("exchange", exchange.key, allowed)])
    other = book.payable(conn, exchange.id, owner.currency) if exchange else book.write_off(conn, owner.currency)
    moves = {book.owned(conn, owner): debit, other: -debit}
    kind = "invalid_traffic" if invalid_traffic else "adjustment"
    return booked_before(conn, kind, moves, note) or book_by_hand(conn, kind, moves, note, now_ns)


@dataclass(frozen=True)
class Credit:
    """Invalid traffic given back: ``booked`` is None if nothing was left to credit; amounts are nanos, by currency."""

    booked: Booked | None
    bids: int = 0
    amounts: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[int, int] = field(default_factory=dict)
    """Bids that had been credited before, with the transaction in which they were."""


def credit_bids(
    conn: Connection,
    book: Accounts,
    named: Mapping[int, str],
    note: Note,
    now_ns: int,
    exchange: Exchange | None = None,
) -> Credit:
    """Gives back what each bid cost, media and fees, once. ``named`` are bids with where they were named, for errors.
    If ``exchange`` pays for it, what is owed to it falls; else the media is written off. Raises Refused.
    """
    before = _credited(conn, named)
    left = [bid for bid in named if bid not in before]
    costs = _costs(conn, left)
    problems = [Problem(named[bid], bid, "no such bid was billed") for bid in left if bid not in costs]
    for bid, cost in costs.items():
        if exchange is not None and cost.exchange != exchange.id:
            problems.append(Problem(named[bid], bid, f"it was bought from another exchange than {exchange.key}"))
    if problems:
        raise Refused(problems)
    if not costs:
        return Credit(None, before=before)
    moves: dict[int, int] = defaultdict(int)
    amounts: dict[str, int] = defaultdict(int)
    for cost in costs.values():
        _give_back(conn, book, cost, exchange is not None, moves)
        amounts[cost.account_currency] += cost.account_price + cost.fees
    moves = {account: amount for account, amount in moves.items() if amount}
    if again := booked_before(conn, "invalid_traffic", moves, note):
        return Credit(again, before=before)
    booked = book_by_hand(conn, "invalid_traffic", moves, note, now_ns)
    bulk.add(conn, credited_bids, [{"transaction_id": booked.id, "bid": bid} for bid in sorted(costs)])
    return Credit(booked, len(costs), dict(amounts), before)


@dataclass
class _Cost:
    """Of a bid, with all that was booked for it."""

    exchange: int
    advertiser: int
    campaign: int
    line_item: int
    currency: str
    account_currency: str
    terms: FeeTerms | None
    price: int = 0
    account_price: int = 0
    fees: int = 0


def _costs(conn: Connection, bids: Iterable[int]) -> dict[int, _Cost]:
    """Of those of the bids that were billed."""
    s = settlements.c
    known: dict[int, FeeTerms | None] = {0: None}
    found: dict[int, _Cost] = {}
    for asked in bulk.among(conn, s.bid, bids):
        for row in conn.execute(select(settlements).where(asked)):
            if row.terms not in known:
                known[row.terms] = stored(conn, row.terms)
            if row.bid not in found:
                whose = row.exchange, row.advertiser, row.campaign, row.line_item
                found[row.bid] = _Cost(*whose, row.currency, row.account_currency, known[row.terms])
            cost = found[row.bid]
            cost.price += row.price
            cost.account_price += row.account_price
            cost.fees += row.fees
    return found


def _give_back(conn: Connection, book: Accounts, cost: _Cost, paid_back: bool, moves: dict[int, int]) -> None:
    """The opposite of what was posted for a bid; what the exchange keeps is written off."""
    media, account = cost.account_price, cost.account_currency
    moves[book.line_item(conn, cost.line_item, cost.campaign, cost.advertiser, account)] -= media + cost.fees
    if cost.terms:
        for part, nanos in zip(cost.terms.parts, split(media, cost.terms), strict=True):
            moves[book.revenue(conn, part.kind, part.of, account)] += nanos
    if not paid_back:
        moves[book.write_off(conn, account)] += media
        return
    moves[book.payable(conn, cost.exchange, cost.currency)] += cost.price
    if cost.currency != account:
        moves[book.fx(conn, account)] += media
        moves[book.fx(conn, cost.currency)] -= cost.price


def _credited(conn: Connection, bids: Iterable[int]) -> dict[int, int]:
    """Those of the bids that are credited, by a transaction that was not reversed."""
    c, t = credited_bids.c, transactions.c
    taken_back = select(t.reverses).where(t.reverses.is_not(None))
    found: dict[int, int] = {}
    for asked in bulk.among(conn, c.bid, bids):
        rows = select(c.bid, c.transaction_id).where(asked, c.transaction_id.not_in(taken_back))
        found |= {bid: id_ for bid, id_ in conn.execute(rows)}
    return found


def reverse(conn: Connection, transaction: int, note: Note, now_ns: int) -> Booked:
    """Books the exact opposite of an entry by hand, once. Raises Refused."""
    t, p = transactions.c, postings.c
    found = conn.execute(select(t.kind, t.day).where(t.id == transaction)).one_or_none()
    if found is None:
        raise Refused([Problem("transaction", transaction, "there is no such transaction")])
    if found.day is not None or found.kind == "reversal":
        allowed = "a reversal is not reversed: book anew what was meant"
        if found.day is not None:
            allowed = f"it is of kind {found.kind}: only what was entered by hand is reversed; adjust or credit it"
        raise Refused([Problem("transaction", transaction, allowed)])
    posted = select(p.account_id, p.amount).where(p.transaction_id == transaction)
    moves = {account: -amount for account, amount in conn.execute(posted)}
    earlier = conn.execute(select(t.id, t.booked_ns, t.reference).where(t.reverses == transaction)).one_or_none()
    if earlier is None:
        booked_before(conn, "", {}, note)  # nothing else may have the reference
    else:
        if note.reference is not None and note.reference == earlier.reference:
            return Booked(earlier.id, earlier.booked_ns, again=True)
        when = f"{utc(earlier.booked_ns):%Y-%m-%d %H:%M:%S} UTC"
        allowed = f"it was reversed already, by transaction {earlier.id} on {when}"
        raise Refused([Problem("transaction", transaction, allowed)])
    return book_by_hand(conn, "reversal", moves, note, now_ns, reverses=transaction)
