"""Fee terms by their number, as the control store keeps them for ever."""

import msgspec
from sqlalchemy import Connection, select

from domain.campaign import FeePart, FeeTerms
from pacing import tables


def stored(conn: Connection, id_: int) -> FeeTerms | None:
    """None if the store never had them."""
    parts = conn.execute(select(tables.fee_terms.c.parts).where(tables.fee_terms.c.id == id_)).scalar_one_or_none()
    return None if parts is None else FeeTerms(id_, msgspec.convert(parts, tuple[FeePart, ...]))
