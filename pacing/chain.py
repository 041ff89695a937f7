"""What makes a change to the past show: each transaction's hash covers what it says and the hash of the one before.

The hash is SHA-256, in hex, of the hash before (empty for the first) and a JSON list without spaces: ``[id, kind,
booked_ns, by, reason, reference, reverses, day, [[account, amount], …]]`` with the postings in the order of their
accounts. Whoever notes the last hash elsewhere now and then can prove later that nothing before it was changed.
"""

from collections.abc import Mapping
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, select

from pacing.tables import transactions

COVERED = ("id", "kind", "booked_ns", "by", "reason", "reference", "reverses", "day")


def link(before: str, row: Mapping[str, object], moves: Mapping[int, int]) -> str:
    """The hash of a transaction: its columns `COVERED`, and what it moves, by account."""
    content = [*(row[name] for name in COVERED), sorted(moves.items())]
    return sha256(before.encode() + msgspec.json.encode(content)).hexdigest()


def end(conn: Connection) -> str:
    """The last transaction's hash."""
    t = transactions.c
    return conn.execute(select(t.hash).order_by(t.id.desc()).limit(1)).scalar() or ""
