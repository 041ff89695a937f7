"""Settings of reporting: section ``[reporting]``."""

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
    attribution: bool = True
    """Credit conversions to clicks and views. Of several reporters on one store exactly one does."""
    attribution_s: float = 10.0
    """Real seconds between two looks at what is to be credited, at least."""
    query_seconds: float = 60.0
    """A report that needs longer is ended with an error."""


def settings() -> Reporting:
    return load("reporting", Reporting)
