"""Settings of reporting: section ``[reporting]``."""

from typing import Literal

from msgspec import Struct

from domain.settings import SettingsError, load


class KeepDays(Struct, frozen=True, forbid_unknown_fields=True):
    """How many days before today the analytics store keeps facts; 0: for ever. Rollups outlive them."""

    bids: int = 35
    """Bids, no-bids and losses."""
    events: int = 100
    """Events of playing and viewing, and visits of advertisers' pages."""
    money: int = 430
    """What money and credit can be traced by: wins, billings, impressions, clicks, conversions, what they are
    attributed to, and what the ledger booked; at least 14 months.
    """


class Reporting(Struct, frozen=True, forbid_unknown_fields=True):
    store: str = "chdb"
    """``chdb`` (the engine in this process, its files in ``<data_dir>/chdb``), or
    ``clickhouse://user:password@host:port/db``.
    """
    settlements: bool = True
    """Ship the ledger's bookings too. Of several reporters on one store (one a host) exactly one does."""
    batch_rows: int = 200_000
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
    keep_days: KeepDays = KeepDays()


MONEY_DAYS = 427
"""Fourteen months at most."""


def settings() -> Reporting:
    """Raises SettingsError."""
    read = load("reporting", Reporting)
    for name, days, least in (
        ("bids", read.keep_days.bids, 2),
        ("events", read.keep_days.events, 2),
        ("money", read.keep_days.money, MONEY_DAYS),
    ):
        if days and days < least:
            raise SettingsError(f"[reporting.keep_days] {name} is {days}; it must be {least} or more, or 0: for ever")
    return read
