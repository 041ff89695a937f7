"""Settings of the risk service: section ``[risk]``."""

from pathlib import Path

from msgspec import Struct

from domain.settings import load, places


class RiskSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The service; its port is ``[outbid] risk_port``, and ``[outbid] services`` says whether `outbid up` starts it."""

    flows: str = ""
    """Directory of decision flows, ``*.yaml``; empty: ``<data_dir>/risk/flows``."""
    durable: bool = True
    """Whether a decision is answered only when its record is on disk."""
    keep_decisions_days: int = 1830
    """How long decisions are kept: five years."""

    def __post_init__(self) -> None:
        if self.keep_decisions_days < 1:
            raise ValueError(f"keep_decisions_days is {self.keep_decisions_days}; it must be at least 1")

    @property
    def flow_directory(self) -> Path:
        return Path(self.flows).resolve() if self.flows else directory() / "flows"


def risk_settings() -> RiskSettings:
    return load("risk", RiskSettings)


def directory() -> Path:
    """Where the service keeps its data: lists, graph, counters, decisions, flows."""
    return places().data / "risk"
