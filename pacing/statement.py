"""What happened on an advertiser's or agency's account in a month, exact to the nano, out of the ledger's postings.

Each posting has one moment: media and its fees the day on which their billing was received, everything else (entries
by hand, corrections of prices) when it was booked; both in the time zone of the advertiser whom it is for, or of the
agency whose own account it is on. So the opening balance of a month is the closing one of the month before, always.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, func, select

from domain.clock import SECOND
from domain.errors import Problem, Refused
from domain.money import round_to_minor
from pacing import bulk
from pacing.accounts import Account, Owner, Tree
from pacing.days import day_of
from pacing.tables import accounts, postings, transactions

Section = Literal["top-ups", "refunds", "media", "fees", "adjustments", "corrections"]
SECTIONS: tuple[Section, ...] = ("top-ups", "refunds", "media", "fees", "adjustments", "corrections")

_SECTION_OF: Mapping[str, Section] = {"top_up": "top-ups", "refund": "refunds", "correction": "corrections"}
"""By kind of transaction; of other kinds are adjustments."""


@dataclass(frozen=True)
class Named:
    """A thing as people call it."""

    key: str = ""
    name: str = ""


Names = Mapping[tuple[str, int], Named]
"""By kind (advertiser, campaign, line_item, fee, data) and id."""


@dataclass(frozen=True)
class Line:
    """``amount`` is nanos: what is charged is positive, what is paid or credited negative."""

    section: Section
    amount: int
    advertiser: Named = Named()
    campaign: Named = Named()
    line_item: Named = Named()
    fee: Named = Named()
    day: str = ""
    """Of an entry by hand."""
    transaction: int = 0
    kind: str = ""
    """Of an entry by hand."""
    reason: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Month:
    """``first`` day, and the first of the month after it (``next``)."""

    name: str
    first: date
    next: date

    @classmethod
    def read(cls, text: str) -> "Month":
        """From ``YYYY-MM``. Raises Refused."""
        if not re.fullmatch(r"[12]\d{3}-(0[1-9]|1[0-2])", text):
            raise Refused([Problem("month", text, "it must be a month, YYYY-MM, such as 2026-10")])
        year, month = int(text[:4]), int(text[5:])
        return cls(text, date(year, month, 1), date(year + month // 12, month % 12 + 1, 1))

    def bounds_ns(self, zone: str) -> tuple[int, int]:
        """[start, end) in a time zone."""
        first, after = (
            int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp()) * SECOND for day in (self.first, self.next)
        )
        return first, after


@dataclass(frozen=True)
class Statement:
    """Balances and lines in nanos of the account's currency: positive is owed, negative is still there."""

    owner: Owner
    month: Month
    opening: int
    lines: tuple[Line, ...]

    @property
    def closing(self) -> int:
        return self.opening + sum(line.amount for line in self.lines)

    def rounded(self, nanos: int) -> int:
        return round_to_minor(nanos, self.owner.currency)

    @property
    def rounding(self) -> int:
        """Minor units by which the rounded opening and lines miss the rounded closing: a line of its own."""
        lines = sum(self.rounded(line.amount) for line in self.lines)
        return self.rounded(self.closing) - self.rounded(self.opening) - lines


def statement(conn: Connection, owner: Owner, month: Month, names: Names, zones: Mapping[int, str]) -> Statement:
    """Of an advertiser or agency; ``zones`` are the advertisers' time zones, by id."""
    tree = Tree(conn)
    opening, lines = 0, []
    for payer, below in _parts(tree, owner).items():
        zone = owner.time_zone if payer is None else zones[payer]
        named = names.get(("advertiser", payer), Named(f"#{payer}")) if payer is not None else Named()
        part = _Part(conn, tree, below, month, zone, named, names)
        opening += part.opening()
        lines += [*part.media(), *part.entries()]
    order = {section: place for place, section in enumerate(SECTIONS)}
    lines.sort(key=lambda of: (order[of.section], of.day, of.transaction, *map(_sorting, _names(of))))
    return Statement(owner, month, opening, tuple(lines))


def _names(of: Line) -> tuple[Named, ...]:
    return of.advertiser, of.campaign, of.line_item, of.fee


def _sorting(of: Named) -> tuple[str, str]:
    return of.key, of.name


def _parts(tree: Tree, owner: Owner) -> dict[int | None, list[Account]]:
    """The owner's accounts by the advertiser whom they are for; an agency's own is for nobody (None)."""
    parts: dict[int | None, list[Account]] = defaultdict(list)
    for account in tree.subtree(owner.kind, owner.id):
        above = (one.owner for one in tree.above(account.id) if one.kind == "advertiser")
        parts[next(above, None)].append(account)
    return parts


@dataclass(frozen=True)
class _Part:
    """The part of a statement that has one time zone: an advertiser, or an agency's own account."""

    conn: Connection
    tree: Tree
    accounts: Sequence[Account]
    month: Month
    zone: str
    advertiser: Named
    names: Names

    def opening(self) -> int:
        t = transactions.c
        start_ns, _ = self.month.bounds_ns(self.zone)
        media = (t.kind == "media") & (t.day < self.month.first.isoformat())
        return sum(self._sums(media | (t.kind != "media") & (t.booked_ns < start_ns)).values())

    def media(self) -> Iterator[Line]:
        t = transactions.c
        days = (t.day >= self.month.first.isoformat()) & (t.day < self.month.next.isoformat())
        gross = self._sums((t.kind == "media") & days)
        fees: dict[tuple[str, int], int] = defaultdict(int)
        for (account, kind, of), amount in self._fees((t.kind == "media") & days).items():
            fees[kind, of] += amount
            gross[account] -= amount
        for account, amount in gross.items():
            yield Line("media", amount, **self._place(account))
        for (kind, of), amount in fees.items():
            fee = self.names.get((kind, of), Named(f"#{of}", f"{kind} {of}"))
            yield Line("fees", amount, advertiser=self.advertiser, fee=fee)

    def entries(self) -> Iterator[Line]:
        """Corrections in one line a line item, entries by hand in one each."""
        t, p = transactions.c, postings.c
        start_ns, end_ns = self.month.bounds_ns(self.zone)
        inside = (t.booked_ns >= start_ns) & (t.booked_ns < end_ns)
        for account, amount in self._sums((t.kind == "correction") & inside).items():
            if amount:
                yield Line("corrections", amount, **self._place(account))
        reversed_ = transactions.alias()
        kind = func.coalesce(reversed_.c.kind, t.kind).label("of")
        columns = t.id, t.kind, kind, t.booked_ns, t.reason, t.reference, t.reverses, p.account_id, p.amount
        joined = transactions.join(postings, p.transaction_id == t.id).outerjoin(
            reversed_, reversed_.c.id == t.reverses
        )
        found: dict[int, list[Any]] = defaultdict(list)
        for asked in self._mine():
            rows = select(*columns).select_from(joined).where(asked, t.day.is_(None), inside)
            for row in self.conn.execute(rows):
                found[row.id].append(row)
        for id_, rows_ in found.items():
            row = rows_[0]
            place = self._place(row.account_id) if len(rows_) == 1 else {"advertiser": self.advertiser}
            yield Line(
                _SECTION_OF.get(row.of, "adjustments"),
                sum(one.amount for one in rows_),
                day=day_of(row.booked_ns, self.zone).name,
                transaction=id_,
                kind=row.kind,
                reason=row.reason,
                reference=row.reference or "",
                **place,
            )

    def _mine(self) -> Collection[ColumnElement[bool]]:
        return list(bulk.among(self.conn, postings.c.account_id, [account.id for account in self.accounts]))

    def _sums(self, which: ColumnElement[bool]) -> dict[int, int]:
        """What these transactions posted, by account."""
        p, found = postings.c, dict[int, int]()
        joined = postings.join(transactions, transactions.c.id == p.transaction_id)
        for asked in self._mine():
            rows = select(p.account_id, func.sum(p.amount)).select_from(joined).where(asked, which)
            found |= {account: int(amount) for account, amount in self.conn.execute(rows.group_by(p.account_id))}
        return found

    def _fees(self, which: ColumnElement[bool]) -> dict[tuple[int, str, int], int]:
        """What of it is for fees, by account, kind and id of the fee."""
        p, a, found = postings.c, accounts.c, dict[tuple[int, str, int], int]()
        fee = postings.alias()
        joined = (
            postings.join(transactions, transactions.c.id == p.transaction_id)
            .join(fee, fee.c.transaction_id == p.transaction_id)
            .join(accounts, a.id == fee.c.account_id)
        )
        columns = p.account_id, a.kind, a.owner
        for asked in self._mine():
            rows = select(*columns, func.sum(fee.c.amount)).select_from(joined)
            rows = rows.where(asked, which, a.kind.in_(("fee", "data"))).group_by(*columns)
            found |= {(account, kind, of): -int(amount) for account, kind, of, amount in self.conn.execute(rows)}
        return found

    def _place(self, account: int) -> dict[str, Any]:
        """The names of an account and of those above it."""
        place: dict[str, Any] = {"advertiser": self.advertiser}
        for one in self.tree.above(account):
            if one.kind in ("line_item", "campaign"):
                place[one.kind] = self.names.get((one.kind, one.owner), Named(f"#{one.owner}"))
        return place
