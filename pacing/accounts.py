"""The tree of accounts that money moves between.

advertiser -> campaign -> line item on the one side (what was spent for whom), a payable account for each exchange on
the other (what is owed), and between two currencies an fx account in each. Postings go to line items; what a campaign
or an advertiser spent is the sum of what hangs below it.
"""

from dataclasses import dataclass, field

from sqlalchemy import Connection, insert, select

from pacing import counters
from pacing.tables import accounts


@dataclass
class Accounts:
    """Ids of accounts, opened when first needed. A cache of the table; make a new one after a rollback."""

    ids: dict[tuple[str, int, str], int] = field(default_factory=dict)

    def line_item(self, conn: Connection, line_item: int, campaign: int, advertiser: int, currency: str) -> int:
        payer = self._get(conn, "advertiser", advertiser, currency, None)
        return self._get(conn, "line_item", line_item, currency, self._get(conn, "campaign", campaign, currency, payer))

    def payable(self, conn: Connection, exchange: int, currency: str) -> int:
        return self._get(conn, "payable", exchange, currency, None)

    def fx(self, conn: Connection, currency: str) -> int:
        return self._get(conn, "fx", 0, currency, None)

    def _get(self, conn: Connection, kind: str, owner: int, currency: str, parent: int | None) -> int:
        key = kind, owner, currency
        if key not in self.ids:
            a = accounts.c
            found = conn.execute(select(a.id).where(a.kind == kind, a.owner == owner, a.currency == currency)).scalar()
            if found is None:
                found = counters.take(conn, "accounts")
                values = {"id": found, "kind": kind, "owner": owner, "parent": parent}
                conn.execute(insert(accounts).values(**values, currency=currency, balance=0))
            self.ids[key] = int(found)
        return self.ids[key]
