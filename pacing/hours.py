"""What the ledger booked by hour and account, straight from its journal: to be compared with what others counted."""

from sqlalchemy import Connection, case, func, select

from domain.clock import SECOND
from pacing.protocol import LedgerHour
from pacing.tables import settlements

HOUR_NS = 3_600 * SECOND


def read_hours(conn: Connection, first: int, last: int, through: int) -> tuple[LedgerHour, ...]:
    """Settlements with ids up to ``through`` whose bids were billed in these hours, numbered from 1970 in UTC, both
    included.
    """
    s = settlements.c
    hour = s.received_ns.op("/")(HOUR_NS).label("hour")  # of whole numbers: both databases cut the rest off
    asked = (
        select(
            hour,
            s.advertiser,
            func.count(),
            func.sum(case((s.number == 0, 1), else_=0)),
            func.sum(s.price),
            func.sum(s.account_price),
            func.sum(s.fees),
        )
        .where(s.received_ns >= first * HOUR_NS, s.received_ns < (last + 1) * HOUR_NS, s.id <= through)
        .group_by(hour, s.advertiser)
    )
    return tuple(LedgerHour(*map(int, row)) for row in conn.execute(asked))
