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
    batch_rows: int = 200_000
    """Records read for one batch at most: one block, one insert for each table and day."""
    pause_s: float = 0.5
    """Real seconds between two looks at the logs when there was little to ship."""
    attribution: bool = True
    """Credit conversions to clicks and views. Of several reporters on one store exactly one does."""
    attribution_s: float = 10.0
    """Real seconds between two looks at what is to be credited, at least."""
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
    quality: Quality = Quality()


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


class Training(Struct, frozen=True, forbid_unknown_fields=True):
    """Section ``[training]``: models are made of what the analytics store has, as a job. Of several reporters on one
    store exactly one does it. Times are business time where nothing else is said.
    """

    enabled: bool = True
    targets: tuple[Literal["ctr", "cvr", "view_cvr", "price"], ...] = ("ctr", "cvr", "price")
    every_s: float = 86_400.0
    """After a model was made, when the next one is; sooner where the live one's world has moved away."""
    first_s: float = 3_600.0
    """Where there is no live model, how often it is tried."""
    look_s: float = 3_600.0
    """How often it is looked at what is due, and whether anything has moved."""
    least_pause_s: float = 60.0
    """Real seconds between two looks at least: on a compressed day an hour is over soon."""
    days: int = 30
    """How far back it is learnt from."""
    settle_s: float = 900.0
    """Bids younger than this are left out: their clicks may still come."""
    window_s: float = 604_800.0
    """How long after a click, or a view, a conversion is looked for."""
    model: Literal["lr", "ffm", "trees", "blend"] = "lr"
    test_share: float = 0.15
    """Of the rows, the newest: they judge."""
    most_rows: int = 3_000_000
    """Held in memory; where there are more, so many of those without the outcome are taken, and weigh the more."""
    auto_promote: bool = True
    """Put a new model in service if it passes the gate that `outbid models promote` has."""


def training_settings() -> Training:
    """Raises SettingsError."""
    read = load("training", Training)
    for name, least in (("every_s", 1), ("first_s", 1), ("look_s", 1), ("days", 1), ("window_s", 60), ("most_rows", 1)):
        if getattr(read, name) < least:
            raise SettingsError(f"[training] {name} is {getattr(read, name)}; it must be {least} or more")
    return read
