"""Section ``[control]`` of the settings."""

from msgspec import Struct

from domain.settings import load, places


class ControlSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the control plane keeps campaigns and the ledger."""

    database_url: str = ""
    """An SQLAlchemy URL; default: SQLite in ``<data_dir>/control.sqlite``."""
    trackers: tuple[str, ...] = ()
    """Base URLs of the trackers on other hosts, whose money logs are fetched over HTTP."""
    lease_s: float = 60.0
    """Real seconds that bidders may bid from a lease without hearing from control."""
    settle_limit: int = 2000
    """Money-log records booked in one transaction: more is faster, fewer lets heartbeats in sooner."""


def control_settings() -> ControlSettings:
    return load("control", ControlSettings)


def database_url() -> str:
    """The configured URL, or the file's, whose directory is made."""
    url = control_settings().database_url
    if url:
        return url
    places().data.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{places().data / 'control.sqlite'}"
