"""Sections ``[log]`` and ``[alerts]`` of the settings."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from domain.settings import Places, load
from monitoring.rules import Rule, Severity

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


class Email(Struct, frozen=True, forbid_unknown_fields=True):
    """Mail by SMTP; without a ``host`` none is sent."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted: after the greeting, from its beginning, or not at all."""
    user: str = ""
    password_file: str = ""
    """Path of the file with the user's password."""
    sender: str = "outbid@localhost"
    to: tuple[str, ...] = ()
    severity: Severity = "warning"
    """The least that is sent."""
    ca_file: str = ""
    """Path of certificates (PEM) that the server's is checked by; empty: the system's."""

    def __post_init__(self) -> None:
        if self.host and not self.to:
            raise ValueError("email has a host, and nobody in to")
        if self.user and self.security == "none":
            raise ValueError("email has a user, and security is none: the password would be readable on the way")


class Webhook(Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON object POSTed to a URL, signed."""

    url: str
    secret_file: str = ""
    """Path of the file with the secret that signatures are made with; empty: unsigned."""
    severity: Severity = "warning"
    """The least that is sent."""
    ca_file: str = ""
    """Path of certificates (PEM) that the server's is checked by; empty: the system's."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        at_home = parts.hostname in ("127.0.0.1", "::1", "localhost")
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and at_home)):
            raise ValueError(f"url is {self.url!r}; it must be https (http on this host only)")


class AlertSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What the watcher watches, and whom it tells."""

    enabled: bool = True
    """Whether `outbid up` starts a watcher."""
    every_s: Annotated[float, Meta(ge=0.05, le=300)] = 15.0
    """Seconds between two looks at all processes."""
    targets: dict[str, str] = field(default_factory=dict)
    """Name -> base URL of every process to watch; empty: those of this host."""
    repeat_s: Annotated[float, Meta(ge=60, le=604_800)] = 14_400.0
    """How often an alert that goes on is told again."""
    heartbeat_url: str = ""
    """A URL that is asked for every minute while the watcher works: who does not hear of it knows that it does not."""
    email: Email = Email()
    webhook: tuple[Webhook, ...] = ()
    rule: tuple[Rule, ...] = ()

    def watched(self, here: Places) -> dict[str, str]:
        """Base URLs by name."""
        if self.targets:
            return {name: url.rstrip("/") for name, url in self.targets.items()}
        ports = {
            "bidder": here.bidder_port,
            "tracker": here.tracker_port,
            "control": here.control_port,
            "reporter": here.reporter_port,
        }
        ports |= {name: port for name, port in here.service_ports.items() if name in here.services}
        return {name: f"http://{here.host}:{port}" for name, port in ports.items()}


def alert_settings() -> AlertSettings:
    return load("alerts", AlertSettings)


def secret_in(path: str) -> str:
    """What is in a file of one secret, without the line's end. Raises OSError."""
    return Path(path).read_text().strip() if path else ""
