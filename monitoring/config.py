"""Section ``[log]`` of the settings."""

from typing import Literal

from msgspec import Struct, field

from domain.settings import load

Level = Literal["debug", "info", "warning", "error", "critical"]


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How all processes of a host log, to standard error."""

    format: Literal["text", "json"] = "text"
    """``json``: one object a line, for machines."""
    level: Level = "info"
    """What is less urgent is not logged."""
    levels: dict[str, Level] = field(default_factory=dict)
    """Logger (``bidder.control_link``, or ``bidder`` for all of its) -> its own level."""
    repeats: int = 5
    """Times that the same warning or error is logged in a minute; how many more there were is said afterwards."""

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"repeats is {self.repeats}; it must be at least 1")


def log_settings() -> LogSettings:
    return load("log", LogSettings)
