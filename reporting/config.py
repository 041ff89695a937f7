"""Settings of reporting: section ``[reporting]``."""

from msgspec import Struct

from domain.settings import load


class Quality(Struct, frozen=True, forbid_unknown_fields=True):
    grace_s: float = 300.0
    """An hour is checked so long after its end, business time: events are stamped before they are logged."""
    look_back_hours: int = 3
    """Hours that are checked again every hour; those with findings are, however old they are."""
    fresh_s: float = 900.0
    """An event that is not in the store for longer, business time, is a finding."""
    tolerated_share: float = 0.02
    """Of clicks without impressions, and such: notices get lost on their way."""


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
    quality: Quality = Quality()


def settings() -> Reporting:
    return load("reporting", Reporting)
