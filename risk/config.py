"""Settings of the risk service: section ``[risk]``."""

from pathlib import Path

from msgspec import Struct

from domain.settings import load, places


class RiskSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The service; its port is `[outbid] risk_port`."""

    enabled: bool = True
    """Whether `outbid up` starts it."""
    flow: str = ""
    """Directory of decision flows, ``*.yaml``; empty: ``<data_dir>/risk/flows``."""
    durable: bool = True
    """Whether a decision is answered only when its record is on disk."""
    keep_decisions_days: int = 1830
    """How long decisions are kept: five years."""

    @property
    def flows(self) -> Path:
        return Path(self.flow).resolve() if self.flow else directory() / "flows"


def risk_settings() -> RiskSettings:
    return load("risk", RiskSettings)


def directory() -> Path:
    """Where the service keeps its data: lists, graph, counters, decisions, flows."""
    return places().data / "risk"


def key_file() -> Path:
    """The keys of both services of lenders."""
    return places().data / "api-keys.json"
