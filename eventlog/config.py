"""Settings of the event logs: section ``[eventlog]``."""

from msgspec import Struct

from domain.settings import load

DAY_S = 86_400
LEAST_MONEY_DAYS = 427
"""Fourteen months, wherever they begin."""


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a segment is kept after its last record, at least; longer while a consumer has not passed it."""

    keep_bids_days: int = 30
    """Of bids and no-bids; less where the disk is nearly full."""
    keep_money_days: int = 430
    """Of notices, conversions and visits: at least fourteen months."""

    def __post_init__(self) -> None:
        if self.keep_bids_days < 1:
            raise ValueError(f"keep_bids_days is {self.keep_bids_days}; it must be at least 1")
        if self.keep_money_days < LEAST_MONEY_DAYS:
            raise ValueError(f"keep_money_days is {self.keep_money_days}; it must be at least {LEAST_MONEY_DAYS}")

    def keep_s(self, kind: str) -> int:
        """Seconds, for the logs of a kind: ``bids`` or ``money``."""
        return (self.keep_bids_days if kind == "bids" else self.keep_money_days) * DAY_S


def log_settings() -> LogSettings:
    return load("eventlog", LogSettings)
