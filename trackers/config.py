"""Section ``[tracker]`` of the settings."""

from msgspec import Struct

from domain.settings import load


class TrackerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the money port runs."""

    directory_s: float = 2.0
    """Real seconds between two looks at control for new advertisers and exchanges."""
    max_body_bytes: int = 65536
    """Largest body of a postback."""


def tracker_settings() -> TrackerSettings:
    return load("tracker", TrackerSettings)
