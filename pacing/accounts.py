"""The tree of accounts that money moves between.

agency -> advertiser -> campaign -> line item on the one side: what was spent for whom, less what was paid. On the other
side a payable account for each exchange (what is owed), revenue for each fee, and between two currencies an fx account
in each; the bank, for what is paid; and what was written off. Spend goes to line items, payments and adjustments to
whom they are for; what somebody owes is the sum of all that hangs below.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection, insert, select, update

from pacing import counters
from pacing.tables import accounts

PAYERS = ("agency", "advertiser", "campaign", "line_item")
"""Kinds of accounts of which each hangs below the one before."""


@dataclass(frozen=True)
class Owner:
    """Whose an account is: one of `PAYERS`, with what it hangs below (0: nothing)."""

    kind: Literal["agency", "advertiser", "campaign", "line_item"]
    id: int
    key: str
    currency: str
    time_zone: str
    agency: int = 0
    advertiser: int = 0
    campaign: int = 0

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.key}"


@dataclass
class Accounts:
    """Ids of accounts, opened when first needed. A cache of the table; make a new one after a rollback."""

    agencies: Mapping[int, int] = field(default_factory=dict)
    """Each advertiser's agency; without one it is missing, or 0."""
    ids: dict[tuple[str, int, str], int] = field(default_factory=dict)

    def agency(self, conn: Connection, agency: int, currency: str) -> int:
        return self._get(conn, "agency", agency, currency, None)

    def advertiser(self, conn: Connection, advertiser: int, currency: str) -> int:
        known = self.ids.get(("advertiser", advertiser, currency))
        if known is not None:
            return known
        agency = self.agencies.get(advertiser, 0)
        return self._get(
            conn, "advertiser", advertiser, currency, self.agency(conn, agency, currency) if agency else None
        )

    def campaign(self, conn: Connection, campaign: int, advertiser: int, currency: str) -> int:
        return self._get(conn, "campaign", campaign, currency, self.advertiser(conn, advertiser, currency))

    def line_item(self, conn: Connection, line_item: int, campaign: int, advertiser: int, currency: str) -> int:
        known = self.ids.get(("line_item", line_item, currency))
        if known is not None:
            return known
        return self._get(conn, "line_item", line_item, currency, self.campaign(conn, campaign, advertiser, currency))

    def owned(self, conn: Connection, owner: Owner) -> int:
        """The account of a payer, or of what it pays for."""
        if owner.kind == "agency":
            return self.agency(conn, owner.id, owner.currency)
        if owner.kind == "advertiser":
            return self.advertiser(conn, owner.id, owner.currency)
        if owner.kind == "campaign":
            return self.campaign(conn, owner.id, owner.advertiser, owner.currency)
        return self.line_item(conn, owner.id, owner.campaign, owner.advertiser, owner.currency)

    def payable(self, conn: Connection, exchange: int, currency: str) -> int:
        return self._get(conn, "payable", exchange, currency, None)

    def fx(self, conn: Connection, currency: str) -> int:
        return self._get(conn, "fx", 0, currency, None)

    def revenue(self, conn: Connection, kind: str, of: int, currency: str) -> int:
        """Of a fee (``fee``), or of an audience's data (``data``)."""
        return self._get(conn, kind, of, currency, None)

    def bank(self, conn: Connection, currency: str) -> int:
        return self._get(conn, "bank", 0, currency, None)

    def write_off(self, conn: Connection, currency: str) -> int:
        return self._get(conn, "write_off", 0, currency, None)

    def _get(self, conn: Connection, kind: str, owner: int, currency: str, parent: int | None) -> int:
        key = kind, owner, currency
        if key not in self.ids:
            a = accounts.c
            asked = select(a.id, a.parent).where(a.kind == kind, a.owner == owner, a.currency == currency)
            found = conn.execute(asked).one_or_none()
            if found is None:
                self.ids[key] = counters.take(conn, "accounts")
                values = {"id": self.ids[key], "kind": kind, "owner": owner, "parent": parent}
                conn.execute(insert(accounts).values(**values, currency=currency, balance=0))
            else:
                self.ids[key] = int(found.id)
                if parent is not None and parent != found.parent:  # opened before its agency was known of
                    conn.execute(update(accounts).where(a.id == found.id).values(parent=parent))
        return self.ids[key]


@dataclass(frozen=True)
class Account:
    """One of the tree; ``balance`` is the sum of its postings, debits positive."""

    id: int
    kind: str
    owner: int
    parent: int | None
    currency: str
    balance: int


class Tree:
    """All accounts as they stand."""

    def __init__(self, conn: Connection) -> None:
        a = accounts.c
        rows = conn.execute(select(a.id, a.kind, a.owner, a.parent, a.currency, a.balance).order_by(a.id))
        self.by_id = {row.id: Account(*row) for row in rows}
        self._by_owner: dict[tuple[str, int], list[int]] = {}
        self._below: dict[int, list[int]] = {}
        for account in self.by_id.values():
            self._by_owner.setdefault((account.kind, account.owner), []).append(account.id)
            if account.parent is not None:
                self._below.setdefault(account.parent, []).append(account.id)

    def of(self, kind: str, owner: int) -> list[int]:
        """Its own accounts: one in each currency; a payer has one at most."""
        return self._by_owner.get((kind, owner), [])

    def subtree(self, kind: str, owner: int) -> list[Account]:
        """Its accounts and all below them."""
        found, waiting = [], list(self.of(kind, owner))
        while waiting:
            id_ = waiting.pop()
            found.append(self.by_id[id_])
            waiting += self._below.get(id_, ())
        return found

    def above(self, id_: int) -> Iterable[Account]:
        """An account, and all that it hangs below, upwards."""
        at: int | None = id_
        while at is not None:
            account = self.by_id[at]
            yield account
            at = account.parent
