"""Section ``[tracker]`` of the settings."""

from msgspec import Struct

from domain.settings import load
from openrtb.tcf import Vendor


class TrackerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the money port runs."""

    directory_s: float = 2.0
    """Real seconds between two looks at control for new advertisers and exchanges."""
    max_body_bytes: int = 65536
    """Largest body of a postback."""
    cookie_days: int = 390
    """How long a browser keeps our cookie, from 1 to 400; it is not renewed."""
    partitioned_cookie: bool = False
    """Whether each site that embeds us gives us a cookie of its own (CHIPS)."""

    def __post_init__(self) -> None:
        if not 1 <= self.cookie_days <= 400:
            raise ValueError(f"cookie_days is {self.cookie_days}; it must be from 1 to 400")


class TcfDeclaration(Struct, frozen=True):
    """Who we are in the Global Vendor List: one fact, written in the bidder's section (`bidder.config`)."""

    tcf_vendor_id: int = 0
    tcf_purposes: tuple[int, ...] = (1, 2, 3, 4, 7)
    tcf_legitimate_interests: tuple[int, ...] = ()
    tcf_flexible_purposes: tuple[int, ...] = ()


DECLARED_IN = "bidder"


def tracker_settings() -> TrackerSettings:
    return load("tracker", TrackerSettings)


def tcf_vendor() -> Vendor:
    """Us, as the bidder declares us. Raises ValueError for what cannot be declared."""
    told = load(DECLARED_IN, TcfDeclaration)
    return Vendor(told.tcf_vendor_id, told.tcf_purposes, told.tcf_legitimate_interests, told.tcf_flexible_purposes)
