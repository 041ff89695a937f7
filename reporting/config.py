"""Settings of reporting: section ``[reporting]``."""

from typing import Literal

from msgspec import Struct

from domain.settings import load


class Reporting(Struct, frozen=True, forbid_unknown_fields=True):
    store: str = "chdb"
    """``chdb`` (the engine in this process, its files in ``<data_dir>/chdb``), or
    ``clickhouse://user:password@host:port/db``.
    """
    settlements: bool = True
    """Ship the ledger's bookings too. Of several reporters on one store (one a host) exactly one does."""
    batch_rows: int = 50_000
    """Records read for one batch at most: one block, one insert for each table and day."""
    pause_s: float = 0.5
    """Real seconds between two looks at the logs when there was little to ship."""
    query_seconds: float = 60.0
    """A report that needs longer is ended with an error."""
    query_memory_mb: int = 2_048
    """One that needs more memory, too."""
    query_rows: int = 4_000_000_000
    """One that would read more rows, too."""
    queries: int = 4
    """Reports that are worked on side by side; others wait."""
    anonymous: Literal["loopback", "never"] = "loopback"
    """Who may ask for reports without a token: processes of this host, that ask the port directly, or nobody."""
    revoked_tokens: tuple[str, ...] = ()
    """Ids of tokens that are not taken any more, though their time is not over."""


def settings() -> Reporting:
    return load("reporting", Reporting)
