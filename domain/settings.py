"""Settings: a TOML file, overridden by the environment.

The file is ``$OUTBID_CONFIG``, else ``outbid.toml`` in the working directory if there is one. Each folder declares its
own section as a frozen struct in its ``config.py``; ``OUTBID_<SECTION>_<FIELD>`` overrides one field. An unknown key or
a value of the wrong type is refused with its name.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar, get_origin

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class SettingsError(ValueError):
    """A setting is wrong; the text names it."""


def _file() -> dict[str, Any]:
    named = os.environ.get("OUTBID_CONFIG")
    path = Path(named or "outbid.toml")
    if not path.exists():
        if named:
            raise SettingsError(f"OUTBID_CONFIG names {named!r}, which does not exist")
        return {}
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from None


def load(section: str, kind: type[T]) -> T:
    """The settings of one section; ``kind`` is a frozen struct with defaults that refuses unknown fields."""
    values = dict(_file().get(section, {}))
    for field in msgspec.structs.fields(kind):
        text = os.environ.get(f"OUTBID_{section.upper()}_{field.name.upper()}")
        if text is not None:
            values[field.name] = _value(text, field.type)
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"[{section}] {error}") from None


def _value(text: str, kind: Any) -> Any:
    """A variable's text as the file would have it: a list is written ``a, b`` or in JSON, a table in JSON."""
    if text[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text  # refused by the caller, with the name of its field
    if get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",")] if text else []
    return text


class Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section ``[outbid]``: where this host keeps its data, and where its processes listen."""

    data_dir: str = "var"
    """Everything that must survive a restart: control store, event logs, profiles, analytics store, keys."""
    host: str = "127.0.0.1"
    bidder_port: int = 8080
    tracker_port: int = 8081
    control_port: int = 8082
    reporter_port: int = 8083
    risk_port: int = 8084
    credit_port: int = 8085
    watcher_port: int = 8086
    api_port: int = 8087
    """Control's REST API; 0: it is not served."""
    public_url: str = ""
    """Base URL of the trackers as the world sees it (``https://t.example.com``); default: the tracker's own address."""
    control_url: str = ""
    """Where other processes reach control; default: its address on this host."""
    reporter_url: str = ""
    risk_url: str = ""
    """Where others reach the risk service; default: its address on this host."""
    credit_url: str = ""
    api_url: str = ""
    """Where the command line reaches control's REST API; default: its address on this host."""
    watcher_url: str = ""
    """Where the command line reaches the watcher; default: its address on this host."""
    services: tuple[Literal["risk", "credit"], ...] = ("risk", "credit")
    """Of the services of lenders, those that `outbid up` starts beside the bidder's own processes."""
    holds: int = 917_504
    """Bids in flight that this host remembers for frequency caps, at about 46 bytes each."""

    @property
    def data(self) -> Path:
        return Path(self.data_dir).resolve()

    @property
    def tracker_base(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.tracker_port}").rstrip("/")

    @property
    def control_base(self) -> str:
        return (self.control_url or f"http://{self.host}:{self.control_port}").rstrip("/")

    @property
    def reporter_base(self) -> str:
        return (self.reporter_url or f"http://{self.host}:{self.reporter_port}").rstrip("/")

    @property
    def service_ports(self) -> dict[str, int]:
        """Of the services of lenders, by name."""
        return {"risk": self.risk_port, "credit": self.credit_port}

    @property
    def risk_base(self) -> str:
        return (self.risk_url or f"http://{self.host}:{self.risk_port}").rstrip("/")

    @property
    def credit_base(self) -> str:
        return (self.credit_url or f"http://{self.host}:{self.credit_port}").rstrip("/")

    @property
    def api_base(self) -> str:
        return (self.api_url or f"http://{self.host}:{self.api_port}").rstrip("/")

    @property
    def watcher_base(self) -> str:
        return (self.watcher_url or f"http://{self.host}:{self.watcher_port}").rstrip("/")


def places() -> Places:
    return load("outbid", Places)
